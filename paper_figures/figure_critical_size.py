"""The critical dataset size three ways, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.estimates import Estimate
from efficiency.notation import NOTATION
from paper_figures import style
from predictions.critical_size_judge import RATIO_MARGIN
from predictions.protocol import Run, Verdict

_WAYS = {
    "crossing": ("crossing", "o", style.MEM),
    "ungrokking": ("ungrokking_midpoint", "s", style.GEN),
    "from_scratch": ("from_scratch_midpoint", "^", style.THRESHOLD),
}


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw the three estimates of every seed, and the first two against each other."""
    drawn, (left, right) = style.figure(2, 3.8)
    estimates = by_seed(verdict)
    _every_seed(left, estimates, verdict)
    _against_each_other(right, estimates)
    return drawn


def by_seed(verdict: Verdict) -> dict[int, dict[str, Estimate]]:
    """Return the estimates of each seed by the way they were made."""
    found: dict[int, dict[str, Estimate]] = {}
    for name, number in verdict.numbers.items():
        if name.startswith("seed_"):
            _, seed, way = name.split("_", 2)
            found.setdefault(int(seed), {})[way] = number
    return found


def _every_seed(axes: Axes, estimates: dict[int, dict[str, Estimate]], verdict: Verdict) -> None:
    for offset, (way, (population, marker, colour)) in enumerate(_WAYS.items()):
        for row, numbers in enumerate(estimates.values()):
            number, height = numbers.get(way), row + 0.22 * (offset - 1)
            if number is None:
                continue
            ends = [end for end in (number.low, number.high) if end is not None]
            axes.plot(ends, [height] * len(ends), "-", color=colour, lw=1)
            if number.value is not None:
                axes.plot(number.value, height, marker, color=colour, ms=4)
            else:
                # Censored: an arrow from the only end that is known, to where it may lie.
                arrow = ">" if number.high is None else "<"
                axes.plot(ends[:1], [height] * len(ends[:1]), arrow, color=colour, ms=5)
        mean = verdict.numbers.get(population)
        label = way.replace("_", " ")
        if mean is not None and mean.low is not None and mean.high is not None:
            axes.axvspan(mean.low, mean.high, color=colour, alpha=0.15, lw=0)
            label = f"{label}: {mean.value:.0f} [{mean.low:.0f}, {mean.high:.0f}]"
        axes.plot([], [], marker, color=colour, ms=4, ls="-", label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("{x:.0f}")
    axes.set_yticks(range(len(estimates)), [str(seed) for seed in estimates])
    axes.set_ylabel("Seed")
    axes.set_xlabel(NOTATION["critical_size"].axis_label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1)


def _against_each_other(axes: Axes, estimates: dict[int, dict[str, Estimate]]) -> None:
    both = {
        seed: (numbers["crossing"], numbers["ungrokking"])
        for seed, numbers in estimates.items()
        if {"crossing", "ungrokking"} <= numbers.keys()
        and numbers["crossing"].value is not None
        and numbers["ungrokking"].value is not None
    }
    for seed, (crossing, midpoint) in both.items():
        at = (crossing.value or np.nan, midpoint.value or np.nan)
        axes.plot(*at, "o", color=style.GEN, ms=4)
        axes.annotate(
            str(seed),
            at,
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=7,
        )
    values = [x.value for pair in both.values() for x in pair if x.value is not None]
    if values:
        line = np.array([0.9 * min(values), 1.1 * max(values)])
        axes.plot(line, line, "-", color=style.CHANCE, lw=1)
        axes.fill_between(
            line, line / RATIO_MARGIN, line * RATIO_MARGIN, color=style.CHANCE, alpha=0.15, lw=0
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel(NOTATION["crossing"].axis_label)
    axes.set_ylabel(NOTATION["midpoint"].axis_label)
    axes.set_title("Line: equal; band: the margin")
