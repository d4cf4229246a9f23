"""Verdict → one self-contained HTML page and the same as Markdown."""

from predictions.report.build import LONGEST_NAME, stem, write_report

__all__ = ["LONGEST_NAME", "stem", "write_report"]
