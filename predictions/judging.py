"""What judges share: means over seeds, and the numbers of a run."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from efficiency.statistics.intervals import share_interval, t_interval
from predictions.cells import Run

MIN_SEEDS = 3
"""Independent networks without which nothing is decided."""


Held = TypeVar("Held")
Key = TypeVar("Key", int, str)


def each_once(pairs: Iterable[tuple[Key, Held]]) -> dict[Key, Held]:
    """Return what is known of each seed, or arm; none may come twice."""
    held = list(pairs)
    found = dict(held)
    assert len(found) == len(held), "two things of one seed or arm"
    return found


def over_seeds(
    values: Collection[float],
    *,
    unit: str = "1",
    least: float = -math.inf,
    most: float = math.inf,
    settled: bool = True,
) -> Estimate:
    """Return the mean over seeds with its 95% t interval, cut to what is possible.

    Args:
        values: One for each seed, two at least.
        unit: Their unit.
        least: What no mean can be below.
        most: What no mean can be above.
        settled: Whether the runs behind it had settled.
    """
    interval = t_interval(list(values))
    return Estimate(
        value=interval.value,
        low=min(max(interval.low, least), most),
        high=max(min(interval.high, most), least),
        n=len(values),
        unit=unit,
        status="measured" if settled else "not settled",
    )


def geometric(values: Collection[float], *, unit: str = "1") -> Estimate:
    """Return the geometric mean over seeds of positive values, with its 95% interval."""
    interval = t_interval([math.log(value) for value in values])
    return Estimate(
        value=math.exp(interval.value),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        n=len(values),
        unit=unit,
    )


def count(number: int, n: int, unit: str = "1") -> Estimate:
    """Return a number of things that were counted."""
    return Estimate(value=float(number), low=None, high=None, n=n, unit=unit)


def share(holds: Sequence[bool]) -> Estimate:
    """Return the share of units for which something holds, with its 95% interval."""
    return share_of(sum(holds), len(holds))


def share_of(number: int, n: int) -> Estimate:
    """Return ``number`` of ``n`` units as a share with its 95% interval (Clopper–Pearson)."""
    found = share_interval(number, n)
    return Estimate(value=found.value, low=found.low, high=found.high, n=n, unit="1")


def share_settled(runs: Collection[Run]) -> Estimate:
    """Return the share of runs that have settled; the others are kept."""
    settled = [run.outcome.status == "settled" for run in runs]
    return Estimate(value=float(np.mean(settled)), low=None, high=None, n=len(settled), unit="1")


def middle(values: Sequence[float]) -> Estimate:
    """Return the median of values with their whole range."""
    return Estimate(
        value=float(np.median(values)), low=min(values), high=max(values), n=len(values), unit="1"
    )


def bounds(estimate: Estimate) -> tuple[float, float]:
    """Return both ends of an interval that has them."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def retained(run: Run, number: str = "novel_accuracy") -> float:
    """Return an accuracy at the end as the part between chance, 0, and 1."""
    return float(critical_size.retained(run.number(number), run.task.num_classes))


def final_accuracy(run: Run, part: str) -> float:
    """Return a final accuracy on a part of the table; 0 of a run that diverged."""
    return run.found(f"{part}_accuracy") or 0.0


def plural(number: int, thing: str) -> str:
    """Return e.g. ``1 seed``, ``3 seeds``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def too_few(number: int, thing: str) -> str:
    """Return e.g. ``1 seed is too few``, ``3 seeds are too few``."""
    return f"{plural(number, thing)} {'is' if number == 1 else 'are'} too few"
