"""Accuracy against sharpness (after Power et al. 2022, Figure 7)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.first_study.sharpness import told
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw a mark for each network that fits its examples.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    points = told(runs, verdict.numbers)
    drawn, (axes,) = style.figure(1, 3.2)
    for knows, colour, label in ((True, style.GEN, "over half-way"), (False, style.MEM, "under")):
        some = [point for point in points if point.knows == knows]
        axes.plot(
            [point.sharpness for point in some],
            [point.accuracy for point in some],
            "o" if knows else "s",
            color=colour,
            ms=5,
            alpha=0.8,
            ls="none",
            label=f"{len(some)} {label}",
        )
    if all(point.sharpness > 0 for point in points):
        axes.set_xscale("log")
        style.plain_log(axes.xaxis)
    task = runs[0].task
    style.accuracy_axis(axes, task.chance)
    axes.set_xlabel(NOTATION["sharpness"].axis_label)
    axes.set_ylabel(f"{NOTATION['novel_accuracy'].axis_label}, last step")
    unfit = len(runs) - len(points) - sum(run.outcome.status == "diverged" for run in runs)
    without = f", {unfit} that do not fit their examples" if unfit else ""
    number = verdict.numbers.get("rank_correlation")
    correlation = "" if number is None else f", rank correlation {number}"
    found = f"{len(points)} networks{without}{style.diverged(runs)}{correlation}"
    axes.set_title(f"Accuracy over sharpness\n{found}")
    style.legend_beside(axes)
    return drawn
