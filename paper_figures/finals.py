"""What became of networks, by what a design varies: a mark for each, the mean, its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from predictions.judging import bounds, over_seeds


def draw(
    axes: Axes,
    values: Mapping[int, Sequence[float]],
    *,
    place: float = 1.0,
    color: str | tuple[float, ...],
    marker: str,
    label: str,
) -> None:
    """Draw a faint mark for each network, a line through the means and their 95% intervals.

    The intervals are Student's, cut at 0 and 1.

    Args:
        axes: Where.
        values: Shares in [0, 1] of independent networks, by their place on the horizontal axis.
        place: Factor of the place, see ``beside``.
        color: Of all of it.
        marker: Likewise.
        label: Of the line.
    """
    places = [place * value for value in values]
    for at, some in zip(places, values.values(), strict=True):
        axes.plot([at] * len(some), some, marker, color=color, ms=3, alpha=0.35)
        if len(some) > 1:
            ends = bounds(over_seeds(some, least=0.0, most=1.0))
            axes.plot([at] * 2, ends, color=color, lw=1, alpha=0.8)
    means = [float(np.mean(some)) for some in values.values()]
    axes.plot(places, means, marker=marker, color=color, ms=4.5, label=label)


def beside(number: int) -> list[float]:
    """Return factors that set series apart on a logarithmic axis, so that none hides another."""
    return [1.025 ** (i - (number - 1) / 2) for i in range(number)]
