"""Loss on repeated subsequences by depth (Nanda and Lieberum 2022; Olsson et al. 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.phase_changes import depths

FIGURE = PaperFigure(
    name="phase-changes-induction",
    after="Nanda and Lieberum (2022) and Olsson et al. (2022) on induction",
    title="Induction by the number of layers",
    shows="Loss on what comes again over steps, a line for each network, and at the end by its "
    "token with 95% intervals over seeds, by the number of layers; dotted: guessing. One "
    "layer is the control.",
    needs=(Need(prediction="induction-depth"),),
    draw=as_in_reports(depths),
)
