from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from efficiency.statistics.critical_size import s_curve
from efficiency.statistics.intervals import TooFewError
from efficiency.statistics.shapes import RIVALS, S_CURVE, residual_errors

SIZES = (50, 68, 91, 123, 166, 224, 303)
D = np.array(SIZES, dtype=float)


@example(123.875, 16.0)  # from the best point of a grid alone, another minimum is found
@given(st.floats(90, 180), st.floats(4, 20))
def test_an_s_curve_is_fitted_by_no_shape_without_a_threshold(threshold, slope):
    errors = residual_errors(SIZES, s_curve(SIZES, threshold, slope))
    assert errors[S_CURVE] < 1e-4
    assert min(errors[rival] for rival in RIVALS) > 0.03


@given(st.floats(30, 1000), st.floats(0.3, 1))
def test_each_shape_without_a_threshold_is_fitted_by_itself(c, height):
    drawn = {
        "line": (D - 40) / 300,
        "log_line": np.log(D / 40) / math.log(10),
        "saturating": height * D / (D + c),
        "exponential": height * (1 - np.exp(-D / c)),
    }
    assert set(drawn) == set(RIVALS)
    for name, r in drawn.items():
        errors = residual_errors(SIZES, r)
        assert errors[name] < 1e-4
        # At a height of 1 the first of the last two is an S-curve too, with a slope of 1.
        assert errors[S_CURVE] > errors[name] or (name == "saturating" and height > 0.9)


@pytest.mark.parametrize("last_fallen", range(1, 6))
def test_a_step_is_fitted_by_the_s_curve_wherever_it_falls(last_fallen):
    errors = residual_errors(SIZES, (np.arange(7) >= last_fallen).astype(float))
    assert errors[S_CURVE] < 1e-3
    assert min(errors[rival] for rival in RIVALS) > 0.2


@pytest.mark.parametrize("r", [np.zeros(7), np.ones(7)])
def test_what_falls_everywhere_or_nowhere_is_fitted_by_all(r):
    assert max(residual_errors(SIZES, r).values()) < 1e-3


def test_no_shape_is_favoured_where_two_are_true():
    """D/(D + c) is an S-curve of slope 1 and a saturating curve of height 1."""
    rng = np.random.default_rng(0)
    gained = []
    for _ in range(400):
        errors = residual_errors(SIZES, D / (D + 140) + 0.02 * rng.normal(size=7))
        gained.append(errors["saturating"] - errors[S_CURVE])
    assert abs(np.mean(gained)) < 3 * np.std(gained) / 20


def test_errors_count_what_is_left_beside_the_parameters():
    r = np.array([0.0, 1.0, 0.0, 1.0])
    slope, intercept = np.polyfit(D[:4], r, 1)
    left = r - intercept - slope * D[:4]
    assert residual_errors(SIZES[:4], r)["line"] == pytest.approx(math.sqrt(left @ left / 2))


def test_too_few_sizes_are_refused():
    with pytest.raises(TooFewError, match="4 sizes at least, not 3"):
        residual_errors([1, 2, 3], [0, 0.5, 1])
