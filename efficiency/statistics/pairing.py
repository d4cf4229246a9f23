"""Whether one number of each unit goes with another: tests that permuting the units can fail.

Shapes: n units. x is what was predicted of each, y what was observed, both in the same units.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from efficiency import checks
from efficiency.statistics.intervals import FloatArray, TooFewError

NUM_PERMUTATIONS = 9999
"""Random pairings; all n! of them where these are fewer."""

MIN_UNITS = 4
"""Fewer have no interval of a rank correlation, and too few pairings to tell any apart."""


def skill(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return 1 − (mean squared error of x as a prediction of y) / (that of the others' mean).

    The mean of the *other* units' y is what predicts a unit without knowing anything of it. 1 for a
    perfect prediction, 0 for one no better than that mean, negative for a worse one. Nothing is
    fitted: a common factor that x is off by counts against it.

    Raises:
        TooFewError: Fewer than ``MIN_UNITS``, or one of both does not vary.
    """
    predicted, observed = _pairs(x, y)
    errors = np.square(observed - predicted), np.square(observed - _others(observed))
    return float(1 - errors[0].sum() / errors[1].sum())


def gains(x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
    """Return (n,) by how much the squared error of the others' mean exceeds that of x, by unit.

    Their sum over that of the former is ``skill``.

    Raises:
        TooFewError: Fewer than ``MIN_UNITS``, or one of both does not vary.
    """
    predicted, observed = _pairs(x, y)
    found: FloatArray = np.square(observed - _others(observed)) - np.square(observed - predicted)
    return found


def pairing_p(x: npt.ArrayLike, y: npt.ArrayLike, *, ranks: bool = False) -> float:
    """Return the one-sided p of x and y rising together, against all pairings of the units.

    The statistic is Σ xy. Over pairings, which leave both sets of numbers as they are, Pearson's
    correlation and ``skill`` rise with it alone, and of ranks Spearman's correlation: so this is
    their p as well. It assumes nothing but that units could be exchanged if nothing paired them.

    Args:
        x: (n,) of each unit.
        y: (n,) of the same units.
        ranks: Whether ranks take the place of both.

    Raises:
        TooFewError: Fewer than ``MIN_UNITS``, or one of both does not vary.
    """
    predicted, observed = _pairs(x, y)
    if ranks:
        predicted, observed = stats.rankdata(predicted), stats.rankdata(observed)
    predicted, observed = predicted - predicted.mean(), observed - observed.mean()

    largest = float(np.linalg.norm(predicted) * np.linalg.norm(observed))

    def product(permuted: FloatArray, axis: int = -1) -> FloatArray:
        # Pairings that tie must not be told apart by rounding.
        found: FloatArray = np.round(np.sum(permuted * observed, axis=axis) / largest, 12)
        return found

    found = stats.permutation_test(
        (predicted,),
        product,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=NUM_PERMUTATIONS,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def slope_with_errors(rows: npt.ArrayLike) -> float:
    """Return the slope of y on x where x is known with an error, by moments (Fuller 1987, 1.2.1).

    cov(x, y) / (var(x) − mean squared error of x): noise in x pulls an ordinary slope towards 0,
    noise in y does not. nan where x varies no more than its errors do.

    Args:
        rows: (n, 3) x, y and the standard error of x for each unit.
    """
    x, y, error = np.asarray(rows, dtype=float).T
    variance = float(x.var(ddof=1)) - float(np.mean(error**2))
    if variance <= 0:
        return math.nan
    return float(np.cov(x, y)[0, 1]) / variance


def reliability(x: npt.ArrayLike, error: npt.ArrayLike) -> float:
    """Return the part of the variance of x between units that is not that of its errors.

    Raises:
        TooFewError: Fewer than two units, or they do not vary.
    """
    value, wrong = checks.numbers(x, "values"), checks.numbers(error, "errors")
    checks.alike("values and errors", value, wrong)
    if len(value) < 2 or np.ptp(value) == 0:
        raise TooFewError("a reliability needs two units that differ")
    return 1 - float(np.mean(wrong**2)) / float(value.var(ddof=1))


def _pairs(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    predicted, observed = checks.numbers(x, "predicted"), checks.numbers(y, "observed")
    checks.alike("predicted and observed", predicted, observed)
    if len(predicted) < MIN_UNITS or np.ptp(predicted) == 0 or np.ptp(observed) == 0:
        raise TooFewError(
            f"a pairing needs at least {MIN_UNITS} units that differ in both, got {len(predicted)}"
        )
    return predicted, observed


def _others(values: FloatArray) -> FloatArray:
    """Return (n,) the mean of all other units."""
    return np.asarray((values.sum() - values) / (len(values) - 1))
