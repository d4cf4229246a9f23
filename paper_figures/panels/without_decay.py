"""What becomes of networks that generalise on few examples, by weight decay and by ε."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from predictions.cells import Run, of_arm
from predictions.circuit_efficiency.controls import small_epsilon as small_epsilons
from predictions.circuit_efficiency.controls import without_decay
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy at the smallest D' over training, with weight decay and without.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    return _panels(runs, {"λ = 1": without_decay.WITH, "λ = 0": without_decay.WITHOUT})


@mpl.rc_context(style.STYLE)
def small_epsilon(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the same without weight decay, with the usual ε and with a small one."""
    usual, small = small_epsilons.USUAL_EPSILON, small_epsilons.SMALL_EPSILON
    return _panels(runs, {"ε = 1e-8": usual, f"ε = {small_epsilons.SMALL:g}": small})


def _panels(runs: Sequence[Run], arms: Mapping[str, str]) -> Figure:
    """Draw a panel for each arm of continued runs, by its title."""
    smallest = min(run.dataset_size for run in runs)
    drawn, panels = style.figure(len(arms), 3.0)
    task = runs[0].task
    for axes, (title, name) in zip(panels, arms.items(), strict=True):
        arm = [run for run in of_arm(runs, name) if run.dataset_size == smallest]
        histories = [run.history for run in arm if run.outcome.status != "diverged"]
        axes.set_title(f"{title}, {len(histories)} networks{style.diverged(arm)}")
        if histories:
            courses.draw(axes, histories, "novel_accuracy", color=style.GEN, label="median")
        style.accuracy_axis(axes, task.chance)
        courses.steps_axis(axes)
        axes.set_xlabel(f"{NOTATION['step'].axis_label} with D′ = {smallest}")
    panels[0].set_ylabel(NOTATION["novel_accuracy"].axis_label)
    return drawn
