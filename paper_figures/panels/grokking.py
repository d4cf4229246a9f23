"""Figure 1 of the paper, its first panel: training and test accuracy against steps."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from predictions.cells import Run
from predictions.circuit_efficiency import scratch
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy on training and on test examples over training, for every seed.

    Args:
        verdict: The verdict, for the step of fitting and that of generalising.
        runs: The runs it was judged on.
    """
    drawn, (axes,) = style.figure(1, 3.2)
    accuracies(axes, verdict, runs)
    axes.legend(loc="upper left")
    return drawn


def accuracies(axes: Axes, verdict: Verdict, runs: Sequence[Run]) -> None:
    """Draw accuracies over training, and the verdict's steps of fitting and of half of the way."""
    by_seed, left_out = scratch.usable(runs)
    counted = [run for by in by_seed.values() for run in by.values()]
    without = f", {len(left_out)} left out" if left_out else ""
    axes.set_title(f"Accuracy, D = {runs[0].settings.dataset_size}, {len(counted)} seeds{without}")
    if not counted:
        return
    histories = [run.history for run in counted]
    task = runs[0].task
    for quantity, colour, dashes in (
        ("train_accuracy", style.MEM, "--"),
        ("novel_accuracy", style.GEN, "-"),
    ):
        label = f"{NOTATION[quantity].label}, median"
        courses.draw(axes, histories, quantity, color=colour, ls=dashes, label=label)
    for name in ("step_fitted", "step_halfway"):
        number = verdict.numbers.get(name)
        if number is not None and number.value is not None:
            axes.axvline(number.value, color=style.THRESHOLD, lw=0.8, ls="-.")
    courses.steps_axis(axes)
    style.accuracy_axis(axes, task.chance)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_ylabel(NOTATION["accuracy"].axis_label)
