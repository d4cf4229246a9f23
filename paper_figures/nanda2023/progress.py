"""Restricted and excluded loss over training (Nanda et al. 2023)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.phase_changes import circuits

FIGURE = PaperFigure(
    name="phase-changes-progress",
    after="Nanda et al. (2023) on measures of progress",
    title="Restricted and excluded loss",
    shows="Loss of what key frequencies alone say (restricted), of the logits without them on "
    "training pairs (excluded), and test loss, a line for each network; dashed: with the "
    "key frequencies of another network, for comparison; dotted: half of the loss of "
    "guessing. Losses above the axis, at two and a half times that of guessing, are cut "
    "off.",
    needs=(Need(prediction="restricted-leads"),),
    draw=as_in_reports(circuits),
)
