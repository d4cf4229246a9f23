"""Figure 8 of Varma et al. (2023): ungrokking on other tasks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.ungrokking import final_accuracies, number_of_starts, points
from predictions.variants import Variant

VARIANTS = (
    Variant(operation="multiplication"),
    Variant(operation="subtraction"),
    Variant(operation="sum-of-squares"),
    Variant(network="mlp"),
)
ACROSS = 2


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw a panel for each operation or network, empty where it is not in the store."""
    there = {one.need.variant: one for one in evidence}
    drawn, panels = style.grid(len(VARIANTS), ACROSS, 2.9)
    explained = False
    for axes, variant in zip(panels, VARIANTS, strict=True):
        name = " ".join(variant.options()[1::2])
        one = there.get(variant)
        found = points(one.runs) if one is not None else {}
        if one is None or not found:
            axes.set_axis_off()
            why = "not in the store" if one is None else "no start network counts"
            axes.set_title(f"{name}: {why}")
            continue
        task = one.runs[0].task
        chance = task.chance
        final_accuracies(axes, found, one.verdict, chance)
        axes.set_title(f"{name}: {one.verdict.outcome}, {number_of_starts(one.runs)}")
        axes.tick_params(axis="x", labelrotation=60)
        if explained and (legend := axes.get_legend()) is not None:
            legend.remove()
        explained = True
    return drawn


FIGURE = PaperFigure(
    name="figure-08",
    after="Figure 8 of Varma et al. (2023)",
    title="Ungrokking on other tasks",
    shows="As figure 4, on other operations and on another network, with the verdict of each.",
    needs=(),
    wants=tuple(Need(prediction="ungrokking", variant=variant) for variant in VARIANTS),
    draw=draw,
    apart="The paper has nine more tasks of Power et al. (2022).",
)
