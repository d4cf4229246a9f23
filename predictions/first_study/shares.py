"""Shares of seeds."""

from __future__ import annotations

from collections.abc import Sequence

from efficiency.estimates import Estimate
from efficiency.statistics import share_interval

MIN_SEEDS = 6
"""Fewest seeds of which all agreeing put a 95% interval above one half."""


def share(holds: Sequence[bool]) -> Estimate:
    """Return the share of seeds for which something holds, with its 95% interval."""
    found = share_interval(sum(holds), len(holds))
    return Estimate(value=found.value, low=found.low, high=found.high, n=len(holds), unit="1")
