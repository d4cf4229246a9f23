from __future__ import annotations

import math

import numpy as np
import pytest

from efficiency.statistics import binomial
from efficiency.statistics.intervals import TooFewError, t_interval

SIZES = np.array([50, 72, 103, 147, 211, 303])
TOTAL = 961 - SIZES
CHANCE = 1 / 31


def accuracy(threshold: float, slope: float, upper: float) -> np.ndarray:
    return CHANCE + (upper - CHANCE) / (1 + (threshold / SIZES) ** slope)


@pytest.mark.parametrize("upper", [0.9, 0.999])
def test_exact_accuracies_give_back_what_made_them(upper):
    found = binomial.fit(SIZES, accuracy(130.0, 4.0, upper) * TOTAL, TOTAL, lower=CHANCE)
    assert found.threshold == pytest.approx(130, rel=0.02)
    assert found.slope == pytest.approx(4, rel=0.05)
    assert found.upper == pytest.approx(upper, abs=0.02)


def test_a_separated_sweep_has_a_finite_slope_and_a_threshold_between_its_sizes():
    step = np.where(SIZES < 120, CHANCE, 1.0)
    found = binomial.fit(SIZES, step * TOTAL, TOTAL, lower=CHANCE)
    assert 103 < found.threshold < 147
    assert found.slope < 1000


def test_without_a_second_size_there_is_no_threshold():
    with pytest.raises(TooFewError, match="two dataset sizes"):
        binomial.fit([50, 50], [10, 20], [900, 900], lower=CHANCE)


def test_resampling_seeds_agrees_with_the_t_interval_on_normal_seeds():
    rng = np.random.default_rng(0)
    values = rng.normal(size=40).tolist()
    resampled = binomial.over_clusters(values, rng=np.random.default_rng(1))
    exact = t_interval(values)
    assert resampled.value == pytest.approx(exact.value)
    assert resampled.high - resampled.low == pytest.approx(exact.high - exact.low, rel=0.15)
    again = binomial.over_clusters(values, rng=np.random.default_rng(1))
    assert again == resampled
    with pytest.raises(TooFewError, match="at least 6"):
        binomial.over_clusters(values[:5], rng=rng)


def test_seeds_that_are_all_alike_have_an_interval_without_width():
    found = binomial.over_clusters([math.log(150)] * 6, rng=np.random.default_rng(0))
    assert found.low == pytest.approx(math.log(150))
    assert found.high == pytest.approx(math.log(150))
