from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.statistics import critical_size

SIZES = [50, 68, 91, 123, 166, 224, 303]


def test_retained_accuracy_is_0_at_chance_and_1_at_1():
    assert critical_size.retained([1 / 31, 1.0], 31) == pytest.approx([0, 1])


@given(st.floats(95, 160), st.floats(1.5, 8))
def test_a_planted_curve_is_found_exactly(threshold, slope):
    r = critical_size.s_curve(SIZES, threshold, slope)
    assert critical_size.fit_s_curve(SIZES, r) == pytest.approx((threshold, slope), rel=1e-4)
    found = critical_size.crossing(SIZES, r)
    assert found.fitted
    assert np.mean(found.threshold) == pytest.approx(math.log(threshold), abs=1e-4)
    assert np.ptp(found.threshold) == pytest.approx(2 * critical_size.RESOLUTION)
    # 10% and 90% of the curve, solved for D.
    at_10, at_90 = (threshold * (x / (1 - x)) ** (1 / slope) for x in (0.1, 0.9))
    assert math.exp(np.mean(found.width)) == pytest.approx(at_90 - at_10, rel=1e-3)


@given(st.floats(110, 150), st.floats(1.5, 5), st.floats(0.2, 0.8))
def test_a_planted_curve_is_crossed_at_any_level(threshold, slope, level):
    found = critical_size.crossing(SIZES, critical_size.s_curve(SIZES, threshold, slope), level)
    at = math.log(threshold * (level / (1 - level)) ** (1 / slope))
    assert found.threshold[0] - 1e-4 < at < found.threshold[1] + 1e-4
    assert not found.fitted or np.mean(found.threshold) == pytest.approx(at, abs=1e-4)


def test_a_bracket_holds_the_level_that_is_asked_for():
    r = [0, 0, 0.2, 0.2, 0.65, 1, 1]
    assert critical_size.crossing(r=r, sizes=SIZES, level=0.1).threshold == pytest.approx(
        (math.log(68), math.log(91))
    )
    assert critical_size.crossing(SIZES, r, 0.7).threshold == pytest.approx(
        (math.log(166), math.log(224))
    )
    with pytest.raises(ValueError, match=r"level = 0\.96; it must lie between 0\.05 and 0\.95"):
        critical_size.crossing(SIZES, r, 0.96)


@pytest.mark.parametrize(
    ("r", "threshold"),
    [
        ([0, 0, 0, 1, 1, 1, 1], (math.log(91), math.log(123))),
        ([0, 0, 0, 0.3, 1, 1, 1], (math.log(123), math.log(166))),
        ([0, 0, 0.6, 0.4, 1, 1, 1], (math.log(68), math.log(91))),
        ([0.06, 0.06, 0.06, 0.06, 1, 1, 1], (math.log(123), math.log(166))),
        ([1, 1, 1, 1, 1, 1, 1], (-math.inf, math.log(50))),
        ([0, 0, 0, 0, 0, 0, 0.2], (math.log(303), math.inf)),
    ],
)
def test_a_steep_or_missing_fall_gives_a_bracket(r, threshold):
    assert critical_size.crossing(SIZES, r).threshold == pytest.approx(threshold)


def test_a_threshold_that_does_not_follow_from_the_curve_is_bracketed_with_it():
    found = critical_size.crossing(SIZES, [0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.55])
    assert not found.fitted
    assert found.threshold[0] == pytest.approx(math.log(224))
    assert found.threshold[1] > math.log(303)


@pytest.mark.parametrize(
    ("r", "bound"),
    [
        ([0, 0, 0, 1, 1, 1, 1], math.log(123 - 91)),
        ([0.3, 0.97, 1, 1, 1, 1, 1], math.inf),
        ([0, 0, 0, 0, 0, 0, 0.6], math.inf),
    ],
)
def test_the_width_of_a_separated_sweep_is_bounded_only_by_tails_that_were_reached(r, bound):
    width = critical_size.crossing(SIZES, r).width
    assert width == (-math.inf, pytest.approx(bound))


def test_the_width_of_a_line_is_exact_and_unbounded_where_it_does_not_rise():
    sizes = np.array(SIZES)
    low, high = critical_size.line_width(sizes, (sizes - 40) / 300)
    assert (low + high) / 2 == pytest.approx(math.log(240))
    assert high - low == pytest.approx(2 * critical_size.RESOLUTION)
    assert critical_size.line_width(sizes, np.ones(7))[1] == math.inf


def test_sweeps_of_a_seed_are_averaged_before_the_interval():
    logs = np.log([100.0, 120.0, 140.0])
    one_each = critical_size.population([[(x - 0.02, x + 0.02)] for x in logs], unit="examples")
    doubled = critical_size.population(
        [[(x - 0.12, x - 0.08), (x + 0.08, x + 0.12)] for x in logs], unit="examples"
    )
    assert doubled.n == one_each.n == 3
    assert (doubled.low, doubled.high) == pytest.approx((one_each.low, one_each.high))


@pytest.mark.parametrize("fallen", [1, 2, 3])
def test_seeds_beyond_the_sizes_on_opposite_sides_give_no_number(fallen):
    fell, kept = (math.log(303), math.inf), (-math.inf, math.log(50))
    found = critical_size.population([[fell]] * fallen + [[kept]] * (4 - fallen), unit="examples")
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.status == "censored"


def test_a_population_beyond_the_sizes_is_censored_with_the_known_bound():
    found = critical_size.population([[(-math.inf, math.log(50))]] * 3, unit="examples")
    assert found.status == "censored"
    assert found.value is None
    assert found.low is None
    assert found.high == pytest.approx(50)


def test_the_bracket_asks_every_sweep():
    sweeps = [[0, 0, 0.4, 0.9, 1, 1, 1], [0, 0.6, 0.7, 0.9, 0.4, 1, 1]]
    assert critical_size.bracket(SIZES, sweeps) == (50, 224)
    assert critical_size.bracket(SIZES, [[1] * 7]) == (None, 50)
