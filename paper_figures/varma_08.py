"""Figure 8 of Varma et al. (2023): ungrokking on other tasks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency import tasks
from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.figure_04_ungrokking import final_accuracies, points
from predictions.variants import Variant

VARIANTS = (
    Variant(operation="multiplication"),
    Variant(operation="subtraction"),
    Variant(network="mlp"),
)


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw a panel for each operation or network."""
    drawn, panels = style.figure(len(evidence), 3.2)
    for axes, one, variant in zip(panels, evidence, VARIANTS, strict=True):
        found = points(one.runs)
        axes.set_title(" ".join(variant.options()[1::2]))
        if not found:
            axes.set_axis_off()
            axes.set_title(f"{axes.get_title('left')}: no start network counts")
            continue
        task = one.runs[0].settings.task
        chance = 1 / tasks.num_symbols(task.operation, task.size)
        title = axes.get_title("left")
        final_accuracies(axes, found, one.verdict, chance)
        axes.set_title(f"{title}: {one.verdict.outcome}")
        axes.tick_params(axis="x", labelrotation=60)
    for axes in panels[1:]:
        axes.set_ylabel("")
        legend = axes.get_legend()
        if legend is not None:
            legend.remove()
    return drawn


FIGURE = PaperFigure(
    name="figure-08",
    after="Figure 8 of Varma et al. (2023)",
    shows="As figure 4, on other operations and on another network, with the verdict of each.",
    needs=tuple(Need(prediction="ungrokking", variant=variant) for variant in VARIANTS),
    draw=draw,
    apart="The paper has nine more tasks of Power et al. (2022).",
)
