"""How long something takes, when some runs end before it has happened.

Shapes: R runs, P predictors (the constant one among them), G clusters.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from efficiency.statistics.intervals import FloatArray, Interval, TooFewError


@dataclass(frozen=True, kw_only=True)
class AcceleratedFit:
    """log T = x·β + σε with ε standard normal, fitted to times of which some are censored.

    Attributes:
        coefficients: (P,) β.
        scale: σ.
    """

    coefficients: FloatArray
    scale: float


def accelerated_fit(
    log_times: npt.ArrayLike, censored: npt.ArrayLike, predictors: npt.ArrayLike
) -> AcceleratedFit:
    """Return the maximum-likelihood fit of log-normal times with right censoring (Tobin 1958).

    A censored run counts with the probability of being at least so late. In 1/σ and β/σ the
    likelihood is concave (Olsen 1978), so that what is found is the only maximum.

    Args:
        log_times: (R,) log of the time, or of the budget where it had not come by then.
        censored: (R,) whether it had not.
        predictors: (R, P) x of full rank, the constant among them if one is wanted.

    Raises:
        TooFewError: The uncensored runs alone do not determine β and σ: every slope as steep
            would fit, and none is the likeliest.
    """
    y, late = np.asarray(log_times, dtype=float), np.asarray(censored, dtype=bool)
    x = np.asarray(predictors, dtype=float)
    seen, num_predictors = ~late, x.shape[1]
    rank = np.linalg.matrix_rank(x[seen]) if seen.any() else 0
    if rank < num_predictors or seen.sum() <= num_predictors:
        raise TooFewError(
            f"{int(seen.sum())} of {len(y)} runs came within their budget, at too few different "
            "settings to fit how the time depends on them"
        )
    beta = np.linalg.lstsq(x[seen], y[seen])[0]
    spread = float(np.std(y[seen] - x[seen] @ beta))
    if spread < 1e-9:
        raise TooFewError("all runs that came lie on one line; their spread cannot be fitted")

    def negative_log_likelihood(theta: FloatArray) -> tuple[float, FloatArray]:
        gamma, inverse_scale = theta[:-1], theta[-1]
        z = inverse_scale * y - x @ gamma
        log_survival = special.log_ndtr(-z[late])
        value = 0.5 * np.sum(z[seen] ** 2) - seen.sum() * np.log(inverse_scale)
        # Derivative of each term by z; the hazard φ/Φ̄ from logarithms, exact far in the tail.
        slope = np.where(seen, z, 0.0)
        slope[late] = np.exp(-0.5 * z[late] ** 2 - log_survival) / np.sqrt(2 * np.pi)
        gradient = np.append(-slope @ x, slope @ y - seen.sum() / inverse_scale)
        return float(value - log_survival.sum()), gradient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a first step may overshoot
        found = optimize.minimize(
            negative_log_likelihood,
            np.append(beta, 1.0) / spread,
            jac=True,
            method="L-BFGS-B",
            bounds=[(None, None)] * num_predictors + [(1e-6 / spread, None)],
            options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-8},
        )
    inverse_scale = float(found.x[-1])
    return AcceleratedFit(coefficients=found.x[:-1] / inverse_scale, scale=1 / inverse_scale)


@dataclass(frozen=True, kw_only=True)
class Slope:
    """One coefficient with its interval.

    Attributes:
        interval: β and its 95% interval.
        p_below: Two-sided p, as one for "the slope is negative": 1 where it is not.
        p_above: Likewise for "the slope is positive".
        num_clusters: G.
    """

    interval: Interval
    p_below: float
    p_above: float
    num_clusters: int


def clustered_slope(
    log_times: npt.ArrayLike,
    censored: npt.ArrayLike,
    predictors: npt.ArrayLike,
    clusters: Sequence[Hashable],
    *,
    which: int,
) -> tuple[AcceleratedFit, Slope]:
    """Return the fit, and one of its coefficients with an interval that clusters do not narrow.

    Runs of one seed share data and initial weights. The interval is the jackknife's over whole
    clusters, with Student's t of G − 1 degrees of freedom: it assumes nothing of what is shared
    within a cluster, only that clusters are independent.

    Args:
        log_times: As in ``accelerated_fit``.
        censored: Likewise.
        predictors: Likewise.
        clusters: (R,) the cluster of each run.
        which: Index of the coefficient.

    Raises:
        TooFewError: Fewer than three clusters, or the fit fails, without some cluster if not with
            all.
    """
    y, late, x = np.asarray(log_times), np.asarray(censored), np.asarray(predictors)
    names = sorted(set(clusters), key=repr)
    G = len(names)
    if G < 3:
        raise TooFewError(f"an interval needs at least three clusters, got {G}")
    fit = accelerated_fit(y, late, x)
    without = []
    for name in names:
        kept = np.array([cluster != name for cluster in clusters])
        without.append(accelerated_fit(y[kept], late[kept], x[kept]).coefficients[which])
    error = float(np.sqrt((G - 1) / G * np.sum((without - np.mean(without)) ** 2)))
    value = float(fit.coefficients[which])
    half = float(stats.t.ppf(0.975, G - 1)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, G - 1)) if error > 0 else 0.0
    return fit, Slope(
        interval=Interval(value=value, low=value - half, high=value + half),
        p_below=p if value < 0 else 1.0,
        p_above=p if value > 0 else 1.0,
        num_clusters=G,
    )
