"""Which operations are learned from how much data (after Power et al. 2022, Figure 2 right)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from efficiency.notation import NOTATION
from efficiency.statistics.intervals import share_interval
from paper_figures import style
from predictions.cells import Run
from predictions.first_study.operations import ALL, DESIGNS
from predictions.first_study.times import time_of
from predictions.verdicts import Verdict

DARK = 0.6
"""Share from which on numbers are written in white."""


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the share of seeds that generalise, operations by parts of their table.

    Args:
        verdict: The verdict; its size says which parts there are.
        runs: The runs it was judged on.
    """
    number = len({run.table.operation for run in runs})
    drawn, (axes,) = style.figure(1, 0.9 + 0.27 * number)
    image = shares_of_seeds(axes, verdict, runs)
    bar = drawn.colorbar(image, ax=axes, label="Share of seeds that generalise")
    bar.outline.set_visible(False)
    return drawn


def shares_of_seeds(axes: Axes, verdict: Verdict, runs: Sequence[Run]) -> AxesImage:
    """Draw operations in rows, parts of their table in columns, the share in each cell."""
    fractions = DESIGNS[verdict.size].fractions
    names = [name for name in ALL if any(run.table.operation == name for run in runs)]
    shares = np.full((len(names), len(fractions)), np.nan)
    intervals = {}
    for row, name in enumerate(names):
        sizes = sorted(
            {r.settings.dataset_size for r in runs if r.settings.table_task.operation == name}
        )
        for column, D in enumerate(sizes):
            some = [
                not time_of(run).censored
                for run in runs
                if run.table.operation == name and run.dataset_size == D
            ]
            shares[row, column] = np.mean(some)
            intervals[row, column] = share_interval(sum(some), len(some))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), found in intervals.items():
        colour = "white" if found.value > DARK else "black"
        text: dict[str, Any] = {"ha": "center", "color": colour}
        axes.text(column, row + 0.06, f"{found.value:.0%}", va="bottom", **text)
        ends = f"[{100 * found.low:.0f}, {100 * found.high:.0f}]"
        axes.text(column, row + 0.08, ends, va="top", fontsize=6, **text)
    axes.set_xticks(range(len(fractions)), [f"{100 * f:g}" for f in fractions])
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"Seeds that generalise, of {len(runs)} runs{style.diverged(runs)}")
    axes.set_xlabel(NOTATION["fraction"].axis_label)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image
