"""What becomes of networks that generalise on few examples, with weight decay and without."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency import tasks
from efficiency.notation import NOTATION
from paper_figures import courses, style
from predictions.protocol import Run, Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy at the smallest D' over training, a panel for each arm.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    later = [run for run in runs if run.settings.start is not None]
    smallest = min(run.settings.dataset_size for run in later)
    drawn, panels = style.figure(2, 3.0)
    task = runs[0].settings.task
    for axes, decay in zip(panels, (1.0, 0.0), strict=True):
        arm = [
            run
            for run in later
            if run.settings.dataset_size == smallest
            and run.settings.optimiser.weight_decay == decay
        ]
        histories = [run.history for run in arm if run.outcome.status != "diverged"]
        axes.set_title(f"λ = {decay:g}, {len(histories)} networks{style.diverged(arm)}")
        if histories:
            courses.draw(axes, histories, "novel_accuracy", color=style.GEN, label="median")
        style.accuracy_axis(axes, 1 / tasks.num_symbols(task.operation, task.size))
        courses.steps_axis(axes)
        axes.set_xlabel(f"{NOTATION['step'].axis_label} with D′ = {smallest}")
    panels[0].set_ylabel(NOTATION["novel_accuracy"].axis_label)
    return drawn
