"""Figure 4 of the paper, with its time course: final test accuracy against reduced dataset size."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, finals, style
from predictions.cells import Run, of_arm
from predictions.circuit_efficiency.ungrokking.cells import WHOLE
from predictions.circuit_efficiency.ungrokking.reading import usable
from predictions.judging import plural
from predictions.verdicts import Verdict

Points = dict[float, dict[int, list[float]]]
"""Final test accuracies of all start networks, by weight decay and dataset size."""


def points(runs: Sequence[Run]) -> Points:
    """Return the final test accuracies that are drawn: those that the judge used."""
    found: Points = defaultdict(lambda: defaultdict(list))
    for one in main_arm(runs):
        found[one.weight_decay][one.dataset_size].append(one.number("novel_accuracy"))
    return {decay: dict(sorted(by_size.items())) for decay, by_size in sorted(found.items())}


def main_arm(runs: Sequence[Run]) -> list[Run]:
    """Return the continued runs that count and whose start network knew the whole table."""
    return [one for one in usable(runs)[0] if one.arm == WHOLE]


def at_middle_decay(runs: Sequence[Run]) -> tuple[float, dict[int, list[Run]]]:
    """Return the middle weight decay, and the runs of the main arm at it by D′."""
    arm = main_arm(runs)
    decays = sorted({one.weight_decay for one in arm})
    middle = decays[len(decays) // 2] if decays else math.nan
    sizes = sorted({one.dataset_size for one in arm})
    return middle, {
        D: [one for one in arm if one.dataset_size == D and one.weight_decay == middle]
        for D in sizes
    }


def number_of_starts(runs: Sequence[Run]) -> str:
    """Return how many start networks of the main arm count, of all, e.g. ``11 of 12 networks``."""
    every = {run.start for run in of_arm(runs, WHOLE)}
    counted = {one.start for one in main_arm(runs)}
    return f"{len(counted)} of {plural(len(every), 'start network')}"


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final test accuracy against D′ for every weight decay, and its course over training.

    Args:
        verdict: The verdict, for the threshold and its interval.
        runs: The runs it was judged on.
    """
    drawn, (left, right) = style.figure(2, 3.4)
    task = runs[0].task
    chance = task.chance
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
    style.mark(axes, verdict.numbers.get("threshold"), "threshold")
    style.accuracy_axis(axes, chance)
    axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].final_label)
    axes.set_title("After the continuation")
    if found:
        axes.legend(loc="upper left", title="weight decay", title_fontsize=8)


def courses_at_middle_decay(axes: Axes, runs: Sequence[Run], chance: float) -> None:
    """Draw the course of test accuracy at the middle weight decay."""
    middle, by_size = at_middle_decay(runs)
    for (D, some), colour in zip(by_size.items(), style.graded(len(by_size)), strict=True):
        histories = [one.history for one in some]
        courses.draw(axes, histories, "novel_accuracy", crowded=True, color=colour, label=f"{D}")
    style.accuracy_axis(axes, chance)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].axis_label)
    axes.set_title(f"During it, {NOTATION['weight_decay'].symbol} = {middle:g}")
    symbol = NOTATION["reduced_dataset_size"].symbol
    if by_size:
        style.legend_beside(axes, title=symbol, title_fontsize=8, reverse=True)
