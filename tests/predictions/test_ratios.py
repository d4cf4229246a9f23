from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.statistics.interval_censored import bracketed_mean
from efficiency.statistics.intervals import TooFewError
from predictions.ratios import Ratio

NARROW = 0.001


def exact(*logs: float) -> list[tuple[float, float]]:
    return [(x - NARROW, x + NARROW) for x in logs]


def ratio_of(above: list[tuple[float, float]], below: list[tuple[float, float]]) -> Ratio:
    return Ratio.of(dict(enumerate(above)), dict(enumerate(below)))


def test_the_seeds_that_go_with_each_other_are_told_by_their_numbers():
    ratio = Ratio.of({7: (1.0, 1.1), 3: (0.0, 0.1)}, {3: (0.0, 0.1), 7: (0.5, 0.6)})
    assert ratio.by_seed == {7: (pytest.approx(0.4), pytest.approx(0.6)), 3: (-0.1, 0.1)}
    clause = ratio.near_one("x", 1.25)
    assert (clause.holds, clause.fails) == (ratio.p_within(1.25), ratio.p_beyond(1.25))
    assert clause.by_seed == ratio.by_seed


def test_a_ratio_is_formed_within_each_seed():
    ratio = ratio_of(exact(5.0, 5.4, 5.2), exact(4.9, 5.3, 5.1))
    assert ratio.estimate.value == pytest.approx(math.exp(0.1), rel=1e-3)
    assert ratio.estimate.n == 3
    assert ratio.p_within(1.25) <= 0.05
    assert ratio.p_beyond(1.25) == 1


def test_a_seed_that_is_open_on_both_sides_says_nothing_and_does_not_count():
    known = exact(0.01, -0.02, 0.03, 0.0)
    ratio = ratio_of([*known, (-math.inf, math.inf)], exact(0.0, 0.0, 0.0, 0.0, 0.0))
    assert ratio.estimate.n == 4


def test_seeds_that_share_one_wide_bracket_prove_nothing():
    wide = [(0.0, 0.36)] * 8
    ratio = ratio_of(wide, wide)
    assert ratio.p_within(1.25) > 0.05


def test_censored_seeds_are_not_missing_ones():
    closed, far = exact(0.0, 0.01, -0.01, 0.02, 0.0, -0.02), [(math.log(2), math.inf)] * 5
    ratio = ratio_of([*closed, *far], exact(*[0.0] * 11))
    assert ratio.p_within(1.25) > 0.05


def test_what_is_not_bounded_is_censored_and_decides_nothing():
    ratio = ratio_of([(0.0, math.inf)] * 4, exact(0.0, 0.0, 0.0, 0.0))
    assert ratio.estimate.status == "censored"
    assert ratio.p_within(10) == 1
    assert ratio.p_beyond(1.01) == 1


def bracketed(seed: int) -> Ratio:
    """Return a ratio known between bounds of all widths, open above for up to half of the seeds."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 9))
    centres = rng.normal(rng.uniform(-1, 1), rng.uniform(0.02, 0.5), n)
    widths = np.exp(rng.uniform(-4, 0, n))
    highs = np.where(np.arange(n) < rng.integers(0, n // 2 + 1), np.inf, centres + widths)
    ends = zip(centres - widths, highs, strict=True)
    return Ratio(by_seed=dict(enumerate(ends)))


@hypothesis_settings(max_examples=60)
@given(seed=st.integers(0, 10_000), margin=st.floats(1.02, 3))
def test_the_p_says_at_which_confidence_the_interval_is_on_that_side(seed, margin):
    ratio, bound = bracketed(seed), math.log(margin)
    for side, p in (("within", ratio.p_within(margin)), ("beyond", ratio.p_beyond(margin))):
        for factor, there in ((1.01, True), (0.99, False)):
            if not 1e-5 < p < 0.48:
                continue
            try:
                found = bracketed_mean(ratio.lows, ratio.highs, confidence=1 - p * factor)
            except TooFewError:  # not bounded at so much confidence, so that it is on no side
                assert not there
                continue
            inside = -bound < found.low and found.high < bound
            outside = found.low > bound or found.high < -bound
            assert (inside if side == "within" else outside) == there


def test_an_interval_without_an_end_on_the_far_side_shows_no_difference():
    low, high = [0.99, 0.99, 1.3, 1.3], [1.01, 1.01, math.inf, math.inf]
    p = Ratio(by_seed=dict(enumerate(zip(low, high, strict=True)))).p_beyond(1.02)
    assert 0.025 < p < 0.05
    assert bracketed_mean(low, high, confidence=1 - 1.01 * p).low > math.log(1.02)
    with pytest.raises(TooFewError):  # its lower end would still lie beyond the margin
        bracketed_mean(low, high, confidence=0.975)


@pytest.mark.parametrize("bound", [0.5, 1.0, 1.4])
def test_a_ratio_is_above_a_bound_or_below_it_as_its_interval_is(bound):
    rng = np.random.default_rng(3)
    for centre in np.linspace(-0.3, 0.3, 13):
        logs = math.log(bound) + centre + 0.2 * rng.normal(size=8)
        ratio = ratio_of(exact(*logs), exact(*[0.0] * 8))
        clause, interval = ratio.above("x", bound), ratio.estimate
        assert (clause.holds < 0.05) == (interval.low > bound)
        assert (clause.fails < 0.05) == (interval.high < bound)


def test_ratios_of_which_nothing_is_known_are_neither_above_nor_below():
    nothing = ratio_of([(-math.inf, math.inf)] * 8, exact(*[0.0] * 8)).above("x", 0.7)
    assert (nothing.holds, nothing.fails) == (1.0, 1.0)
