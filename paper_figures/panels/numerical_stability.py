"""Training from scratch without weight decay: who generalises, and whose softmax is left."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw accuracy on novel pairs over training, and the share that has collapsed, by way.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    ways = list(dict.fromkeys(run.arm for run in runs if run.outcome.status != "diverged"))
    if not ways:
        return style.nothing("Every run diverged")
    drawn, panels = style.figure(len(ways), 3.0)
    for axes, way in zip(panels, ways, strict=True):
        every = [run for run in runs if run.arm == way]
        there = [run for run in every if run.outcome.status != "diverged"]
        for number, run in enumerate(there):
            history = run.history
            for name, colour, dashes, label in (
                ("novel_accuracy", style.GEN, "-", NOTATION["novel_accuracy"].label),
                ("collapsed_share", style.CHANCE, "--", "Collapsed share"),
            ):
                axes.plot(
                    history["step"],
                    history[name],
                    dashes,
                    color=colour,
                    alpha=0.6,
                    lw=1.0,
                    label=label if number == 0 else None,
                )
        style.accuracy_axis(axes, there[0].task.chance)
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xlim(0, there[0].settings.num_steps)
        axes.set_title(f"{way[0].upper()}{way[1:]}{style.diverged(every)}")
        axes.set_xlabel(NOTATION["step"].axis_label)
    panels[0].legend(loc="center left")
    return drawn
