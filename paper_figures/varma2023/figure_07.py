"""Figure 7 of Varma et al. (2023): many ungrokking runs."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.ungrokking import at_middle_decay, number_of_starts

ACROSS = 4


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw a panel for each D′, at the middle weight decay."""
    (one,) = evidence
    decay, by_size = at_middle_decay(one.runs)
    if not by_size:
        return style.nothing(f"{number_of_starts(one.runs)} count")
    drawn, panels = style.grid(len(by_size), ACROSS, 2.0, sharex=True, sharey=True)
    task = one.runs[0].task
    for axes, (D, some) in zip(panels, by_size.items(), strict=True):
        histories = [run.history for run in some]
        for quantity, colour, dashes in (
            ("train_accuracy", style.MEM, "--"),
            ("novel_accuracy", style.GEN, "-"),
        ):
            label = NOTATION[quantity].label
            courses.draw(axes, histories, quantity, color=colour, ls=dashes, label=label)
        style.accuracy_axis(axes, task.chance)
        courses.steps_axis(axes)
        axes.set_title(f"D′ = {D}, {len(histories)} runs")
    handles, labels = panels[0].get_legend_handles_labels()
    threshold = style.shown(one.verdict.numbers.get("threshold"))
    starts = f"{NOTATION['weight_decay'].symbol} = {decay:g}, {number_of_starts(one.runs)}"
    title = f"{starts}\nthreshold of ungrokking (examples): {threshold}"
    drawn.legend(
        handles, labels, loc="outside upper center", ncols=2, title=title, title_fontsize=8
    )
    drawn.supxlabel(NOTATION["step"].axis_label, fontsize=9)
    drawn.supylabel(NOTATION["accuracy"].axis_label, fontsize=9)
    return drawn


FIGURE = PaperFigure(
    name="figure-07",
    after="Figure 7 of Varma et al. (2023)",
    title="Ungrokking over training",
    shows="Accuracy on training examples (dashed) and on novel pairs of networks that knew the "
    "whole table, trained on with D′ examples, at one weight decay; runs faint, medians bold, "
    "of six or more with their 95% interval at each step.",
    needs=(Need(prediction="ungrokking"),),
    draw=draw,
)
