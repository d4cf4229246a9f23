from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from efficiency.errors import InvalidInputError
from efficiency.statistics.interval_censored import bracketed_mean
from efficiency.statistics.intervals import (
    TooFewError,
    equivalence,
    greater_p,
    holm,
    median_bounds,
    rank_correlation,
    share_interval,
    share_p,
    t_interval,
)
from efficiency.statistics.lines import fit_line, meets

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


def test_a_small_scattered_difference_is_equal_and_a_large_one_is_not():
    near = [0.01, -0.02, 0.00, 0.02, -0.01]
    assert equivalence(near, 0.1).p_within < 0.05
    far = equivalence([x + 0.3 for x in near], 0.1)
    assert far.p_beyond < 0.05
    assert far.p_within == 1
    wide = equivalence([0.3, -0.3, 0.2, -0.25], 0.1)
    assert wide.p_within > 0.05
    assert wide.p_beyond == 1


@given(
    values=st.lists(st.floats(-1, 1), min_size=3, max_size=8).filter(lambda v: np.ptp(v) > 1e-3),
    margin=st.floats(0.01, 2),
)
def test_the_p_of_equivalence_says_at_which_confidence_the_interval_fits(values, margin):
    found = equivalence(values, margin)
    inside, outside = found.p_within, found.p_beyond
    assume(0.001 < min(inside, outside) < 0.98)  # 1% more must be below 1
    for p, fits in ((min(inside, outside) * 1.01, True), (min(inside, outside) * 0.99, False)):
        interval = t_interval(values, confidence=1 - p)
        if inside < outside:
            assert (-margin <= interval.low and interval.high <= margin) == fits
        else:
            assert (interval.low >= margin or interval.high <= -margin) == fits


@given(
    values=st.lists(st.floats(-1, 1), min_size=3, max_size=8).filter(lambda v: np.ptp(v) > 1e-3),
    bound=st.floats(-1, 1),
)
def test_the_p_of_exceeding_says_at_which_confidence_the_interval_clears_the_bound(values, bound):
    p = greater_p(values, bound)
    assume(0.001 < p < 0.999)
    assert t_interval(values, confidence=1 - min(p * 1.01, 0.9999)).low >= bound - 1e-12
    assert t_interval(values, confidence=1 - p * 0.99).low <= bound + 1e-12


def test_values_without_spread_have_a_sure_answer():
    assert greater_p([2.0, 2.0], 1.0) == 0
    assert greater_p([1.0, 1.0], 1.0) == 1
    assert equivalence([0.05, 0.05], 0.1).p_within == 0


def test_holm_multiplies_the_smallest_p_by_their_number_and_never_turns_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@hypothesis_settings(max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_is_that_of_statsmodels_and_shaffers_is_never_more(p_values):
    usual = holm(p_values)
    assert usual == pytest.approx(multipletests(p_values, method="holm")[1])
    for most in range(1, len(p_values) + 1):
        fewer = holm(p_values, most_true=most)
        assert all(a <= b for a, b in zip(fewer, usual, strict=True))
        assert min(fewer) == pytest.approx(min(1, most * min(p_values)))


def test_of_opposite_hypotheses_one_alone_needs_no_correction():
    assert holm([0.04, 1.0], most_true=1) == [0.04, 1.0]
    # Two predictions, each with a hypothesis and its opposite.
    assert holm([0.02, 1.0, 1.0, 0.03], most_true=2) == pytest.approx([0.04, 1.0, 1.0, 0.06])
    with pytest.raises(InvalidInputError, match="most_true = 3 of 2"):
        holm([0.1, 0.1], most_true=3)


def test_shares_have_exact_intervals():
    none = share_interval(0, 12)
    assert (none.value, none.low) == (0, 0)
    # (1 − high)¹² = 0.025
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 12))
    assert share_interval(12, 12).high == 1
    assert share_p(3, 12, 0.05) == pytest.approx(stats.binom.sf(2, 12, 0.05))
    with pytest.raises(TooFewError, match="at least one"):
        share_interval(0, 0)


def test_a_line_without_scatter_meets_a_height_where_it_does():
    line = fit_line([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0])
    assert (line.intercept, line.slope) == pytest.approx((1.0, 2.0))
    found = meets(line, 4.0)
    assert (found.low, found.value, found.high) == pytest.approx((1.5, 1.5, 1.5), abs=1e-6)


@pytest.mark.parametrize("measured", [0, 3, 6])
def test_fiellers_interval_covers_where_the_true_line_meets_the_height(measured):
    rng, x = np.random.default_rng(0), np.linspace(4, 6, 5)
    covered, count = 0, 1000
    for _ in range(count):
        line = fit_line(x, 1 + 0.3 * x + 0.02 * rng.normal(size=5))
        heights = 2.5 + 0.02 * rng.normal(size=measured) if measured else np.array([2.5, 2.5])
        found = meets(line, heights.mean(), stats.sem(heights), len(heights) - 1)
        covered += found.low <= 5.0 <= found.high
    # Satterthwaite's degrees of freedom are an approximation, and Fieller's interval is exact.
    assert 0.93 <= covered / count <= (0.985 if measured else 0.97)


def test_a_line_that_may_be_flat_meets_nothing():
    with pytest.raises(TooFewError, match="slope could be zero"):
        meets(fit_line([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.1, 0.1]), 5.0)
    with pytest.raises(TooFewError, match="three points"):
        fit_line([1.0, 2.0], [1.0, 2.0])


def correlated(rng, n: int, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of which Spearman's ρ is this: r = 2·sin(πρ/6) for normal ones."""
    r = 2 * math.sin(math.pi * rho / 6)
    x = rng.normal(size=n)
    return x, r * x + math.sqrt(1 - r**2) * rng.normal(size=n)


@pytest.mark.parametrize("rho", [0.0, -0.5, 0.8])
def test_the_interval_of_a_rank_correlation_covers_it(rho):
    covered = 0
    for seed in range(400):
        x, y = correlated(np.random.default_rng(seed), 30, rho)
        found = rank_correlation(x, np.exp(y))  # ranks alone count
        covered += found.interval.low < rho < found.interval.high
        assert found.interval.value == pytest.approx(stats.spearmanr(x, y).statistic)
        assert (found.p_below < 0.05) == (found.interval.high < 0)
    assert 0.92 <= covered / 400 <= 0.985


def test_a_rank_correlation_needs_pairs_that_differ():
    with pytest.raises(TooFewError, match="four pairs"):
        rank_correlation([1, 2, 3], [1, 2, 3])
    with pytest.raises(TooFewError, match="differ in both"):
        rank_correlation([1, 2, 3, 4], [1, 1, 1, 1])
    perfect = rank_correlation([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]).interval
    assert perfect.value == pytest.approx(1.0)
    assert perfect.high <= 1.0


@given(st.integers(6, 40), st.integers(0, 1000))
def test_the_interval_of_a_median_is_scipys(n, seed):
    values = np.random.default_rng(seed).normal(size=(n, 2))
    low, high = median_bounds(values)
    for column in range(2):
        test = stats.quantile_test(values[:, column], q=0.0, p=0.5)
        expected = test.confidence_interval(0.95)
        assert (low[column], high[column]) == (expected.low, expected.high)


@pytest.mark.parametrize("n", [6, 9, 20])
def test_the_interval_of_a_median_covers_it_as_often_as_it_says(n):
    draws = np.random.default_rng(n).exponential(size=(n, 20_000))
    low, high = median_bounds(draws)
    covered = np.mean((low <= np.log(2)) & (np.log(2) <= high))

    assert covered >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 20_000)


def test_six_units_are_the_fewest_for_the_interval_of_a_median():
    assert median_bounds([3.0, 1.0, 2.0, 6.0, 5.0, np.inf]) == (1.0, np.inf)
    for few in ([], [1.0, 2.0, 3.0, 4.0, 5.0]):
        with pytest.raises(TooFewError, match="less than the wanted confidence"):
            median_bounds(few)


def test_values_that_differ_by_rounding_alone_are_equal():
    nearly = [0.1 + 0.2, 0.3, 0.3]
    assert greater_p(nearly, 0.2) == 0.0
    assert greater_p(nearly, 0.4) == 1.0
