"""Times to generalise against what a design varies (Power et al. 2022, Figure 1 centre)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from efficiency.statistics.intervals import TooFewError
from paper_figures import style
from predictions.cells import Run
from predictions.first_study.data_fraction import percent
from predictions.first_study.slopes import dependence
from predictions.first_study.table_size import log_modulus
from predictions.first_study.times import time_of
from predictions.verdicts import Verdict

SPREAD = 0.3
"""Part of the distance between neighbouring values over which their seeds are spread."""


@mpl.rc_context(style.STYLE)
def data_fraction(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw times against the part of the table that is trained on.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, (axes,) = style.figure(1, 3.4)
    by_percent(axes, runs)
    return drawn


def by_percent(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw times against the part of the table that is trained on."""
    _draw(axes, runs, percent)
    axes.set_xlabel(NOTATION["fraction"].axis_label)
    axes.set_xticks(sorted({percent(run) for run in runs}))


@mpl.rc_context(style.STYLE)
def table_size(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw times against the modulus.

    Args:
        verdict: The verdict.
        runs: The runs it was judged on.
    """
    drawn, (axes,) = style.figure(1, 3.4)
    _draw(axes, runs, log_modulus)
    moduli = sorted({run.table.size for run in runs})
    axes.set_xticks(np.log(moduli), [str(p) for p in moduli])
    axes.set_xlabel(f"{NOTATION['modulus'].axis_label} (logarithmic)")
    return drawn


def _draw(axes: Axes, runs: Sequence[Run], x: Callable[[Run], float]) -> None:
    """Draw a mark for each run, seeds side by side, the fitted line and the budget."""
    values = sorted({x(run) for run in runs})
    seeds = sorted({run.seed for run in runs})
    gap = min(np.diff(values), default=1.0)
    shift = {
        seed: SPREAD * gap * (i / max(len(seeds) - 1, 1) - 0.5) for i, seed in enumerate(seeds)
    }
    for censored, marker, label in ((False, "o", "generalised"), (True, "^", "not by the end")):
        some = [run for run in runs if time_of(run).censored == censored]
        axes.plot(
            [x(run) + shift[run.seed] for run in some],
            [time_of(run).steps for run in some],
            marker,
            color=style.GEN,
            mfc="none" if censored else style.GEN,
            ms=4,
            ls="none",
            label=label,
        )
    for budget in sorted({run.settings.num_steps for run in runs}):
        axes.axhline(budget, color=style.CHANCE, lw=1, ls=":")
    try:
        fit = dependence(runs, x).fit
    except TooFewError:
        pass  # no line where the judge could not draw one either
    else:
        ends = np.array([values[0], values[-1]])
        line = np.exp(fit.coefficients[0] + fit.coefficients[1] * ends)
        axes.plot(ends, line, color=style.THRESHOLD, lw=1.2, label="fit (median)")
    axes.set_yscale("log")
    style.plain_log(axes.yaxis)
    axes.set_title(f"When networks generalise, {len(runs)} runs{style.diverged(runs)}")
    axes.set_ylabel(NOTATION["step_generalised"].axis_label)
    axes.legend(loc="best")
