"""Verdict → one self-contained HTML page and the same as Markdown."""

from predictions.report.build import write_report

__all__ = ["write_report"]
