"""How a quantity moves over training: a faint line for each run, a bold one for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes


def draw(
    axes: Axes,
    histories: Sequence[pd.DataFrame],
    quantity: str,
    summary: Callable[..., Any] = np.median,
    **style: Any,
) -> None:
    """Draw a quantity of runs that were recorded at the same steps.

    Args:
        axes: Where.
        histories: A history for each run, one at least.
        quantity: Name of its column.
        summary: What the bold line is.
        style: Colour, line style and label of the bold line; faint ones share the first two.
    """
    faint = style | {"label": "_run", "lw": 0.7, "alpha": 0.35}
    for history in histories:
        axes.plot(history["step"], history[quantity], **faint)
    middle = summary([history[quantity] for history in histories], axis=0)
    axes.plot(histories[0]["step"], middle, **style)


def steps_axis(axes: Axes) -> None:
    """Let the horizontal axis be steps, logarithmic from 1 on, with step 0 on it."""
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
