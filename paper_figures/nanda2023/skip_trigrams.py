"""Losses on skip trigrams over training (Nanda and Lieberum 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.phase_changes import losses

FIGURE = PaperFigure(
    name="phase-changes-skip-trigrams",
    after="Nanda and Lieberum (2022) on skip trigrams",
    title="Skip trigrams",
    shows="Training and test loss over steps on fresh examples and on a few, a line for each "
    "network; dotted: 1 nat, below which examples count as known. Losses above the axis, at"
    " two and a half times that of guessing, are cut off.",
    needs=(Need(prediction="skip-trigrams-fall"), Need(prediction="skip-trigrams-delay")),
    draw=as_in_reports(losses),
)
