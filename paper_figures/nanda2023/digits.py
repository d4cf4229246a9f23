"""The loss of each token of a sum over training (Nanda and Lieberum 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.phase_changes import digits

FIGURE = PaperFigure(
    name="phase-changes-digits",
    after="Nanda and Lieberum (2022) on the addition of digits",
    title="The loss of each token of a sum",
    shows="Loss of each token of the sum on held-out pairs, median over networks and their range;"
    " dotted: 1 nat, below which a token counts as known.",
    needs=(Need(prediction="digits-fall"),),
    draw=as_in_reports(digits),
)
