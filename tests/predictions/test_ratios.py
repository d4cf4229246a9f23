from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.brackets import bracketed_mean
from efficiency.statistics import TooFewError
from predictions.ratios import Ratio

NARROW = 0.001


def exact(*logs: float) -> list[tuple[float, float]]:
    return [(x - NARROW, x + NARROW) for x in logs]


def test_a_ratio_is_formed_within_each_seed():
    ratio = Ratio.of(exact(5.0, 5.4, 5.2), exact(4.9, 5.3, 5.1))
    assert ratio.estimate.value == pytest.approx(math.exp(0.1), rel=1e-3)
    assert ratio.estimate.n == 3
    assert ratio.within(1.25)
    assert not ratio.beyond(1.25)
    assert ratio.p_value(1.25) <= 0.05


def test_a_seed_that_is_open_on_both_sides_says_nothing_and_does_not_count():
    known = exact(0.01, -0.02, 0.03, 0.0)
    ratio = Ratio.of([*known, (-math.inf, math.inf)], exact(0.0, 0.0, 0.0, 0.0, 0.0))
    assert ratio.estimate.n == 4


def test_seeds_that_share_one_wide_bracket_prove_nothing():
    wide = [(0.0, 0.36)] * 8
    ratio = Ratio.of(wide, wide)
    assert not ratio.within(1.25)
    assert ratio.p_value(1.25) > 0.05


def test_censored_seeds_are_not_missing_ones():
    closed, far = exact(0.0, 0.01, -0.01, 0.02, 0.0, -0.02), [(math.log(2), math.inf)] * 5
    ratio = Ratio.of([*closed, *far], exact(*[0.0] * 11))
    assert not ratio.within(1.25)
    assert ratio.p_value(1.25) > 0.05


def test_what_is_not_bounded_is_censored_and_decides_nothing():
    ratio = Ratio.of([(0.0, math.inf)] * 4, exact(0.0, 0.0, 0.0, 0.0))
    assert ratio.estimate.status == "censored"
    assert not ratio.within(10)
    assert not ratio.beyond(1.01)
    assert ratio.p_value(10) == 1


@hypothesis_settings(max_examples=15)
@given(
    st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=6).filter(lambda x: np.std(x) > 0.02),
    st.floats(1.1, 2),
)
def test_the_p_says_at_which_confidence_the_interval_fits_the_margin(logs, margin):
    ratio = Ratio.of(exact(*logs), exact(*[0.0] * len(logs)))
    p = ratio.p_value(margin)
    assume(1e-5 < p < 0.48)
    bound = math.log(margin)
    for factor, fits in ((1.03, True), (0.97, False)):
        try:
            found = bracketed_mean(ratio.lows, ratio.highs, confidence=1 - p * factor)
        except TooFewError:  # not bounded at so much confidence, so that it fits no margin
            assert not fits
            continue
        assert (-bound < found.low and found.high < bound) == fits
