"""Intervals and tests for a few independent units, some known only to lie between two bounds.

Where runs come in clusters, several of one start network say, pass one number for each cluster:
its mean, its slope. That is exact for balanced designs, and needs no formula that trusts in many
clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

FloatArray = npt.NDArray[np.float64]

_SIGMA_GRID_SIZE = 160


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A centre with a confidence interval around it, in the unit of the data."""

    value: float
    low: float
    high: float


class TooFewError(ValueError):
    """The data cannot carry the estimate that was asked for."""


def t_interval(values: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean with its Student t interval.

    Assumes independent values from one normal distribution; with clustered data, pass one value
    for each cluster.

    Raises:
        TooFewError: Fewer than two values.
    """
    data = np.asarray(values, dtype=float)
    if len(data) < 2:
        raise TooFewError(f"an interval needs at least two independent values, got {len(data)}")
    half = float(stats.t.ppf((1 + confidence) / 2, len(data) - 1) * stats.sem(data))
    centre = float(data.mean())
    return Interval(value=centre, low=float(centre - half), high=float(centre + half))


def greater_p(values: npt.ArrayLike, bound: float = 0.0) -> float:
    """Return the two-sided p of Student's t test, as a p for "the mean exceeds ``bound``".

    It is the smallest 1 − confidence at which ``t_interval`` lies above the bound, and 1 where the
    mean does not exceed it. Assumes what ``t_interval`` does.

    Raises:
        TooFewError: Fewer than two values.
    """
    data = np.asarray(values, dtype=float)
    if len(data) < 2:
        raise TooFewError(f"a test needs at least two independent values, got {len(data)}")
    if data.mean() <= bound:
        return 1.0
    if np.ptp(data) == 0:
        return 0.0
    return float(stats.ttest_1samp(data, bound).pvalue)


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """A mean held against a margin on both sides.

    Attributes:
        value: The mean.
        low: Lower end of its 95% interval.
        high: Upper end.
        margin: What still counts as equal, on either side of 0.
        p_value: Twice the larger p of the two one-sided tests: the smallest 1 − confidence at which
            the interval lies within the margin.
    """

    value: float
    low: float
    high: float
    margin: float
    p_value: float

    @property
    def equal(self) -> bool:
        """Whether the mean is shown to lie within the margin."""
        return -self.margin < self.low and self.high < self.margin

    @property
    def different(self) -> bool:
        """Whether it is shown to lie beyond the margin."""
        return self.low > self.margin or self.high < -self.margin


def equivalence(values: npt.ArrayLike, margin: float) -> Equivalence:
    """Return the two one-sided tests of a mean within ±``margin`` (Schuirmann 1987), at 2.5% each.

    The mean counts as equal to 0 if its 95% interval lies within the margin. (The usual 90%
    interval tests each side at 5%; one confidence for all intervals is easier to read, and
    stricter.) Assumes what ``t_interval`` does.

    Args:
        values: One for each independent unit.
        margin: > 0, fixed before the data are seen.

    Raises:
        TooFewError: Fewer than two values.
    """
    assert margin > 0
    data = np.asarray(values, dtype=float)
    interval = t_interval(data)
    if np.ptp(data) == 0:
        p_value = float(abs(interval.value) >= margin)
    else:
        p_value = min(1.0, 2 * float(DescrStatsW(data).ttost_mean(-margin, margin)[0]))
    return Equivalence(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        margin=margin,
        p_value=p_value,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): the chance of any false claim ≤ p.

    Assumes nothing of their dependence.
    """
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def share_interval(count: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with its exact interval (Clopper & Pearson 1934).

    Assumes independent units.

    Raises:
        TooFewError: There are no units.
    """
    if n < 1:
        raise TooFewError("a share needs at least one unit, got none")
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="beta")
    return Interval(
        value=count / n,
        low=0.0 if count == 0 else float(low),
        high=1.0 if count == n else float(high),
    )


def share_p(count: int, n: int, null: float) -> float:
    """Return the one-sided p of ``count`` or more of ``n`` units at a true share of ``null``."""
    return float(stats.binom.sf(count - 1, n, null))


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line y = intercept + slope·x with least squared error.

    Attributes:
        intercept: At x = 0.
        slope: Its rise.
        covariance: (2, 2) of intercept and slope, from the scatter around the line.
        dof: Degrees of freedom of that scatter, points − 2.
    """

    intercept: float
    slope: float
    covariance: FloatArray
    dof: int


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike) -> Line:
    """Return the line of least squares.

    Assumes independent errors of one size; the slope and intercept do not need that, their
    covariance does.

    Raises:
        TooFewError: Fewer than three points, or all at one x.
    """
    at, target = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(at) < 3 or np.ptp(at) == 0:
        raise TooFewError(f"a line with an error needs three points at two places, got {len(at)}")
    design = np.stack([np.ones_like(at), at], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    intercept, slope = inverse @ design.T @ target
    rest = target - design @ [intercept, slope]
    return Line(
        intercept=float(intercept),
        slope=float(slope),
        covariance=inverse * float(rest @ rest) / (len(at) - 2),
        dof=len(at) - 2,
    )


def meets(
    line: Line,
    height: float,
    height_error: float = 0.0,
    height_dof: float = math.inf,
    *,
    confidence: float = 0.95,
) -> Interval:
    """Return where a line meets a height, with Fieller's interval (1954).

    It holds every x at which intercept + slope·x − height is not significantly different from 0, by
    Student's t with the degrees of freedom that Satterthwaite gives to the sum of both errors where
    they meet.

    Args:
        line: The line.
        height: The height.
        height_error: Its standard error, independent of the line.
        height_dof: Degrees of freedom of that.
        confidence: Coverage aimed at.

    Raises:
        TooFewError: The slope is not significantly different from 0, so that no x is excluded on
            one side or on either.
    """
    gap = height - line.intercept
    at = np.array([1.0, gap / line.slope if line.slope else 0.0])
    of_line, of_height = float(at @ line.covariance @ at), height_error**2
    total = of_line + of_height
    parts = of_line**2 / line.dof + of_height**2 / height_dof
    t = float(stats.t.ppf((1 + confidence) / 2, total**2 / parts if parts else line.dof))
    var_gap = float(line.covariance[0, 0]) + of_height
    # Of height − intercept with slope.
    shared, var_slope = -float(line.covariance[0, 1]), float(line.covariance[1, 1])
    a = line.slope**2 - t**2 * var_slope
    if a <= 0:
        raise TooFewError("the slope could be zero: the line may meet the height anywhere")
    b = gap * line.slope - t**2 * shared
    root = np.sqrt(max(b**2 - a * (gap**2 - t**2 * var_gap), 0.0))
    return Interval(value=gap / line.slope, low=(b - root) / a, high=(b + root) / a)


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
    low, high = np.asarray(lows, dtype=float), np.asarray(highs, dtype=float)
    informative = np.isfinite(low) | np.isfinite(high)
    low, high = low[informative], high[informative]
    assert (low < high).all(), "a bracket without width"
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
