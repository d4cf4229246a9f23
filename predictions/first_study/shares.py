"""Shares of seeds, held against one half."""

from __future__ import annotations

from collections.abc import Sequence

from efficiency.estimates import Estimate
from efficiency.statistics import share_interval

MIN_SEEDS = 6
"""Fewest seeds of which all agreeing put a 95% interval above one half."""


def share(holds: Sequence[bool]) -> Estimate:
    """Return the share of seeds for which something holds, with its 95% interval."""
    return share_of(sum(holds), len(holds))


def share_of(number: int, n: int) -> Estimate:
    """Return ``number`` of ``n`` seeds as a share with its 95% interval."""
    found = share_interval(number, n)
    return Estimate(value=found.value, low=found.low, high=found.high, n=n, unit="1")
