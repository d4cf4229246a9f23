"""When networks find the line, against the time of the effective theory (Liu et al. 2022)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.representation import effective_time

FIGURE = PaperFigure(
    name="representation-time",
    after="Liu et al. (2022) on the time that representations take",
    title="Time to structure against the effective theory's",
    shows="Step at which a network finds the line against the time that the effective theory "
    "needs for it, from the same first embeddings on the same examples, a mark for each "
    "network.",
    needs=(Need(prediction="effective-time"),),
    draw=as_in_reports(effective_time),
    apart="The paper has 1/λ₃, the time of the slowest mode, on the horizontal axis; the verdict "
    "has its correlation too.",
)
