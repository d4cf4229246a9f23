"""What becomes of networks on few examples, with weight decay and with something in its place."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import finals, style
from predictions.cells import Run, starts
from predictions.circuit_efficiency.substitutes.claim import Substitute
from predictions.circuit_efficiency.substitutes.judge import Paired
from predictions.circuit_efficiency.substitutes.ways import DECAY
from predictions.registry import find
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw final accuracies and norms against D' of the start networks that count, by way.

    Args:
        verdict: The verdict, whose prediction says which ways.
        runs: The runs it was judged on.
    """
    prediction = find(verdict.prediction)
    assert isinstance(prediction, Substitute)
    paired = Paired.of(prediction.way, runs)
    if not paired.started:
        return style.nothing("No start network counts in both ways")
    drawn, (left, right) = style.figure(2, 3.2)
    norms = {start: run.number("norm") for start, run in starts(paired.started).items()}
    arms = ((DECAY, paired.decayed, style.MEM, "s"), (prediction.way, paired.other, style.GEN, "o"))
    for (way, arm, colour, marker), place in zip(arms, finals.beside(2), strict=True):
        at = {D: [one for one in arm if one.dataset_size == D] for D in paired.sizes}
        values = {D: [one.number("novel_accuracy") for one in some] for D, some in at.items()}
        finals.draw(left, values, place=place, color=colour, marker=marker, label=way.name)
        grown = {D: [one.number("norm") / norms[one.start] for one in s] for D, s in at.items()}
        for D, some in grown.items():
            right.plot([place * D] * len(some), some, marker, color=colour, ms=3, alpha=0.35)
        middles = [float(np.median(some)) for some in grown.values()]
        right.plot([place * D for D in grown], middles, marker=marker, color=colour, ms=4.5)
    task = runs[0].task
    style.accuracy_axis(left, task.chance)
    right.axhline(1.0, color=style.CHANCE, lw=1, ls=":")
    right.set_yscale("log")
    style.plain_log(right.yaxis)
    for axes in (left, right):
        style.log_axis_with_values(axes, paired.sizes)
        axes.set_xlabel(NOTATION["reduced_dataset_size"].axis_label)
    left.set_ylabel(f"{NOTATION['novel_accuracy'].final_label}, mean")
    left.legend(loc="lower right")
    right.set_ylabel("Norm / norm of the start network, median")
    return drawn
