"""Ratios within a seed of what is known only between bounds, and whether they are near 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from efficiency.estimates import Estimate
from efficiency.statistics.interval_censored import Bracketed, num_informative
from efficiency.statistics.intervals import TooFewError
from predictions.clauses import Clause, most
from predictions.labelled import Named

Bounds = tuple[float, float]
"""Bounds on a natural logarithm, infinite where unknown."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio, one for each seed, and its geometric mean over seeds.

    Attributes:
        by_seed: Bounds on its logarithm.
    """

    by_seed: Mapping[int, Bounds]

    @classmethod
    def of(cls, above: Mapping[int, Bounds], below: Mapping[int, Bounds]) -> Ratio:
        """Return the ratio of two quantities of the same seeds, by seed."""
        assert above.keys() == below.keys(), (above, below)
        return cls(
            by_seed={
                seed: (low - below[seed][1], high - below[seed][0])
                for seed, (low, high) in above.items()
            }
        )

    @property
    def lows(self) -> list[float]:
        """Lower bounds."""
        return [low for low, _ in self.by_seed.values()]

    @property
    def highs(self) -> list[float]:
        """Upper bounds."""
        return [high for _, high in self.by_seed.values()]

    def near_one(self, number: Named, margin: float) -> Clause:
        """Return the clause that it lies within 1/margin … margin."""
        return Clause(
            number=number,
            holds=self.p_within(margin),
            fails=self.p_beyond(margin),
            by_seed=self.by_seed,
        )

    def above(self, number: Named, bound: float) -> Clause:
        """Return the clause that it exceeds a bound."""
        higher, lower = self._p_on_either_side_of(bound)
        return Clause(number=number, holds=higher, fails=lower, by_seed=self.by_seed)

    def _p_on_either_side_of(self, bound: float) -> tuple[float, float]:
        """Return the smallest 1 − confidence at which it lies above a bound, and below it."""
        if self._known is None:
            return 1.0, 1.0
        shift = math.log(bound)
        known = Bracketed.of([x - shift for x in self.lows], [x - shift for x in self.highs])
        p = known.p_beyond(0.0)
        return (p, 1.0) if known.centre > 0 else (1.0, p)

    def rarely_beyond(self, number: str, margin: float) -> Clause:
        """Return the clause that it lies wholly beyond a margin in less than half of the seeds.

        Where it lies beyond every size that is asked for in most seeds, its mean is not known, and
        still it is plain that it is not 1.
        """
        far = {
            seed: low > math.log(margin) or high < -math.log(margin)
            for seed, (low, high) in self.by_seed.items()
        }
        return most(number, far, wanted=False)

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


def bracket(so: Mapping[int, bool]) -> Bounds:
    """Return bounds on ln of the size from which on something is so, by what it is at each.

    From the size before the first at which it is so to the first from which on it always is:
    neighbours, where it is so from one size on. Infinite where no size lies beyond.
    """
    sizes = sorted(so)
    first = next((k for k, at in enumerate(sizes) if so[at]), len(sizes))
    last = next((k for k in range(len(sizes), 0, -1) if not so[sizes[k - 1]]), 0)
    low = math.log(sizes[first - 1]) if first else -math.inf
    return low, math.log(sizes[last]) if last < len(sizes) else math.inf
