"""Straight lines, and where they meet a height."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from efficiency import checks
from efficiency.statistics.intervals import FloatArray, Interval, TooFewError


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line y = intercept + slope·x with least squared error.

    Attributes:
        intercept: At x = 0.
        slope: Its rise.
        covariance: (2, 2) of intercept and slope, from the scatter around the line.
        variance: Of that scatter.
        dof: Degrees of freedom of that scatter, points − 2.
    """

    intercept: float
    slope: float
    covariance: FloatArray
    variance: float
    dof: int


def fit_line(x: npt.ArrayLike, y: npt.ArrayLike) -> Line:
    """Return the line of least squares.

    Assumes independent errors of one size; the slope and intercept do not need that, their
    covariance does.

    Raises:
        TooFewError: Fewer than three points, or all at one x.
    """
    at, target = checks.numbers(x, "x"), checks.numbers(y, "y")
    checks.alike("x and y", at, target)
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
        variance=float(rest @ rest) / (len(at) - 2),
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
