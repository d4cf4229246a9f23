"""Figure 3 of Varma et al. (2023): efficiency of Mem and Gen against dataset size."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from paper_figures import figure_03_efficiency
from paper_figures.base import Evidence, Need, PaperFigure


def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the figure of the prediction's report, which is this one."""
    (one,) = evidence
    return figure_03_efficiency.build(one.verdict, one.runs)


FIGURE = PaperFigure(
    name="figure-03",
    after="Figure 3 of Varma et al. (2023)",
    shows="Left: norm against log-odds of every settled network of a seed that counts, Mem filled "
    "(random labels), Gen open (large D). Right: the norm that each needs for one log-odds ŝ, "
    "against D; seeds faint, geometric means bold.",
    needs=(Need(prediction="efficiency"),),
    draw=draw,
    apart="The paper reads the correct logit; here it is the log-odds, of which the loss is a "
    "function.",
)
