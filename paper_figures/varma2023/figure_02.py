"""Figure 2 of Varma et al. (2023): the minimal example."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels import minimal_example as figure_02_minimal_example


def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the figure of the prediction's report, which is this one."""
    (one,) = evidence
    return figure_02_minimal_example.build(one.verdict, one.runs)


FIGURE = PaperFigure(
    name="figure-02",
    after="Figure 2 of Varma et al. (2023)",
    title="The minimal example",
    shows="Training (dashed) and test loss of gradient descent on the weights of two lookup "
    "tables: with all three ingredients of grokking, without a more efficient Gen, and without a "
    "slower one. Computed, not trained: the same at every size.",
    needs=(Need(prediction="minimal-example"),),
    draw=draw,
)
