"""Verdict → one self-contained HTML page and the same as Markdown."""

from predictions.report.build import stem, write_report

__all__ = ["stem", "write_report"]
