"""When networks generalise, by intervention (after Power et al. 2022, Figure 2 left)."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.first_study.interventions_arms import DESIGNS, WEIGHT_DECAY
from predictions.first_study.interventions_judge import times
from predictions.verdicts import Verdict


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw a row for each intervention."""
    drawn, (axes,) = style.figure(1, 0.8 + 0.3 * len(times(runs)))
    rows(axes, verdict, runs)
    return drawn


def rows(axes: Axes, verdict: Verdict, runs: Sequence[Run]) -> None:
    """Draw a row for each intervention, a mark for each seed, the earliest median on top."""
    design = DESIGNS[verdict.size]
    found = times(runs)
    medians = {arm: float(np.median([t.steps for t in found[arm].values()])) for arm in found}
    shares = {arm: np.mean([t.censored for t in found[arm].values()]) for arm in found}
    order = sorted(found, key=lambda arm: (medians[arm], shares[arm]), reverse=True)
    for row, arm in enumerate(order):
        colour = style.GEN if arm == WEIGHT_DECAY else style.THRESHOLD
        seeds = list(found[arm].values())
        # Seeds one above the other, in their order, so that equal times do not hide one another.
        heights = row + 0.5 * (np.arange(len(seeds)) / max(len(seeds) - 1, 1) - 0.5)
        for censored, fill in ((False, colour), (True, "none")):
            chosen = [i for i, time in enumerate(seeds) if time.censored == censored]
            axes.plot(
                [seeds[i].steps for i in chosen],
                heights[chosen],
                ">" if censored else "o",
                color=colour,
                mfc=fill,
                ms=4,
                ls="none",
                label=f"{arm}{', censored' if censored else ''}",
            )
        if shares[arm] < 0.5:
            axes.plot([medians[arm]] * 2, [row - 0.38, row + 0.38], color=colour, lw=2)
    axes.axvline(design.num_steps, color=style.CHANCE, lw=1, ls=":")
    axes.set_xscale("log")
    style.plain_log(axes.xaxis)
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel(f"{NOTATION['step_generalised'].axis_label}, budget {design.num_steps:,}")
