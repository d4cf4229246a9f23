"""What becomes of networks on few examples, with weight decay and with something in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency import tasks
from efficiency.notation import NOTATION
from efficiency.settings import RunSettings
from paper_figures import finals, style
from predictions.judging import value_of
from predictions.protocol import Run, Verdict
from predictions.registry import find
from predictions.substitutes.claims import Substitute
from predictions.substitutes.ways import DECAY


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final accuracies and norms against D', a series for each way.

    Args:
        verdict: The verdict, whose prediction says which ways.
        runs: The runs it was judged on.
    """
    prediction = find(verdict.prediction)
    assert isinstance(prediction, Substitute)
    drawn, (left, right) = style.figure(2, 3.2)
    started = {run.settings: run for run in runs if run.settings.start is None}
    later = [run for run in runs if run.settings.start is not None]
    colours, markers = (style.MEM, style.GEN), "so"
    for way, colour, marker, place in zip(
        (DECAY, prediction.way), colours, markers, finals.beside(2), strict=True
    ):
        arm = [r for r in later if way.is_of(r.settings) and r.outcome.status != "diverged"]
        sizes = sorted({run.settings.dataset_size for run in arm})
        values = {D: _accuracies(arm, D) for D in sizes}
        finals.draw(left, values, place=place, color=colour, marker=marker, label=way.name)
        norms = {D: _norms(arm, D, started) for D in sizes}
        for D, some in norms.items():
            right.plot([place * D] * len(some), some, marker, color=colour, ms=3, alpha=0.35)
        middles = [float(np.median(some)) for some in norms.values()]
        right.plot([place * D for D in sizes], middles, marker=marker, color=colour, ms=4.5)
    task = runs[0].settings.task
    style.accuracy_axis(left, 1 / tasks.num_symbols(task.operation, task.size))
    right.axhline(1.0, color=style.CHANCE, lw=1, ls=":")
    right.set_yscale("log")
    for axes in (left, right):
        style.log_axis_with_values(axes, sorted({r.settings.dataset_size for r in later}))
        axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    left.set_ylabel(f"{NOTATION['novel_accuracy'].final_label}, mean")
    left.legend(loc="lower right")
    right.set_ylabel("Norm / norm of the start network, median")
    return drawn


def _accuracies(arm: Sequence[Run], size: int) -> list[float]:
    return [value_of(r, "novel_accuracy") for r in arm if r.settings.dataset_size == size]


def _norms(arm: Sequence[Run], size: int, started: Mapping[RunSettings, Run]) -> list[float]:
    return [
        value_of(run, "norm") / value_of(started[run.settings.start], "norm")
        for run in arm
        if run.settings.dataset_size == size and run.settings.start is not None
    ]
