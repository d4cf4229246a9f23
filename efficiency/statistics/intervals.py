"""Intervals and tests for a few independent units.

Where runs come in clusters, several of one start network say, pass one number for each cluster:
its mean, its slope. That is exact for balanced designs, and needs no formula that trusts in many
clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from efficiency import checks
from efficiency.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]


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
        InvalidInputError: A value is not finite.
    """
    data = checks.numbers(values, "values")
    checks.fraction(confidence, "confidence")
    if len(data) < 2:
        raise TooFewError(f"an interval needs at least two independent values, got {len(data)}")
    half = float(stats.t.ppf((1 + confidence) / 2, len(data) - 1) * stats.sem(data))
    centre = float(data.mean())
    return Interval(value=centre, low=float(centre - half), high=float(centre + half))


def median_bounds(
    values: npt.ArrayLike, *, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the interval of a median between two order statistics.

    Covers the median of any continuous distribution with at least ``confidence``, at each place of
    the trailing axes by itself.

    Args:
        values: (n, …), n independent units; infinite ones are smaller or larger than all others.
        confidence: In (0, 1).

    Raises:
        TooFewError: So few units that even their range covers the median more rarely: 5 at 95%.
        ValueError: A value is not a number.
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    if np.isnan(ordered).any():
        raise InvalidInputError(
            "a value that is not a number has no place in an order; leave it out"
        )
    n = len(ordered)
    # The k-th from below and from above miss it with twice the chance of fewer than k heads in n.
    k = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5)) if n else 0
    if k < 1:
        raise TooFewError(
            f"the range of {n} values covers their median with less than the wanted "
            f"confidence of {confidence:g}"
        )
    return ordered[k - 1], ordered[n - k]


def _are_equal(data: FloatArray) -> bool:
    """Return whether values differ by rounding at most: a spread of that is none."""
    return bool(np.ptp(data) <= 1e-13 * np.abs(data).max())


def greater_p(values: npt.ArrayLike, bound: float = 0.0) -> float:
    """Return the two-sided p of Student's t test, as a p for "the mean exceeds ``bound``".

    It is the smallest 1 − confidence at which ``t_interval`` lies above the bound, and 1 where the
    mean does not exceed it. Assumes what ``t_interval`` does.

    Raises:
        TooFewError: Fewer than two values.
    """
    data = checks.numbers(values, "values")
    if len(data) < 2:
        raise TooFewError(f"a test needs at least two independent values, got {len(data)}")
    if data.mean() <= bound:
        return 1.0
    if _are_equal(data):
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
        p_within: Twice the larger p of the two one-sided tests: the smallest 1 − confidence at
            which the interval lies within the margin.
        p_beyond: The smallest 1 − confidence at which it lies outside.
    """

    value: float
    low: float
    high: float
    margin: float
    p_within: float
    p_beyond: float


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
    if not margin > 0:
        raise InvalidInputError(f"margin = {margin!r} is not above 0")
    data = checks.numbers(values, "values")
    interval = t_interval(data)
    if _are_equal(data):
        p_within = float(abs(interval.value) >= margin)
    else:
        p_within = min(1.0, 2 * float(DescrStatsW(data).ttost_mean(-margin, margin)[0]))
    return Equivalence(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        margin=margin,
        p_within=p_within,
        p_beyond=min(greater_p(data, margin), greater_p(-data, margin)),
    )


def holm(p_values: Sequence[float], most_true: int | None = None) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): the chance of any false claim ≤ p.

    Assumes nothing of their dependence.

    Args:
        p_values: One for each hypothesis.
        most_true: How many of the hypotheses can be true at once, if not all: then no more than
            these can be rejected by mistake (Shaffer 1986, procedure S1).

    Raises:
        InvalidInputError: A number is no p-value, or ``most_true`` not a number of hypotheses.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise InvalidInputError(f"p-values lie between 0 and 1; given: {list(p_values)}")
    n = len(p_values)
    most = n if most_true is None else most_true
    if not 0 <= most <= n:
        raise InvalidInputError(f"most_true = {most} of {n} hypotheses cannot be")
    order = np.argsort(p_values)
    factors = np.minimum(most, n - np.arange(n))
    adjusted = np.empty(n)
    adjusted[order] = np.maximum.accumulate(factors * np.asarray(p_values, dtype=float)[order])
    return [float(p) for p in np.minimum(adjusted, 1.0)]


def share_interval(count: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with its exact interval (Clopper & Pearson 1934).

    Assumes independent units.

    Raises:
        TooFewError: There are no units.
    """
    if not 0 <= count <= max(n, 0):
        raise InvalidInputError(f"count = {count} of n = {n} units is no share of them")
    if n < 1:
        raise TooFewError("a share needs at least one unit, got none")
    low, high = proportion_confint(count, n, alpha=1 - confidence, method="beta")
    return Interval(
        value=count / n,
        low=0.0 if count == 0 else float(low),
        high=1.0 if count == n else float(high),
    )


def share_p(count: int, n: int, null: float) -> float:
    """Return the one-sided p of ``count`` or more of ``n`` units at a true share of ``null``.

    Raises:
        InvalidInputError: There are not so many units, or ``null`` is no share.
    """
    if not 0 <= count <= n or not 0 <= null <= 1:
        raise InvalidInputError(f"count = {count} of n = {n} units at a share of {null} cannot be")
    return float(stats.binom.sf(count - 1, n, null))


@dataclass(frozen=True, kw_only=True)
class RankCorrelation:
    """Spearman's rank correlation.

    Attributes:
        interval: ρ with its 95% interval.
        p_below: Two-sided p, as one for "the correlation is negative": 1 where it is not.
        p_above: The same for "it is positive".
        error: Standard error of Fisher's z.
    """

    interval: Interval
    p_below: float
    p_above: float
    error: float

    def p_less(self, bound: float) -> float:
        """Return the smallest 1 − confidence at which the interval of ρ lies below a bound."""
        return min(1.0, 2 * float(stats.norm.sf(-self._above(bound))))

    def p_greater(self, bound: float) -> float:
        """Return the smallest 1 − confidence at which the interval of ρ lies above a bound."""
        return min(1.0, 2 * float(stats.norm.sf(self._above(bound))))

    def _above(self, bound: float) -> float:
        rho = float(np.clip(self.interval.value, -1 + 1e-9, 1 - 1e-9))
        return float(np.arctanh(rho) - np.arctanh(bound)) / self.error


def rank_correlation(
    one: npt.ArrayLike, other: npt.ArrayLike, *, confidence: float = 0.95
) -> RankCorrelation:
    """Return Spearman's ρ of pairs with its interval: Fisher's z, variance (1 + ρ²/2)/(n − 3).

    The variance is that of Bonett and Wright (2000, *Psychometrika* 65), which holds its level for
    ρ from −0.9 to 0.9. Assumes independent pairs, and nothing of their distribution but what ranks
    assume.

    Raises:
        TooFewError: Fewer than four pairs, or one of both does not vary.
    """
    x, y = checks.numbers(one, "values"), checks.numbers(other, "values")
    checks.alike("values of both", x, y)
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise TooFewError(
            f"a rank correlation needs at least four pairs that differ in both, got {len(x)}"
        )
    rho = float(stats.spearmanr(x, y).statistic)
    bounded = float(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    error = float(np.sqrt((1 + bounded**2 / 2) / (len(x) - 3)))
    half = float(stats.norm.ppf((1 + confidence) / 2)) * error
    z = float(np.arctanh(bounded))
    p = 2 * float(stats.norm.sf(abs(z) / error))
    return RankCorrelation(
        interval=Interval(value=rho, low=float(np.tanh(z - half)), high=float(np.tanh(z + half))),
        p_below=p if rho < 0 else 1.0,
        p_above=p if rho > 0 else 1.0,
        error=error,
    )
