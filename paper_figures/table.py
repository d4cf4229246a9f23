"""A table of an operation as a picture, blank where a pair is held out (Power et al., Figure 1)."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.operations import IntArray
from paper_figures import files, style

_MOST_NUMBERS = 31
"""Most symbols of a table whose answers are written into its cells."""


@mpl.rc_context(style.STYLE)
def build(square: IntArray) -> Figure:
    """Draw (S, S) answers by left and right operand; −1 stays white."""
    drawn = Figure(figsize=(style.WIDTH_INCHES[1],) * 2, layout="constrained")
    axes = drawn.subplots()
    cells(axes, square)
    if len(square) > _MOST_NUMBERS:
        drawn.colorbar(axes.images[0], ax=axes, label="answer", shrink=0.8)
    return drawn


def cells(axes: Axes, square: IntArray, numbers: bool = True) -> None:
    """Draw answers by colour, and as numbers if wanted and where there is room."""
    size = len(square)
    shown = np.ma.masked_less(square, 0)
    axes.imshow(shown, cmap="viridis", vmin=0, vmax=size - 1, interpolation="nearest")
    axes.set_xlabel("right operand b")
    axes.set_ylabel("left operand a")
    if numbers and size <= _MOST_NUMBERS:
        for (a, b), answer in np.ndenumerate(square):
            if answer >= 0:
                # Both keep a contrast above 4.5 on viridis.
                ink = "white" if answer < 0.44 * (size - 1) else "black"
                axes.text(b, a, str(answer), ha="center", va="center", color=ink, size=90 / size)


def draw(square: IntArray, file_format: str) -> bytes:
    """Return a picture of a table; the same table gives the same bytes.

    Args:
        square: (S, S) answers, −1 where blank.
        file_format: ``svg``, ``pdf`` or ``png``.

    Raises:
        ValueError: Another format.
    """
    return files.as_bytes(build(square), file_format, "table")
