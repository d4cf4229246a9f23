"""A binomial model of accuracy against dataset size: a second opinion on the threshold.

Accuracy on n test examples is taken as binomial with probability
lower + (upper − lower)·expit(slope·(log D − log threshold)): ``lower`` is chance, ``upper`` may lie
below 1. A sweep that jumps from chance to perfect between two sizes (*separation*) drives an
unpenalised slope to infinity; Firth's penalty, half the log determinant of Fisher's information,
keeps the fit finite and takes away its first-order bias.

The examples of one table are not independent trials, so that the model's own standard error is far
too small: intervals come from resampling seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from efficiency.statistics.intervals import FloatArray, Interval, TooFewError

_EDGE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The model's parameters.

    Attributes:
        threshold: D half-way between the asymptotes.
        slope: Of the logit in log D.
        upper: Asymptote at large D, at most 1.
    """

    threshold: float
    slope: float
    upper: float


def fit(sizes: npt.ArrayLike, correct: npt.ArrayLike, total: npt.ArrayLike, *, lower: float) -> Fit:
    """Return the parameters of largest penalised likelihood.

    Args:
        sizes: (n,) dataset sizes, any order, repeats allowed; two different ones at least.
        correct: (n,) test examples answered correctly, need not be whole numbers.
        total: (n,) test examples.
        lower: Chance, the asymptote at small D.

    Raises:
        TooFewError: All points lie at one size.
    """
    log_size = np.log(np.asarray(sizes, dtype=float))
    right, trials = np.asarray(correct, dtype=float), np.asarray(total, dtype=float)
    if np.ptp(log_size) == 0:
        raise TooFewError("a threshold needs accuracies at two dataset sizes at least")
    middle, scale = float(log_size.mean()), float(np.ptp(log_size))

    def negative(parameters: FloatArray) -> float:
        return -_penalised(parameters, (log_size - middle) / scale, right, trials, lower)

    starts = [
        np.array([at, math.log(slope * scale), 3.0])
        for at in (-0.3, 0.0, 0.3)
        for slope in (3.0, 10.0)
    ]
    start = min(starts, key=negative)
    best = optimize.minimize(
        negative,
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-6, "maxiter": 2000, "maxfev": 2000},
    )
    at, log_slope, asymptote = best.x
    return Fit(
        threshold=math.exp(middle + scale * float(np.clip(at, -1.5, 1.5))),
        slope=math.exp(float(log_slope)) / scale,
        upper=lower + (1 - lower) * float(special.expit(asymptote)),
    )


def _penalised(
    parameters: FloatArray, x: FloatArray, right: FloatArray, trials: FloatArray, lower: float
) -> float:
    """Return log likelihood + ½ log det I, for (threshold in x, log slope, logit of upper)."""
    at, log_slope, asymptote = parameters
    slope = math.exp(min(float(log_slope), 12.0))
    rise = special.expit(slope * (x - at))
    height = (1 - lower) * float(special.expit(asymptote))
    p = np.clip(lower + height * rise, _EDGE, 1 - _EDGE)
    likelihood = float((right * np.log(p) + (trials - right) * np.log1p(-p)).sum())
    steep = height * rise * (1 - rise)
    gradient = np.stack(
        [
            -steep * slope,
            steep * slope * (x - at),
            height * (1 - float(special.expit(asymptote))) * rise,
        ],
        axis=1,
    )
    information = gradient.T @ (gradient * (trials / (p * (1 - p)))[:, None])
    sign, log_determinant = np.linalg.slogdet(information + _EDGE * np.eye(3))
    return likelihood + 0.5 * float(log_determinant) if sign > 0 else -math.inf


MIN_CLUSTERS = 6
"""Fewest seeds to resample. The standard error of a resample with one or two seeds in it is a
matter of luck, and may be next to nothing; of six seeds 2% of the resamples are of this kind, of
five 10%, which is more than the tails that the interval is cut at."""


def over_clusters(
    values: Sequence[float], *, rng: np.random.Generator, resamples: int = 2000
) -> Interval:
    """Return the mean over seeds with its bootstrap-t interval, which resamples seeds.

    Each resample's mean is measured in its own standard error: the percentile interval, which does
    not, is far too short for a dozen seeds. Assumes independent seeds of one distribution, of any
    shape with a variance.

    Raises:
        TooFewError: Fewer than ``MIN_CLUSTERS`` values.
    """
    data = np.asarray(values, dtype=float)
    if len(data) < MIN_CLUSTERS:
        raise TooFewError(f"resampling needs at least {MIN_CLUSTERS} seeds, got {len(data)}")
    mean, error = float(data.mean()), float(stats.sem(data))
    if error == 0:
        return Interval(value=mean, low=mean, high=mean)
    drawn = rng.choice(data, size=(resamples, len(data)))
    errors = stats.sem(drawn, axis=1)
    t = (drawn.mean(axis=1) - mean)[errors > 0] / errors[errors > 0]
    low, high = np.quantile(t, [0.025, 0.975])
    return Interval(value=mean, low=mean - high * error, high=mean - low * error)
