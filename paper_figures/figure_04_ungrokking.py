"""Figure 4 of the paper, with its time course: final test accuracy against reduced dataset size."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency import tasks
from efficiency.notation import NOTATION
from paper_figures import courses, finals, style
from predictions.protocol import Run, Verdict
from predictions.ungrokking_records import Continued, usable

Points = dict[float, dict[int, list[float]]]
"""Final test accuracies of all start networks, by weight decay and dataset size."""


def points(runs: Sequence[Run]) -> Points:
    """Return the final test accuracies that are drawn: those that the judge used."""
    found: Points = defaultdict(lambda: defaultdict(list))
    for one in main_arm(runs):
        found[one.weight_decay][one.size].append(one.number("novel_accuracy"))
    return {decay: dict(sorted(by_size.items())) for decay, by_size in sorted(found.items())}


def main_arm(runs: Sequence[Run]) -> list[Continued]:
    """Return the continued runs that count and whose start network knew the whole table."""
    return [one for one in usable(runs)[0] if one.start_knew_everything]


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final test accuracy against D′ for every weight decay, and its course over training.

    Args:
        verdict: The verdict, for the threshold and its interval.
        runs: The runs it was judged on.
    """
    drawn, (left, right) = style.figure(2, 3.4)
    task = runs[0].settings.task
    chance = 1 / tasks.num_symbols(task.operation, task.size)
    final_accuracies(left, points(runs), verdict, chance)
    courses_at_middle_decay(right, runs, chance)
    return drawn


def final_accuracies(axes: Axes, found: Points, verdict: Verdict, chance: float) -> None:
    """Draw final accuracy against D′ for every weight decay, with the verdict's threshold."""
    sizes = sorted({D for by_size in found.values() for D in by_size})
    markers = itertools.cycle("osD^v<>")
    for (decay, by_size), colour, marker, place in zip(
        found.items(), style.graded(len(found)), markers, finals.beside(len(found)), strict=False
    ):
        label = f"{NOTATION['weight_decay'].symbol} = {decay:g}"
        finals.draw(axes, by_size, place=place, color=colour, marker=marker, label=label)
    style.log_axis_with_values(axes, sizes)
    style.mark(axes, verdict.numbers["threshold"], "threshold")
    style.accuracy_axis(axes, chance)
    axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].final_label)
    axes.set_title("After the continuation")
    axes.legend(loc="upper left", title="weight decay", title_fontsize=8)


def courses_at_middle_decay(axes: Axes, runs: Sequence[Run], chance: float) -> None:
    """Draw the course of test accuracy at the middle weight decay."""
    arm = main_arm(runs)
    decays = sorted({one.weight_decay for one in arm})
    middle = decays[len(decays) // 2]
    by_size: dict[int, list[pd.DataFrame]] = defaultdict(list)
    for one in arm:
        if one.weight_decay == middle:
            by_size[one.size].append(one.run.history)
    for (D, histories), colour in zip(
        sorted(by_size.items()), style.graded(len(by_size)), strict=True
    ):
        courses.draw(axes, histories, "novel_accuracy", crowded=True, color=colour, label=f"{D}")
    style.accuracy_axis(axes, chance)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].axis_label)
    axes.set_title(f"During it, {NOTATION['weight_decay'].symbol} = {middle:g}")
    symbol = NOTATION["reduced_dataset_size"].symbol
    style.legend_beside(axes, title=symbol, title_fontsize=8, reverse=True)
