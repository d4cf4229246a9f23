"""Whether numbers of units go together: exact answers, nulls, and what noise does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from efficiency.statistics.intervals import TooFewError, rank_correlation, t_interval
from efficiency.statistics.jackknife import pseudo_values
from efficiency.statistics.pairing import pairing_p, reliability, skill, slope_with_errors

values = st.lists(st.integers(-50, 50), min_size=5, max_size=8, unique=True)


def test_the_skill_of_what_is_right_is_one_and_of_the_mean_of_the_others_none():
    y = np.array([1.0, 2.0, 4.0, 9.0])
    assert skill(y, y) == 1
    others = (y.sum() - y) / 3
    assert skill(others, y) == pytest.approx(0)
    # Errors 2 each: 16 in all, against those of the others' mean, (4/3)² of 38.
    assert skill(y + 2, y) == pytest.approx(1 - 16 / (16 / 9 * 38))


@given(values)
def test_the_p_of_the_best_pairing_is_one_in_all_there_are(found):
    x = sorted(found)[:5]
    for ranks in (True, False):
        assert pairing_p(x, x, ranks=ranks) == pytest.approx(1 / math.factorial(5))
        assert pairing_p(x, x[::-1], ranks=ranks) == 1


@given(values, st.floats(0.1, 10), st.floats(-5, 5))
@example(found=[0, 1, 2, 3, 4], factor=0.5, shift=0.1)  # pairings that tie
def test_pairing_does_not_ask_for_units(found, factor, shift):
    x = np.array(found, dtype=float)
    y = np.roll(x, 1)
    again = pairing_p(factor * x + shift, y)
    assert pairing_p(x, y) == pytest.approx(again, abs=0.02)


def test_pairings_of_nothing_with_nothing_are_found_as_often_as_said():
    rng = np.random.default_rng(5)
    for draw in (rng.normal, rng.exponential, lambda size: rng.standard_t(3, size=size)):
        p = [pairing_p(draw(size=7), draw(size=7)) for _ in range(100)]
        assert np.mean(np.array(p) < 0.05) < 0.13


def test_a_rank_correlation_is_less_than_a_bound_as_its_interval_says():
    rng = np.random.default_rng(0)
    x = rng.normal(size=20)
    found = rank_correlation(x, x + rng.normal(size=20))
    assert found.p_less(found.interval.high) == pytest.approx(0.05)
    assert found.p_less(found.interval.value) == 1
    assert found.p_less(0.999) < 1e-6


def test_noise_in_what_was_foretold_does_not_flatten_the_slope():
    rng = np.random.default_rng(1)
    plain, counted = [], []
    for _ in range(300):
        true, error = 0.2 * rng.normal(size=30), np.full(30, 0.1)
        x, y = true + 0.1 * rng.normal(size=30), true + 0.05 * rng.normal(size=30)
        plain.append(np.polyfit(x, y, 1)[0])
        counted.append(slope_with_errors(np.stack([x, y, error], axis=1)))
    assert np.mean(plain) == pytest.approx(0.8, abs=0.02)
    assert np.mean(counted) == pytest.approx(1, abs=0.03)


@given(values, st.floats(0.1, 5))
def test_a_slope_without_errors_is_that_of_least_squares(found, factor):
    x = np.array(found, dtype=float)
    y = factor * x + np.roll(x, 2)
    rows = np.stack([x, y, np.zeros(len(x))], axis=1)
    assert slope_with_errors(rows) == pytest.approx(np.polyfit(x, y, 1)[0])


def test_what_varies_no_more_than_its_errors_has_no_slope():
    rows = np.array([[1.0, 1, 9], [2.0, 2, 9], [3.0, 3, 9]])
    assert math.isnan(slope_with_errors(rows))
    assert reliability(rows[:, 0], rows[:, 2]) < 0
    assert reliability([0.0, 2.0], [1.0, 1.0]) == pytest.approx(0.5)
    with pytest.raises(TooFewError):
        pseudo_values(rows, slope_with_errors)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=9))
def test_pseudo_values_of_a_mean_are_the_values(found):
    rows = np.array(found)[:, None]
    assert pseudo_values(rows, lambda r: float(r.mean())) == pytest.approx(found, abs=1e-9)


def test_pseudo_values_of_a_ratio_have_the_spread_of_its_error():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        rows = np.array([2.0, 1.0]) + 0.2 * rng.normal(size=(15, 2))
        interval = t_interval(pseudo_values(rows, lambda r: float(r[:, 0].mean() / r[:, 1].mean())))
        covered += interval.low <= 2 <= interval.high
    assert 0.91 < covered / 300 < 0.985


def test_too_few_are_named():
    with pytest.raises(TooFewError, match="at least 4 units"):
        pairing_p([1, 2, 3], [1, 2, 3])
    with pytest.raises(TooFewError, match="at least 4 units"):
        skill([1, 1, 1, 1], [1, 2, 3, 4])
    with pytest.raises(TooFewError, match="three units"):
        pseudo_values([[1.0], [2.0]], lambda r: float(r.mean()))
    with pytest.raises(TooFewError, match="two units"):
        reliability([1.0, 1.0], [0.1, 0.1])
