"""Ratios within a seed of what is known only between bounds, and whether they are near 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from efficiency.brackets import bracketed_equivalence_p, bracketed_mean, num_informative
from efficiency.estimates import Estimate
from efficiency.statistics import TooFewError

Bounds = tuple[float, float]
"""Bounds on a natural logarithm, infinite where unknown."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio, one for each seed, and its geometric mean over seeds.

    Attributes:
        lows: Lower bounds on its logarithm.
        highs: Upper bounds.
    """

    lows: tuple[float, ...]
    highs: tuple[float, ...]

    @classmethod
    def of(cls, above: Sequence[Bounds], below: Sequence[Bounds]) -> Ratio:
        """Return the ratio of two quantities, seed by seed."""
        pairs = list(zip(above, below, strict=True))
        return cls(
            lows=tuple(a[0] - b[1] for a, b in pairs), highs=tuple(a[1] - b[0] for a, b in pairs)
        )

    @property
    def estimate(self) -> Estimate:
        """Geometric mean with its 95% interval; ``censored`` where seeds do not bound it."""
        n = num_informative(self.lows, self.highs)
        try:
            found = bracketed_mean(self.lows, self.highs)
        except TooFewError:
            return Estimate(value=None, low=None, high=None, n=n, unit="1", status="censored")
        value, low, high = (math.exp(x) for x in (found.value, found.low, found.high))
        return Estimate(value=value, low=low, high=high, n=n, unit="1")

    def within(self, margin: float) -> bool:
        """Return whether the interval lies within 1/margin … margin."""
        found = self.estimate
        if found.low is None or found.high is None:
            return False
        return 1 / margin < found.low and found.high < margin

    def beyond(self, margin: float) -> bool:
        """Return whether the interval lies outside 1/margin … margin."""
        found = self.estimate
        if found.low is None or found.high is None:
            return False
        return found.low > margin or found.high < 1 / margin

    def p_value(self, margin: float) -> float:
        """Return the smallest 1 − confidence at which the interval lies within the margin."""
        return bracketed_equivalence_p(self.lows, self.highs, math.log(margin))
