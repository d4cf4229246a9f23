"""Figure 1 of Varma et al. (2023): grokking, ungrokking and semi-grokking as curves."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.grokking import accuracies
from paper_figures.panels.semi_grokking import partial_courses
from paper_figures.panels.ungrokking import courses_at_middle_decay, number_of_starts
from predictions.circuit_efficiency import scratch


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw a panel for each phenomenon."""
    grokking, ungrokking, semi = evidence
    drawn, (left, middle, right) = style.figure(3, 3.6)
    threshold = style.shown(ungrokking.verdict.numbers.get("threshold"))
    task = grokking.runs[0].task
    chance = task.chance
    accuracies(left, grokking.verdict, grokking.runs)
    left.set_title(f"Grokking{left.get_title('left').removeprefix('Accuracy')}")
    courses_at_middle_decay(middle, ungrokking.runs, chance)
    middle.set_title(f"Ungrokking, {number_of_starts(ungrokking.runs)}")
    by_seed, left_out = scratch.usable(semi.runs)
    partial_courses(right, [run for by in by_seed.values() for run in by.values()])
    without = f", {len(left_out)} runs left out" if left_out else ""
    right.set_title(f"Semi-grokking; dotted: moving{without}")
    style.accuracy_axis(right, chance)
    for axes, title, columns in (
        (left, None, 1),
        (middle, f"D′; threshold {threshold}", 3),
        (right, "D", 1),
    ):
        if not axes.get_legend_handles_labels()[0]:
            continue
        axes.legend(
            title=title,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=columns,
            fontsize=7,
            title_fontsize=7,
            reverse=axes is middle,
        )
    for axes in (middle, right):
        if not style.stacked():
            axes.set_ylabel("")
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return drawn


FIGURE = PaperFigure(
    name="figure-01",
    after="Figure 1 of Varma et al. (2023)",
    title="Grokking, ungrokking and semi-grokking",
    shows="Left: accuracy on training examples (dashed) and on novel pairs, trained from scratch. "
    "Middle: accuracy on novel pairs of networks that knew the whole table, trained on with "
    "D′ examples. Medians, of six or more with their 95% interval at each step; dash-dotted: "
    "when they fit and when they come half of the way, geometric means. Right: networks from "
    "scratch that come late to partial accuracy and stay, and dotted grey those that still "
    "move at the end; the largest D is that of the left. Dotted across: chance.",
    needs=(
        Need(prediction="grokking"),
        Need(prediction="ungrokking"),
        Need(prediction="semi-grokking"),
    ),
    draw=draw,
    apart="The paper shows test accuracy, which here counts mirror images of what was memorised.",
)
