"""What becomes of networks that generalise on few examples, by weight decay and by ε."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from efficiency.settings import OptimiserSettings
from paper_figures import courses, style
from predictions.circuit_efficiency.controls.small_epsilon import SMALL
from predictions.protocol import Run
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy at the smallest D' over training, with weight decay and without.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    arms = {"λ = 1": lambda o: o.weight_decay > 0, "λ = 0": lambda o: o.weight_decay == 0}
    return _panels(runs, arms)


@mpl.rc_context(style.STYLE)
def small_epsilon(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the same without weight decay, with the usual ε and with a small one."""
    arms = {
        "ε = 1e-8": lambda o: o.epsilon != SMALL,
        f"ε = {SMALL:g}": lambda o: o.epsilon == SMALL,
    }
    return _panels(runs, arms)


def _panels(runs: Sequence[Run], arms: Mapping[str, Callable[[OptimiserSettings], bool]]) -> Figure:
    """Draw a panel for each arm of continued runs."""
    later = [run for run in runs if run.settings.start is not None]
    smallest = min(run.settings.dataset_size for run in later)
    drawn, panels = style.figure(len(arms), 3.0)
    task = runs[0].settings.task
    for axes, (title, belongs) in zip(panels, arms.items(), strict=True):
        arm = [
            run
            for run in later
            if run.settings.dataset_size == smallest and belongs(run.settings.optimiser)
        ]
        histories = [run.history for run in arm if run.outcome.status != "diverged"]
        axes.set_title(f"{title}, {len(histories)} networks{style.diverged(arm)}")
        if histories:
            courses.draw(axes, histories, "novel_accuracy", color=style.GEN, label="median")
        style.accuracy_axis(axes, task.chance)
        courses.steps_axis(axes)
        axes.set_xlabel(f"{NOTATION['step'].axis_label} with D′ = {smallest}")
    panels[0].set_ylabel(NOTATION["novel_accuracy"].axis_label)
    return drawn
