"""One style for every figure: colours by meaning, sizes, and figures that need no screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullLocator,
    ScalarFormatter,
)

from predictions.protocol import Run

TWO_COLUMNS_INCHES = 8.6
"""Width of a figure across two columns."""

CHANCE, THRESHOLD = "#6b6b6b", "#1b1b1b"

MEM, GEN = "#b34a00", "#0063a3"
"""Colours of memorising and of generalising, apart in grey and to the colour-blind."""

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
}


def graded(count: int) -> list[tuple[float, float, float, float]]:
    """Return colours for an ordered quantity, dark to light; ordered in grey as well."""
    colours = mpl.colormaps["viridis"]
    return [colours(0.85 * i / max(count - 1, 1)) for i in range(count)]


def figure(num_columns: int, height_inches: float) -> tuple[Figure, list[Axes]]:
    """Return a two-column-wide figure with panels side by side, independent of any screen."""
    drawn = Figure(figsize=(TWO_COLUMNS_INCHES, height_inches), layout="constrained")
    return drawn, list(drawn.subplots(1, num_columns, squeeze=False)[0])


def diverged(runs: Sequence[Run]) -> str:
    """Return e.g. ``, 2 diverged`` for a heading, nothing where none has."""
    number = sum(run.outcome.status == "diverged" for run in runs)
    return f", {number} diverged" if number else ""


def accuracy_axis(axes: Axes, chance: float) -> None:
    """Let the vertical axis be an accuracy, with chance dotted."""
    axes.axhline(chance, color=CHANCE, lw=1, ls=":")
    axes.set_ylim(-0.02, 1.04)


def apart(values: Sequence[float], ratio: float = 1.15) -> list[float]:
    """Return increasing positive values without those too near to the one before to be labelled."""
    kept: list[float] = []
    for value in values:
        if not kept or value >= ratio * kept[-1]:
            kept.append(value)
    return kept


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5 times the powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def log_axis_with_values(axes: Axes, values: Sequence[float]) -> None:
    """Make the horizontal axis logarithmic, with a tick labelled by its number at each value."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
