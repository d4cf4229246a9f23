"""Where curves peak, and by how much, in each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from predictions.cells import Run
from predictions.clauses import Clause, most
from predictions.double_descent.axes import Curve
from predictions.double_descent.digits import Places
from predictions.labelled import Named

MIN_SEEDS = 6
"""Fewest of which all agreeing put a 95% interval above one half."""

BOUND = 2.0
"""Factor within which two places count as one."""


def by_seed(runs: Sequence[Run]) -> dict[int, list[Run]]:
    """Return the runs of each seed of which none diverged, seeds in order."""
    found: dict[int, list[Run]] = {}
    for run in runs:
        found.setdefault(run.seed, []).append(run)
    lost = {run.seed for run in runs if run.outcome.status == "diverged"}
    return {seed: found[seed] for seed in sorted(found.keys() - lost)}


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What a seed's curve does at three places that the design has chosen.

    Attributes:
        rise: ln of its value at the peak over that at the valley.
        fall: ln of its value at the peak over that at the end.
    """

    rise: float
    fall: float

    @classmethod
    def of(cls, curve: Curve, places: Places) -> Peak:
        """Return that of a curve.

        A seed's own highest value lies above its others in noise too, and what other seeds choose
        makes seeds depend on each other: places are fixed before any of them is trained.
        """
        valley, peak, end = (math.log(curve[at]) for at in places)
        return cls(rise=peak - valley, fall=peak - end)


def highest(curve: Curve, least: int = 0) -> int:
    """Return the value from ``least`` on at which a curve is highest, of several the first."""
    return max(sorted(at for at in curve if at >= least), key=lambda at: curve[at])


def near(place: float, other: float | None) -> bool | None:
    """Return whether two places count as one, ``None`` if one is not known."""
    return None if other is None else 1 / BOUND <= place / other <= BOUND


def mostly(number: Named, so: Mapping[int, bool | None]) -> Clause:
    """Return the clause that something is so in more than half of the seeds.

    Where it is not known it supports nothing, and refutes nothing.
    """
    supports = most(number, {seed: one is True for seed, one in so.items()})
    refutes = most(number, {seed: one is not False for seed, one in so.items()})
    return replace(supports, fails=refutes.fails)
