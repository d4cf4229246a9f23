"""Losses over training by the part of the table that is trained on (Nanda and Lieberum 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.phase_changes import losses

FIGURE = PaperFigure(
    name="phase-changes-data",
    after="Nanda and Lieberum (2022) on the amount of data",
    title="Delay by the part of the table",
    shows="Training and test loss over steps, a panel for each part of the table that is trained "
    "on, a line for each network; dotted: 1 nat, below which examples count as known. "
    "Losses above the axis, at two and a half times that of guessing, are cut off.",
    needs=(Need(prediction="delay-grows"),),
    draw=as_in_reports(losses),
)
