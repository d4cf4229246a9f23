"""Means of what is known only to lie between two bounds, and whether they are near 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from efficiency import checks
from efficiency.errors import InvalidInputError
from efficiency.statistics.intervals import FloatArray, Interval, TooFewError

_SIGMA_GRID_SIZE = 160

_MEAN_GRID_SIZE = 201

_REACH = 8.0
"""Distance from the centre, in ranges of the ends, beyond which the grid of σ would decide."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bracketed:
    """The mean of a normal population from values known only to lie in brackets.

    Unit i is known to lie in [lowᵢ, highᵢ]; an infinite end means that the bracket is open. The
    interval of confidence 1 − p is {μ : max_σ ℓ(μ, σ) ≥ ℓ_max − c/2} with c = n·log(1 + t²/(n−1)),
    t the Student quantile with n − 1 degrees of freedom. With this c the profile likelihood of
    narrow brackets gives the t interval of their centres, and it goes on to use wide ones where the
    t interval has nothing to use. Where all units share one bracket, the interval reaches beyond it
    and is conservative. The likelihood has one summit: it is log-concave in (μ/σ, 1/σ).

    Attributes:
        low: (n,) lower ends, −inf where unknown.
        high: (n,) upper ends, +inf where unknown.
    """

    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, lows: npt.ArrayLike, highs: npt.ArrayLike) -> Bracketed:
        """Return the brackets that have an end; one open on both sides says nothing.

        Every bracket must have a width. A value known exactly among brackets would make σ = 0
        infinitely likely and the interval far too short; give it the resolution of its measurement.

        Raises:
            TooFewError: Fewer than two units, or more open than closed brackets: the mean may then
                lie outside what was measured.
            InvalidInputError: A bracket has no width.
        """
        low = checks.numbers(lows, "lower ends", infinite=True)
        high = checks.numbers(highs, "upper ends", infinite=True)
        checks.alike("lower and upper ends", low, high)
        informative = np.isfinite(low) | np.isfinite(high)
        low, high = low[informative], high[informative]
        if not (low < high).all():
            raise InvalidInputError(
                "a bracket has no width; give it the resolution of its measurement"
            )
        n, num_closed = len(low), int((np.isfinite(low) & np.isfinite(high)).sum())
        if num_closed < 2 or num_closed < n / 2:
            raise TooFewError(
                f"a mean needs two closed brackets at least, and as many closed as open ones; "
                f"{num_closed} of {n} are closed"
            )
        return cls(low=low, high=high)

    @cached_property
    def _ends(self) -> FloatArray:
        ends = (self.low[np.isfinite(self.low)], self.high[np.isfinite(self.high)])
        return np.concatenate(ends)

    @property
    def _scale(self) -> float:
        return float(np.ptp(self._ends))

    @cached_property
    def _sigmas(self) -> FloatArray:
        narrowest = float((self.high - self.low).min())
        start = 1e-2 * min(narrowest, self._scale)
        return np.geomspace(start, 30 * self._scale, _SIGMA_GRID_SIZE)

    def _profiles(self, means: FloatArray) -> FloatArray:
        """Return max_σ ℓ(μ, σ) at each of several means."""
        below, above = (
            (ends[:, None] - means[:, None, None]) / self._sigmas for ends in (self.low, self.high)
        )
        found: FloatArray = _log_normal_mass(below, above).sum(axis=1).max(axis=1)
        return found

    def _profile(self, mu: float) -> float:
        return float(self._profiles(np.array([mu]))[0])

    @cached_property
    def _summit(self) -> tuple[float, float]:
        """The most likely mean, and its log likelihood."""
        candidates = np.linspace(self._ends.min(), self._ends.max(), _MEAN_GRID_SIZE)
        profiles = self._profiles(candidates)
        best = profiles.max()
        # Overlapping brackets leave a plateau of equally likely means: take its middle.
        return float(candidates[profiles >= best - 1e-3].mean()), float(best)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the mean with its interval.

        Raises:
            TooFewError: The brackets do not bound it at this confidence.
        """
        checks.fraction(confidence, "confidence")
        n, (centre, best) = len(self.low), self._summit
        t = stats.t.ppf((1 + confidence) / 2, n - 1)
        least = best - 0.5 * n * float(np.log1p(t**2 / (n - 1)))

        def end(direction: int) -> float:
            inside, reach = centre, self._scale
            while self._profile(centre + direction * reach) > least:
                inside, reach = centre + direction * reach, 2 * reach
                if reach > _REACH * self._scale:
                    raise TooFewError("the brackets do not bound the mean")
            return float(
                optimize.brentq(
                    lambda mu: self._profile(mu) - least,
                    inside,
                    centre + direction * reach,
                    xtol=1e-6 * self._scale,
                )
            )

        return Interval(value=centre, low=end(-1), high=end(+1))

    @property
    def centre(self) -> float:
        """The most likely mean."""
        return self._summit[0]

    def p_within(self, margin: float) -> float:
        """Return the smallest 1 − confidence at which the interval lies within ±``margin``."""
        centre, _ = self._summit
        if not -margin < centre < margin:
            return 1.0
        return max(self._p_from(-margin), self._p_from(margin))

    def p_beyond(self, margin: float) -> float:
        """Return the smallest 1 − confidence at which the interval lies outside ±``margin``."""
        centre, _ = self._summit
        if abs(centre) <= margin:
            return 1.0
        # The far side must be bounded too, or there is no interval.
        return max(
            self._p_from(math.copysign(margin, centre)),
            self._p_from(math.copysign(math.inf, centre)),
        )

    def _p_from(self, mu: float) -> float:
        """Return the smallest 1 − confidence at which the interval ends before μ.

        1 for whatever exceeds one half: intervals of less confidence are as short as the resolution
        of the likelihood.
        """
        n, (centre, best) = len(self.low), self._summit
        reach = _REACH * self._scale
        drop = best - self._profile(min(max(mu, centre - reach), centre + reach))
        t = math.sqrt((n - 1) * math.expm1(min(max(0.0, 2 * drop / n), 700.0)))
        p = 2 * float(stats.t.sf(t, n - 1))
        return p if p <= 0.5 else 1.0


def bracketed_mean(
    lows: npt.ArrayLike, highs: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Return the mean of values known only to lie in brackets, see ``Bracketed``.

    Args:
        lows: (n,) lower ends, −inf where unknown.
        highs: (n,) upper ends, +inf where unknown.
        confidence: Coverage aimed at.

    Raises:
        TooFewError: Fewer than two units, more open than closed brackets, or no bound on the mean.
        InvalidInputError: A bracket has no width.
    """
    return Bracketed.of(lows, highs).interval(confidence)


def num_informative(lows: npt.ArrayLike, highs: npt.ArrayLike) -> int:
    """Return how many brackets have an end: the n of ``bracketed_mean``."""
    return int((np.isfinite(np.asarray(lows)) | np.isfinite(np.asarray(highs))).sum())


def _log_normal_mass(below: FloatArray, above: FloatArray) -> FloatArray:
    """Return log(Φ(above) − Φ(below)), accurate in both tails."""
    flip = below > 0
    left, right = np.where(flip, -above, below), np.where(flip, -below, above)
    log_right = special.log_ndtr(right)
    with np.errstate(divide="ignore"):
        mass: FloatArray = log_right + np.log1p(-np.exp(special.log_ndtr(left) - log_right))
    return np.where(np.isnan(mass), -np.inf, mass)
