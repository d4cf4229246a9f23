"""Accuracy and loss over training (after Figures 1 left and 4 of Power et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import courses, style
from predictions.cells import Run
from predictions.first_study.delayed_generalisation import arms
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy above and loss below, with weight decay on the left and without on the right.

    Args:
        verdict: The verdict; its size heads the figure.
        runs: The runs it was judged on.
    """
    drawn, flat = style.grid(4, 2, 2.5, sharex=True, sharey="row")
    panels = np.array(flat).reshape(2, 2)
    task = runs[0].task
    chance = task.chance
    for column, arm in enumerate(arms(runs)):
        histories = [run.history for run in arm if run.outcome.status != "diverged"]
        upper, lower = panels[0, column], panels[1, column]
        if not histories:
            upper.set_title(f"no run{style.diverged(arm)}")
            continue
        decay, D = arm[0].weight_decay, arm[0].dataset_size
        upper.set_title(f"λ = {decay:g}, D = {D}, {len(histories)} seeds{style.diverged(arm)}")
        for axes, quantities in (
            (upper, ("train_accuracy", "novel_accuracy")),
            (lower, ("train_loss", "test_loss")),
        ):
            for quantity, colour, dashes in zip(
                quantities, (style.MEM, style.GEN), ("--", "-"), strict=True
            ):
                courses.draw(
                    axes,
                    histories,
                    quantity,
                    color=colour,
                    ls=dashes,
                    label=f"{NOTATION[quantity].label}, median",
                )
        style.accuracy_axis(upper, chance)
        lower.axhline(np.log(1 / chance), color=style.CHANCE, lw=1, ls=":")
        lower.set_yscale("log")
        courses.steps_axis(lower)
        lower.set_xlabel(NOTATION["step"].axis_label)
    panels[0, 0].set_ylabel(NOTATION["accuracy"].axis_label)
    panels[1, 0].set_ylabel(NOTATION["loss"].axis_label)
    for axes in panels[:, 0]:
        if axes.lines:
            axes.legend(loc="center left")
    return drawn
