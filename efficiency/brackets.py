"""Means of what is known only to lie between two bounds, and whether they are near 0."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from efficiency import checks
from efficiency.errors import InvalidInputError
from efficiency.statistics import FloatArray, Interval, TooFewError

_SIGMA_GRID_SIZE = 160


def bracketed_mean(
    lows: npt.ArrayLike, highs: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Return the mean of a normal population from values known only to lie in brackets.

    Unit i is known to lie in [lowᵢ, highᵢ]; an infinite end means that the bracket is open. The
    interval is {μ : max_σ ℓ(μ, σ) ≥ ℓ_max − c/2} with c = n·log(1 + t²/(n−1)), t the Student
    quantile with n − 1 degrees of freedom. With this c the profile likelihood of narrow brackets
    gives the t interval of their centres, and it goes on to use wide ones where the t interval has
    nothing to use. Where all units share one bracket, the interval reaches beyond it and is
    conservative. A unit open on both sides says nothing and does not count.

    Every bracket must have a width. A value known exactly among brackets would make σ = 0
    infinitely likely and the interval far too short; give it the resolution of its measurement.

    Args:
        lows: (n,) lower ends, −inf where unknown.
        highs: (n,) upper ends, +inf where unknown.
        confidence: Coverage aimed at.

    Raises:
        TooFewError: Fewer than two units, or more open than closed brackets: the mean may then lie
            outside what was measured.
    """
    low = checks.numbers(lows, "lower ends", infinite=True)
    high = checks.numbers(highs, "upper ends", infinite=True)
    checks.alike("lower and upper ends", low, high)
    checks.fraction(confidence, "confidence")
    informative = np.isfinite(low) | np.isfinite(high)
    low, high = low[informative], high[informative]
    if not (low < high).all():
        raise InvalidInputError("a bracket has no width; give it the resolution of its measurement")
    n, num_closed = len(low), int((np.isfinite(low) & np.isfinite(high)).sum())
    if num_closed < 2 or num_closed < n / 2:
        raise TooFewError(
            f"a mean needs two closed brackets at least, and as many closed as open ones; "
            f"{num_closed} of {n} are closed"
        )
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    drop = 0.5 * n * np.log1p(t**2 / (n - 1))
    ends = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]])
    scale = float(np.ptp(ends))
    narrowest = float((high - low).min())
    sigmas = np.geomspace(1e-2 * min(narrowest, scale), 30 * scale, _SIGMA_GRID_SIZE)

    def profile(mu: float) -> float:
        masses = _log_normal_mass(
            (low[:, None] - mu) / sigmas[None, :], (high[:, None] - mu) / sigmas[None, :]
        )
        return float(masses.sum(axis=0).max())

    candidates = np.linspace(ends.min(), ends.max(), 201)
    profiles = np.array([profile(mu) for mu in candidates])
    best = profiles.max()
    # Overlapping brackets leave a plateau of equally likely means: take its middle.
    centre = float(candidates[profiles >= best - 1e-3].mean())

    def excess(mu: float) -> float:
        return profile(mu) - float(best - drop)

    def end(direction: int) -> float:
        inside, reach = centre, scale
        while excess(centre + direction * reach) > 0:
            inside, reach = centre + direction * reach, 2 * reach
            # Beyond this the grid of σ, not the data, would decide.
            if reach > 10 * scale:
                raise TooFewError("the brackets do not bound the mean")
        return float(optimize.brentq(excess, inside, centre + direction * reach, xtol=1e-6 * scale))

    return Interval(value=centre, low=end(-1), high=end(+1))


def bracketed_equivalence_p(lows: npt.ArrayLike, highs: npt.ArrayLike, margin: float) -> float:
    """Return the smallest 1 − confidence at which ``bracketed_mean`` lies within ±``margin``.

    Found by bisection, to 1%; never less than 1e-6, and 1 for whatever exceeds one half: intervals
    of less confidence are as short as the resolution of the likelihood.
    """

    def fits(log_p: float) -> bool:
        try:
            found = bracketed_mean(lows, highs, confidence=1 - math.exp(log_p))
        except TooFewError:
            return False
        return -margin < found.low and found.high < margin

    low, high = math.log(1e-6), math.log(0.5)
    if not fits(high):
        return 1.0
    if fits(low):
        return math.exp(low)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return math.exp(high)


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
