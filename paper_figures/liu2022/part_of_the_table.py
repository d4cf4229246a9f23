"""Which part of a table leaves nothing but the line, and who finds it (Liu et al. 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.representation import critical_part

FIGURE = PaperFigure(
    name="representation-part",
    after="Liu et al. (2022) on the critical part of the table",
    title="Structure against the part of the table",
    shows="Share of training sets that leave no other representation than the line, and share of "
    "networks that find it, against D, with 95% intervals over seeds.",
    needs=(Need(prediction="critical-part"),),
    draw=as_in_reports(critical_part),
)
