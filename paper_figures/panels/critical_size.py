"""Critical sizes of every seed, foretold and observed."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from efficiency.estimates import Estimate
from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.circuit_efficiency.critical_size.ratio import RATIO_MARGIN
from predictions.labelled import Labelled, Named, each
from predictions.verdicts import Verdict

_MARKERS = ("<", "s", ">")
"""Of midpoints, from the shortest training to the longest."""


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw what was foretold and observed of every seed, and both against each other."""
    drawn, (left, right) = style.figure(2, 3.8)
    foretold, observed = by_seed(verdict)
    _every_seed(left, foretold, observed, verdict)
    _against_each_other(right, foretold, observed)
    return drawn


def by_seed(verdict: Verdict) -> tuple[dict[int, Estimate], dict[int, dict[int, Estimate]]]:
    """Return what was foretold of each seed, and its midpoints by steps."""
    foretold: dict[int, Estimate] = {}
    observed: dict[int, dict[int, Estimate]] = {}
    for name, number in each(verdict.numbers, "foretold", "seed"):
        foretold[int(name["seed"])] = number
    for name, number in each(verdict.numbers, "midpoint", "seed", "steps"):
        observed.setdefault(int(name["seed"]), {})[int(name["steps"])] = number
    return foretold, observed


def _every_seed(
    axes: Axes,
    foretold: dict[int, Estimate],
    observed: dict[int, dict[int, Estimate]],
    verdict: Verdict,
) -> None:
    for row, (seed, number) in enumerate(foretold.items()):
        ends = [end for end in (number.low, number.value, number.high) if end is not None]
        axes.plot(ends, [row] * len(ends), "-", color=style.MEM, lw=1)
        axes.plot(ends[1:2], [row] * len(ends[1:2]), "o", color=style.MEM, ms=4)
        for marker, midpoint in zip(_MARKERS, observed[seed].values(), strict=True):
            at = [] if midpoint.value is None else [midpoint.value]
            axes.plot(at, [row + 0.25] * len(at), marker, color=style.GEN, ms=3)
    steps = next(iter(observed.values()), {})
    labels: dict[Named, tuple[str, str, str]] = {"foretold": ("foretold", "o", style.MEM)}
    labels |= {
        Labelled("midpoint", steps=number): (f"after {number:,} steps", marker, style.GEN)
        for marker, number in zip(_MARKERS, steps, strict=False)
    }
    for name, (label, marker, colour) in labels.items():
        mean, words = verdict.numbers.get(name), label
        if mean is not None and mean.low is not None and mean.high is not None:
            words += f": {mean.value:.0f} [{mean.low:.0f}, {mean.high:.0f}]"
        axes.plot([], [], marker, color=colour, ms=4, label=words)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("{x:.0f}")
    axes.set_yticks(range(len(foretold)), [str(seed) for seed in foretold])
    axes.set_ylabel("Seed")
    axes.set_xlabel(NOTATION["critical_size"].axis_label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1)


def _against_each_other(
    axes: Axes, foretold: dict[int, Estimate], observed: dict[int, dict[int, Estimate]]
) -> None:
    pairs = [
        (number.value, list(observed[seed].values())[-1].value)
        for seed, number in foretold.items()
        if number.value is not None
    ]
    x = [a for a, _ in pairs]
    y = [np.nan if b is None else b for _, b in pairs]
    axes.plot(x, y, "o", color=style.GEN, ms=4)
    if pairs:
        line = np.array([0.9 * min([*x, *y]), 1.1 * max([*x, *y])])
        axes.plot(line, line, "-", color=style.CHANCE, lw=1)
        axes.fill_between(
            line, line / RATIO_MARGIN, line * RATIO_MARGIN, color=style.CHANCE, alpha=0.15, lw=0
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:.0f}")
        axis.set_minor_formatter("{x:.0f}")
    axes.set_xlabel("Foretold " + NOTATION["critical_size"].axis_label)
    axes.set_ylabel(NOTATION["midpoint"].axis_label)
    axes.set_title("Line: equal; band: the margin")
