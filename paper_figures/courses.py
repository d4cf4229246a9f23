"""How a quantity moves over training: a faint line for each run, their median, its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from efficiency.notation import NOTATION
from efficiency.statistics.intervals import median_bounds

BAND = 0.18
"""Opacity of an interval."""

FEWEST = 6
"""Runs whose range covers their median with 95% confidence."""


def draw(
    axes: Axes,
    histories: Sequence[pd.DataFrame],
    quantity: str,
    *,
    crowded: bool = False,
    **style: Any,
) -> None:
    """Draw a quantity of runs that were recorded at the same steps.

    The 95% interval of the median, at each step by itself, is shaded where there are six runs.

    Args:
        axes: Where.
        histories: A history for each run, one at least.
        quantity: Name of its column.
        crowded: Whether single runs would hide others on the panel; they are then drawn only where
            there are too few for an interval.
        style: Colour, line style and label of the median; faint lines share the first two.
    """
    steps = histories[0]["step"]
    values = np.stack([history[quantity] for history in histories]).astype(float)
    # Logits may overflow on the way: from there on a run has no place in an order.
    known = np.isfinite(values).all(axis=0)
    shaded = len(histories) >= FEWEST
    if shaded:
        low, high = (np.full(len(steps), np.nan) for _ in range(2))
        low[known], high[known] = median_bounds(values[:, known])
        axes.fill_between(steps, low, high, color=style["color"], alpha=BAND, lw=0)
    for run in [] if crowded and shaded else values:
        axes.plot(steps, run, **style | {"label": "_run", "lw": 0.6, "alpha": 0.3})
    axes.plot(steps, np.where(known, np.median(values, axis=0), np.nan), **style)


def steps_axis(axes: Axes) -> None:
    """Let the horizontal axis be steps, logarithmic from 1 on, with step 0 on it."""
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)


def norm_over_steps(axes: Axes) -> None:
    """Label a panel of parameter norms over training, from norm 0 on."""
    axes.set_ylabel(NOTATION["norm"].axis_label)
    axes.set_ylim(bottom=0)
    steps_axis(axes)
    axes.set_xlabel(NOTATION["step"].axis_label)
