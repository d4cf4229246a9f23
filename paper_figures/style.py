"""One style for every figure: colours by meaning, sizes, and figures that need no screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, ScalarFormatter

from efficiency.estimates import Estimate
from efficiency.notation import NOTATION
from efficiency.statistics.intervals import FloatArray
from predictions.cells import Run
from predictions.columns import number_of_columns

WIDTH_INCHES = {1: 4.2, 2: 8.6}
"""Width of a figure over one column of a paper and over both, with lettering of 9 points."""

D_CRIT = NOTATION["critical_size"].symbol

CHANCE, THRESHOLD = "#6b6b6b", "#1b1b1b"

MEM, GEN = "#b34a00", "#0063a3"
"""Colours of memorising and of generalising, apart to the colour-blind; alike in grey, where dashes
and marks tell them apart."""

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


def figure(num_panels: int, height_inches: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side, or below each other in one column.

    Args:
        num_panels: How many.
        height_inches: Of a panel with its labels.
    """
    across = num_panels if number_of_columns() == 2 else 1
    drawn, panels = grid(num_panels, across, height_inches)
    return drawn, panels


def grid(
    num_panels: int, across: int, height_inches: float, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure, independent of any screen, with panels in rows of up to ``across``.

    Args:
        num_panels: How many; what is left of the last row stays empty.
        across: How many side by side over two columns of a paper; over one, half of them.
        height_inches: Of a row with its labels.
        options: Of ``Figure.subplots``.
    """
    if number_of_columns() == 1:
        across = -(-across // 2)
    rows = -(-num_panels // across)
    size = (WIDTH_INCHES[number_of_columns()], height_inches * rows)
    drawn = Figure(figsize=size, layout="constrained")
    panels = drawn.subplots(rows, across, squeeze=False, **options).ravel()
    for axes in panels[num_panels:]:
        axes.set_axis_off()
    for axes in panels[max(0, num_panels - across) : num_panels]:
        axes.tick_params(labelbottom=True)  # nothing below, whatever is shared
    return drawn, list(panels[:num_panels])


def stacked() -> bool:
    """Return whether panels stand below each other."""
    return number_of_columns() == 1


def legend_beside(axes: Axes, **options: Any) -> None:
    """Put the legend to the right of a panel, or below it in one column."""
    if number_of_columns() == 2:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), **options)
    else:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=3, **options)


def mark(axes: Axes, number: Estimate | None, name: str, *, text: bool = True) -> None:
    """Mark a number on the horizontal axis, dashed, with its interval shaded.

    Args:
        axes: Where; the axis has its limits already, and is widened where the number is beyond.
        number: What; where it is known only to be beyond something, all of that is shaded.
        name: What it is called.
        text: Whether to write it down, or that it is not known.
    """
    if number is None or number.value is number.low is number.high is None:
        if text:
            axes.text(
                0.98, 0.06, f"{name}\nnot known", transform=axes.transAxes, ha="right", size=8
            )
        return
    left, right = axes.get_xlim()
    if number.value is not None:
        left, right = min(left, 0.97 * number.value), max(right, 1.03 * number.value)
        axes.axvline(number.value, color=THRESHOLD, lw=1, ls="--")
    low = left if number.low is None else number.low
    high = right if number.high is None else number.high
    axes.axvspan(low, high, color=THRESHOLD, alpha=0.12, lw=0)
    axes.set_xlim(left, right)
    if text:
        # Where there is more room, and what rises with the axis is not: lower right, upper left.
        inside = axes.transAxes.inverted().transform(
            axes.transData.transform([(low, 0), (high, 0)])
        )
        on_the_right = inside[:, 0].mean() < 0.5
        axes.annotate(
            f"{name}\n{shown(number)}",
            (high if on_the_right else low, 0.06 if on_the_right else 0.8),
            xycoords=axes.get_xaxis_transform(),
            xytext=(4 if on_the_right else -4, 0),
            textcoords="offset points",
            fontsize=8,
            ha="left" if on_the_right else "right",
            va="bottom",
            zorder=1.5,  # below all marks: it must hide none
        )


def shown(number: Estimate | None) -> str:
    """Return a number of examples with its interval, e.g. ``164 [145, 186]``, or its bound."""
    if number is None:
        return "not known"
    low, high = (None if end is None else f"{end:,.0f}" for end in (number.low, number.high))
    if number.value is not None:
        return f"{number.value:,.0f} [{low or '…'}, {high or '…'}]"
    if low is None and high is None:
        return "not known"
    return (
        f"beyond {low}" if high is None else f"below {high}" if low is None else f"{low} to {high}"
    )


def with_ends(numbers: Iterable[Estimate]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return values, lower and upper ends of numbers, NaN where there is none."""
    held = list(numbers)
    value, low, high = (
        np.array([getattr(number, end) for number in held], dtype=float)
        for end in ("value", "low", "high")
    )
    return value, low, high


def nothing(why: str) -> Figure:
    """Return a figure that says why there is nothing on it."""
    drawn, (axes,) = figure(1, 1.0)
    axes.set_axis_off()
    axes.set_title(why)
    return drawn


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
