"""Where, and how sharply, test accuracy falls as the dataset shrinks.

Accuracy is read as the *retained* part r = (accuracy − 1/S)/(1 − 1/S): 0 at chance, 1 when nothing
is lost. A sweep is r at several dataset sizes D for one start network and one weight decay; its
threshold is the D at which r = ½. Start networks (seeds) are the independent units; sweeps of one
seed that differ in weight decay are averaged before any interval is formed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from efficiency import checks
from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from efficiency.statistics.interval_censored import bracketed_mean
from efficiency.statistics.intervals import FloatArray, TooFewError

PARTIAL = (0.05, 0.95)
"""Retained accuracy between these bounds is partial."""

RESOLUTION = 0.02
"""Half-width, in log D, of the bracket that stands for a fitted threshold or width: 2%."""

MIN_SIZES = 4
"""Sizes below which shapes are not told apart: each has two parameters to fit them with."""

_SLOPE_BOUNDS = (0.1, 200.0)


def _sweep(
    sizes: npt.ArrayLike, r: npt.ArrayLike, *, at_least: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return sizes and retained accuracies of one sweep as arrays that may be computed with."""
    size, target = checks.sizes(sizes, at_least=at_least), checks.numbers(r, "retained accuracies")
    checks.alike("sizes and retained accuracies", size, target)
    return size, target


def retained(accuracy: npt.ArrayLike, num_symbols: int) -> FloatArray:
    """Return r = (accuracy − 1/S)/(1 − 1/S), slightly negative where accuracy is below chance.

    Raises:
        InvalidInputError: S < 2.
    """
    if num_symbols < 2:
        raise InvalidInputError(f"num_symbols = {num_symbols}; chance has a meaning from 2 on")
    chance = 1 / num_symbols
    r: FloatArray = (np.asarray(accuracy, dtype=float) - chance) / (1 - chance)
    return r


def s_curve(size: npt.ArrayLike, threshold: float, slope: float) -> FloatArray:
    """Return 1/(1 + (threshold/size)^slope), a logistic curve in log size.

    Raises:
        InvalidInputError: A size or the threshold is not positive.
    """
    at = np.asarray(size, dtype=float)
    if not (at > 0).all() or not threshold > 0:
        raise InvalidInputError(
            f"sizes and threshold must be above 0; given: {size!r}, {threshold!r}"
        )
    exponent = slope * (np.log(at) - math.log(threshold))
    curve: FloatArray = special.expit(exponent)
    return curve


_BETTER = 0.99
"""To this part the second start must lower the squared error; else the first stays, to the bit."""

_EXACT = 1e-12
"""Half the squared error below which no other start is tried."""


def fit_s_curve(sizes: npt.ArrayLike, r: npt.ArrayLike) -> tuple[float, float]:
    """Return (threshold, slope) of the S-curve with least squared error.

    The best point of a coarse grid is refined by Levenberg–Marquardt, and so is the straight line
    through the logits: least squares in a steep curve has local minima, in which the grid alone
    ends for one exact curve in five hundred. The slope is kept within 0.1 … 200 and the threshold
    within the range of sizes and its width (in log D) on both sides; data without
    slope run to these ends.

    Raises:
        InvalidInputError: Fewer than two sizes, sizes that do not increase, or not as many numbers.
    """
    size, target = _sweep(sizes, r, at_least=2)
    log_size = np.log(size)
    middle, span = (log_size[0] + log_size[-1]) / 2, float(np.ptp(log_size))
    lowest, highest = np.log(_SLOPE_BOUNDS)

    def slope_of(parameters: FloatArray) -> float:
        # Data that step from 0 to 1 would drive the slope to infinity.
        return math.exp(min(float(parameters[1]), highest + 1))

    def curve(parameters: FloatArray) -> FloatArray:
        return np.asarray(special.expit(slope_of(parameters) * (log_size - parameters[0])))

    def residuals(parameters: FloatArray) -> FloatArray:
        return np.asarray(curve(parameters) - target)

    def jacobian(parameters: FloatArray) -> FloatArray:
        slope, value = slope_of(parameters), curve(parameters)
        steepness = value * (1 - value) * slope
        return np.stack([-steepness, steepness * (log_size - parameters[0])], axis=1)

    thresholds = middle + np.linspace(-1.5, 1.5, 121)[:, None, None] * span
    log_slopes = np.linspace(0, math.log(60), 13)[None, :, None]
    errors = special.expit(np.exp(log_slopes) * (log_size - thresholds)) - target
    i, j = divmod(int(np.square(errors).sum(-1).argmin()), log_slopes.shape[1])

    def refined(begin: list[float]) -> optimize.OptimizeResult:
        return optimize.least_squares(residuals, begin, jacobian, method="lm", max_nfev=50)

    fit = refined([thresholds[i, 0, 0], log_slopes[0, j, 0]])
    if fit.cost > _EXACT and (begin := _by_logits(log_size, target)) is not None:
        other = refined(begin)
        fit = other if other.cost < _BETTER * fit.cost else fit
    threshold = float(np.clip(fit.x[0], middle - 1.5 * span, middle + 1.5 * span))
    return math.exp(threshold), math.exp(float(np.clip(fit.x[1], lowest, highest)))


def _by_logits(log_size: FloatArray, r: FloatArray) -> list[float] | None:
    """Return log threshold and log slope of the line through the logits, ``None`` if it falls.

    Weighted by (r(1 − r))², which makes it least squares in r to first order (Berkson 1944).
    """
    inside = (r > 0) & (r < 1)
    if inside.sum() < 2:
        return None
    some = r[inside]
    # polyfit squares its weights.
    slope, intercept = np.polyfit(log_size[inside], special.logit(some), 1, w=some * (1 - some))
    return [float(-intercept / slope), math.log(slope)] if slope > 0 else None


def fit_line(sizes: npt.ArrayLike, r: npt.ArrayLike) -> tuple[float, float]:
    """Return (intercept, slope) of the straight line in D with least squared error.

    Raises:
        InvalidInputError: Fewer than two sizes, sizes that do not increase, or not as many numbers.
    """
    slope, intercept = np.polyfit(*_sweep(sizes, r, at_least=2), 1)
    return float(intercept), float(slope)


def line_width(sizes: npt.ArrayLike, r: npt.ArrayLike) -> tuple[float, float]:
    """Return bounds on the log of the 10–90% width, in examples, of the fitted straight line in D.

    Where the line does not rise, the width has no upper bound and is at least the range of sizes.
    """
    _, gradient = fit_line(sizes, r)
    if gradient <= 0:
        return math.log(float(np.ptp(np.asarray(sizes, dtype=float)))), math.inf
    log_width = math.log(0.8 / gradient)
    return log_width - RESOLUTION, log_width + RESOLUTION


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """What one sweep says of its transition, as brackets in natural logarithms.

    Attributes:
        threshold: Bounds on log D at r = ½, or at another level; an infinite end where no size lies
            beyond it.
        width: Bounds on the log of the 10–90% width (D at r = 0.9) − (D at r = 0.1), in examples;
            ``None`` where the sweep does not cross.
        fitted: Whether they come from a fitted S-curve.
    """

    threshold: tuple[float, float]
    width: tuple[float, float] | None
    fitted: bool = False


def crossing(sizes: npt.ArrayLike, r: npt.ArrayLike, level: float = 0.5) -> Crossing:
    """Return the transition of one sweep.

    With a partial size on either side of the level: the fitted S-curve's, within ± 2%. Otherwise
    (the sweep is *separated*) the bracket between the last size below it and the first above, after
    isotonic regression. Where the fitted threshold lies outside that bracket, the accuracies do not
    follow the curve, and the bracket is widened to hold both. Where no size lies on one side of the
    level, the threshold is censored there.

    Args:
        sizes: (n,) increasing dataset sizes.
        r: (n,) retained accuracies.
        level: Where r crosses, a partial accuracy.

    Raises:
        InvalidInputError: No size, sizes that do not increase, not as many finite numbers, or a
            level that is no partial accuracy.
    """
    if not PARTIAL[0] < level < PARTIAL[1]:
        raise InvalidInputError(
            f"level = {level}; it must lie between {PARTIAL[0]} and {PARTIAL[1]}"
        )
    size, target = _sweep(sizes, r)
    increasing = optimize.isotonic_regression(target).x
    log_size = np.log(size)
    if (increasing >= level).all():
        return Crossing(threshold=(-math.inf, float(log_size[0])), width=None)
    if (increasing < level).all():
        return Crossing(threshold=(float(log_size[-1]), math.inf), width=None)
    above = int(np.argmax(increasing >= level))
    low, high = float(log_size[above - 1]), float(log_size[above])
    partial_below = ((increasing > PARTIAL[0]) & (increasing < level)).any()
    partial_above = ((increasing >= level) & (increasing < PARTIAL[1])).any()
    if partial_below and partial_above:
        threshold, slope = fit_s_curve(size, r)
        middle = math.log(threshold)
        at = middle + math.log(level / (1 - level)) / slope
        # D at r = 0.9 and at r = 0.1 are threshold · 9^{±1/slope}.
        log_width = middle + math.log(2 * math.sinh(math.log(9) / slope))
        width = (log_width - RESOLUTION, log_width + RESOLUTION)
        if low <= at <= high:
            bounds = (at - RESOLUTION, at + RESOLUTION)
            return Crossing(threshold=bounds, width=width, fitted=True)
        return Crossing(threshold=(min(low, at), max(high, at)), width=width)
    return Crossing(threshold=(low, high), width=_width_bounds(size, increasing))


def _width_bounds(size: FloatArray, increasing: FloatArray) -> tuple[float, float]:
    """Return bounds on the log width of a separated sweep: open where a tail was not reached."""
    fallen, kept = size[increasing <= 0.1], size[increasing >= 0.9]
    if len(fallen) == 0 or len(kept) == 0:
        return -math.inf, math.inf
    return -math.inf, math.log(float(kept.min() - fallen.max()))


def _average(bounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    low, high = np.mean(bounds, axis=0)
    return float(low), float(high)


def population(bounds_by_seed: Sequence[Sequence[tuple[float, float]]], *, unit: str) -> Estimate:
    """Return the geometric mean over seeds of a quantity bounded, in its logarithm, in each sweep.

    The sweeps of a seed are averaged, then ``interval_censored.bracketed_mean`` forms the interval
    over seeds, which assumes that the seeds' values are log-normal.

    Args:
        bounds_by_seed: For each seed, for each of its sweeps, bounds on the logarithm.
        unit: Unit of the quantity.

    Returns:
        The estimate; ``censored``, with the bounds that hold for every seed, where the seeds do not
        bound their mean.

    Raises:
        InvalidInputError: There are no seeds, or one without sweeps.
    """
    if not bounds_by_seed or not all(bounds_by_seed):
        raise InvalidInputError("there are no seeds, or a seed without a sweep; leave it out")
    seeds = np.array([_average(bounds) for bounds in bounds_by_seed]).reshape(-1, 2)
    try:
        interval = bracketed_mean(seeds[:, 0], seeds[:, 1])
    except TooFewError:
        low, high = float(seeds[:, 0].min()), float(seeds[:, 1].max())
        return Estimate(
            value=None,
            low=math.exp(low) if math.isfinite(low) else None,
            high=math.exp(high) if math.isfinite(high) else None,
            n=len(seeds),
            unit=unit,
            status="censored",
        )
    return Estimate(
        value=math.exp(interval.value),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        n=len(seeds),
        unit=unit,
    )


def bracket(sizes: npt.ArrayLike, r_by_sweep: npt.ArrayLike) -> tuple[float | None, float | None]:
    """Return (largest size up to which every sweep falls below ½, smallest from which none does).

    Args:
        sizes: (n,) increasing dataset sizes.
        r_by_sweep: (sweeps, n) retained accuracies.

    Raises:
        InvalidInputError: Sizes that do not increase, or not as many finite numbers in each sweep.
    """
    size = checks.sizes(sizes)
    swept = checks.numbers(r_by_sweep, "retained accuracies", ndim=2)
    checks.alike("sizes and retained accuracies of a sweep", size, swept.T)
    falls = swept < 0.5
    always = np.logical_and.accumulate(falls.all(axis=0))
    never = np.flip(np.logical_and.accumulate(np.flip(~falls.any(axis=0))))
    return (
        float(size[always].max()) if always.any() else None,
        float(size[never].min()) if never.any() else None,
    )
