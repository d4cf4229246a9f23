"""Ratios within a seed of what is known only between bounds, and whether they are near 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from efficiency.brackets import Bracketed, num_informative
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

    @cached_property
    def _known(self) -> Bracketed | None:
        try:
            return Bracketed.of(self.lows, self.highs)
        except TooFewError:
            return None

    @cached_property
    def estimate(self) -> Estimate:
        """Geometric mean with its 95% interval; ``censored`` where seeds do not bound it."""
        n = num_informative(self.lows, self.highs)
        none = Estimate(value=None, low=None, high=None, n=n, unit="1", status="censored")
        if self._known is None:
            return none
        try:
            found = self._known.interval()
        except TooFewError:
            return none
        value, low, high = (math.exp(x) for x in (found.value, found.low, found.high))
        return Estimate(value=value, low=low, high=high, n=n, unit="1")

    def p_within(self, margin: float) -> float:
        """Return the smallest 1 − confidence at which it lies within 1/margin … margin."""
        return 1.0 if self._known is None else self._known.p_within(math.log(margin))

    def p_beyond(self, margin: float) -> float:
        """Return the smallest 1 − confidence at which it lies outside 1/margin … margin."""
        return 1.0 if self._known is None else self._known.p_beyond(math.log(margin))
