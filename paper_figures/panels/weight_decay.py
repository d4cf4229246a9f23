"""Final accuracy at every weight decay, and how fast it is reached (after Figure 4)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import finals, style
from paper_figures.panels.ungrokking import points
from predictions.cells import Run
from predictions.labelled import each
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw mean final accuracies by weight decay, and the steps of the verdict to half of it."""
    drawn, (left, right) = style.figure(2, 3.2)
    task = runs[0].task
    found = points(runs)
    markers, places = itertools.cycle("osD^v<>"), finals.beside(len(found))
    for (decay, by_size), colour, marker, place in zip(
        found.items(), style.graded(len(found)), markers, places, strict=False
    ):
        label = f"{NOTATION['weight_decay'].symbol} = {decay:g}"
        finals.draw(left, by_size, place=place, color=colour, marker=marker, label=label)
    style.log_axis_with_values(left, sorted({D for by in found.values() for D in by}))
    style.accuracy_axis(left, task.chance)
    left.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    left.set_ylabel(f"{NOTATION['novel_accuracy'].final_label}, mean")
    left.set_title("Where it ends")
    left.legend(loc="lower right")
    _speeds(right, verdict)
    return drawn


def _speeds(axes: Axes, verdict: Verdict) -> None:
    numbers = {
        float(name["weight_decay"]): number
        for name, number in each(verdict.numbers, "halfway_steps", "weight_decay")
    }
    if not numbers:
        axes.set_title("No run lost half of its accuracy")
        return
    decays = sorted(numbers)
    values = [numbers[decay].value or np.nan for decay in decays]
    ends = [
        [abs(value - (end or value)) for value, end in zip(values, side, strict=True)]
        for side in (
            [numbers[decay].low for decay in decays],
            [numbers[decay].high for decay in decays],
        )
    ]
    axes.errorbar(decays, values, yerr=ends, fmt="o", color=style.GEN, capsize=3)
    line = float(np.exp(np.mean(np.log(np.array(values) * np.array(decays)))))
    axes.plot(decays, [line / decay for decay in decays], "--", color=style.CHANCE, lw=1)
    style.log_axis_with_values(axes, decays)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel(NOTATION["weight_decay"].axis_label)
    axes.set_ylabel("Steps until half is lost")
    axes.set_title("How fast; dashed: 1/λ")
