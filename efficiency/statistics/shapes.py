"""Shapes that accuracy may have in the dataset size: one with a threshold, and rivals without.

What networks retain of their accuracy rises with D in any theory. That it does so at a threshold
says more, and what says less must fit worse: a straight line, in D or in its logarithm, along which
no size is special; and two curves of saturation, each with a height and a scale, which a network
may follow that keeps what its examples pay for, or that forgets pairs one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from efficiency import checks
from efficiency.statistics.critical_size import MIN_SIZES, fit_line, fit_s_curve, s_curve
from efficiency.statistics.intervals import FloatArray, TooFewError

S_CURVE = "s_curve"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One shape.

    Attributes:
        formula: What it is, in symbols: r of the dataset size D.
        fit: From (n,) sizes and (n,) retained accuracies to its (n,) values where squared errors
            are least.
    """

    formula: str
    fit: Callable[[FloatArray, FloatArray], FloatArray]


def _fit_s_curve(size: FloatArray, r: FloatArray) -> FloatArray:
    return s_curve(size, *fit_s_curve(size, r))


def _fit_line(size: FloatArray, r: FloatArray) -> FloatArray:
    intercept, slope = fit_line(size, r)
    return intercept + slope * size


def _fit_log_line(size: FloatArray, r: FloatArray) -> FloatArray:
    slope, intercept = np.polyfit(np.log(size), r, 1)
    return np.asarray(intercept + slope * np.log(size))


def _saturating(scaled: FloatArray) -> FloatArray:
    return scaled / (1 + scaled)


def _exponential(scaled: FloatArray) -> FloatArray:
    return -np.expm1(-scaled)


_SCALES = np.linspace(-8.0, 8.0, 65)
"""log(D/c) of the middle size, from a curve that is straight at all sizes to one that is level."""


def _fit_height_and_scale(curve: Callable[[FloatArray], FloatArray]) -> Callable[..., FloatArray]:
    """Return the fit of A times a curve in D/c; the best A of each c is known."""

    def fit(size: FloatArray, r: FloatArray) -> FloatArray:
        relative = size / np.exp(np.mean(np.log(size)))

        def at(log_scale: float) -> FloatArray:
            shape = curve(relative * np.exp(log_scale))
            return np.asarray(shape * max(0.0, float(shape @ r / (shape @ shape))))

        def error(log_scale: float) -> float:
            return float(np.sum((at(log_scale) - r) ** 2))

        near = min(_SCALES, key=error)
        step = float(_SCALES[1] - _SCALES[0])
        best = optimize.minimize_scalar(error, bounds=(near - step, near + step), method="bounded")
        return at(best.x)

    return fit


SHAPES: Mapping[str, Shape] = {
    S_CURVE: Shape(formula="1/(1 + (c/D)^k)", fit=_fit_s_curve),
    "line": Shape(formula="a + b·D", fit=_fit_line),
    "log_line": Shape(formula="a + b·log D", fit=_fit_log_line),
    "saturating": Shape(formula="A·D/(D + c)", fit=_fit_height_and_scale(_saturating)),
    "exponential": Shape(formula="A·(1 − e^(−D/c))", fit=_fit_height_and_scale(_exponential)),
}
"""By name; the first has a threshold."""

NUM_PARAMETERS = 2
"""Of each shape: none is favoured."""

RIVALS = tuple(name for name in SHAPES if name != S_CURVE)
"""Those without a threshold."""


def residual_errors(sizes: npt.ArrayLike, r: npt.ArrayLike) -> dict[str, float]:
    """Return the residual standard error of every shape: √(squared errors / (n − 2)).

    Errors at sizes left out of the fit would not do: where a step falls between two sizes, no curve
    can know on which side the one left out lies, and the sharpest of transitions would look like
    none.

    Args:
        sizes: (n,) increasing dataset sizes, four at least.
        r: (n,) retained accuracies.

    Raises:
        TooFewError: Fewer than four sizes.
        InvalidInputError: Sizes that do not increase, or not as many finite numbers.
    """
    size, target = checks.sizes(sizes), checks.numbers(r, "retained accuracies")
    checks.alike("sizes and retained accuracies", size, target)
    if len(size) < MIN_SIZES:
        raise TooFewError(f"shapes are told apart by {MIN_SIZES} sizes at least, not {len(size)}")
    free = len(size) - NUM_PARAMETERS
    return {
        name: float(np.sqrt(np.sum((shape.fit(size, target) - target) ** 2) / free))
        for name, shape in SHAPES.items()
    }
