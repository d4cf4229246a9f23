"""Figures 5 and 6 of the paper: final accuracy from scratch, and runs that stay between."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.circuit_efficiency import scratch
from predictions.circuit_efficiency.semi_grokking.claim import Kind, kind
from predictions.verdicts import Verdict

_LOOKS: dict[Kind, tuple[str, str]] = {
    "not grokked": ("v", style.MEM),
    "moving": ("x", style.CHANCE),
    "partial at once": ("d", style.CHANCE),
    "near an end": ("s", style.CHANCE),
    "semi-grokked": ("o", style.THRESHOLD),
    "grokked": ("^", style.GEN),
}


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final accuracy against dataset size, and the course of runs between chance and 1."""
    drawn, (left, right) = style.figure(2, 3.4)
    by_seed, _ = scratch.usable(runs)
    counted = [run for by_size in by_seed.values() for run in by_size.values()]
    task = runs[0].task
    chance = task.chance
    finals(left, counted)
    partial_courses(right, counted)
    for axes in (left, right):
        style.accuracy_axis(axes, chance)
    return drawn


def finals(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw final accuracy against D, a mark for each run by what became of it."""
    sizes = sorted({run.dataset_size for run in runs})
    seeds = sorted({run.seed for run in runs})
    for name, (marker, colour) in _LOOKS.items():
        those = [run for run in runs if kind(run) == name]
        # Seeds side by side, in their order, so that equal accuracies do not hide one another.
        spread = [1 + 0.03 * (seeds.index(r.settings.data_seed) / len(seeds) - 0.5) for r in those]
        axes.plot(
            [run.dataset_size * s for run, s in zip(those, spread, strict=True)],
            [run.number("novel_accuracy") for run in those],
            marker,
            color=colour,
            ms=5,
            mfc="none",
            ls="none",
            label=f"{name} ({len(those)})",
        )
    style.log_axis_with_values(axes, sizes)
    axes.set_xlabel(NOTATION["dataset_size"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].final_label)
    axes.set_title("After training from scratch")
    style.legend_beside(axes)


def partial_courses(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw the accuracy over training of runs that are semi-grokked, or still move."""
    stayed = [run for run in runs if kind(run) == "semi-grokked"]
    moving = [run for run in runs if kind(run) == "moving"]
    for run in moving:
        course = run.history
        axes.plot(course["step"], course["novel_accuracy"], ":", color=style.CHANCE, lw=1)
    for run, colour in zip(stayed, style.graded(len(stayed)), strict=True):
        course = run.history
        label = f"{run.dataset_size}, seed {run.seed}"
        axes.plot(course["step"], course["novel_accuracy"], color=colour, label=label)
    axes.set_xlabel(NOTATION["step"].axis_label)
    axes.set_ylabel(NOTATION["novel_accuracy"].axis_label)
    axes.set_title("Semi-grokked; dotted: still moving")
    if stayed:
        style.legend_beside(axes, title=NOTATION["dataset_size"].symbol, title_fontsize=8)
