from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from efficiency.statistics import TooFewError, bracketed_mean, t_interval

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=8)


@given(VALUES)
def test_the_t_interval_is_scipys(values):
    assume(np.std(values) > 1e-6)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high) == pytest.approx((low, high))


@given(VALUES, st.floats(1e-6, 1e-2))
def test_narrow_brackets_give_the_t_interval_of_their_centres(values, width):
    spread = np.std(values)
    assume(spread > 0.1)
    exact = t_interval(values)
    half = width * np.min(np.abs(np.diff(np.sort(values)))) + 1e-6 * spread
    found = bracketed_mean(np.array(values) - half, np.array(values) + half)
    assert found.value == pytest.approx(exact.value, abs=0.05 * spread)
    assert found.low == pytest.approx(exact.low, abs=0.02 * (exact.high - exact.low))
    assert found.high == pytest.approx(exact.high, abs=0.02 * (exact.high - exact.low))


@given(VALUES, st.floats(-50, 50), st.floats(0.1, 10))
def test_the_interval_moves_and_scales_with_the_data(values, shift, factor):
    assume(np.std(values) > 0.1)
    lows, highs = np.array(values), np.array(values) + 1.0
    once = bracketed_mean(lows, highs)
    moved = bracketed_mean(factor * lows + shift, factor * highs + shift)
    tolerance = 0.02 * factor * (once.high - once.low)
    assert moved.low == pytest.approx(factor * once.low + shift, abs=tolerance)
    assert moved.high == pytest.approx(factor * once.high + shift, abs=tolerance)


def test_units_that_share_one_bracket_give_an_interval_that_holds_it():
    found = bracketed_mean([1.0] * 4, [2.0] * 4)
    assert found.value == pytest.approx(1.5)
    assert found.low < 1.0
    assert found.high > 2.0
    assert found.high - found.low < 3.0


def test_an_open_bracket_widens_its_side_only():
    centres = np.array([1.0, 1.2, 1.4])
    closed = bracketed_mean(centres - 0.02, centres + 0.02)
    opened = bracketed_mean(centres - 0.02, [1.02, 1.22, math.inf])
    assert opened.high > closed.high
    assert opened.value >= closed.value


def test_a_narrow_bracket_among_wide_ones_does_not_decide_alone():
    wide = bracketed_mean([4.8] * 4, [5.1] * 4)
    mixed = bracketed_mean([4.98, 4.8, 4.8, 4.8], [5.02, 5.1, 5.1, 5.1])
    assert mixed.high - mixed.low > 0.5 * (wide.high - wide.low)


def test_units_that_are_open_on_both_sides_count_for_nothing():
    lows, highs = [1.0, 1.2, 1.4], [1.1, 1.3, 1.5]
    once = bracketed_mean(lows, highs)
    padded = bracketed_mean([*lows, -math.inf, -math.inf], [*highs, math.inf, math.inf])
    assert once == padded


@pytest.mark.parametrize(
    ("lows", "highs"),
    [
        ([1.0], [1.1]),
        ([-math.inf, -math.inf], [1.0, 2.0]),
        ([1.0, 2.0], [math.inf, math.inf]),
        ([-math.inf, -math.inf, 5.0, 5.0], [4.0, 4.0, math.inf, math.inf]),
        ([1.0, 5.0, 5.0, 5.0], [1.1, math.inf, math.inf, math.inf]),
        ([-math.inf] * 4, [math.inf] * 4),
    ],
)
def test_what_the_brackets_do_not_bound_is_refused(lows, highs):
    with pytest.raises(TooFewError):
        bracketed_mean(lows, highs)
