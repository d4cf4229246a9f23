"""What clauses say together, and that their p-values are those of the intervals that are shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from efficiency.statistics.intervals import share_interval, t_interval
from predictions.clauses import LEVEL, Clause, above, below, decide, most, within

P = st.floats(0, 1)
VALUES = st.lists(st.floats(-1, 1), min_size=3, max_size=12).filter(lambda v: np.ptp(v) > 1e-3)


@given(VALUES, st.floats(-1, 1))
def test_a_mean_is_above_or_below_as_its_interval_is(values, bound):
    interval = t_interval(values, confidence=1 - LEVEL)
    assume(min(abs(interval.low - bound), abs(interval.high - bound)) > 1e-9)
    by_seed = dict(enumerate(values))
    over, under = above("x", by_seed, bound), below("x", by_seed, bound)
    assert over.by_seed == under.by_seed == by_seed
    assert (over.holds < LEVEL) == (interval.low > bound) == (under.fails < LEVEL)
    assert (over.fails < LEVEL) == (interval.high < bound) == (under.holds < LEVEL)


@given(VALUES, st.floats(0.01, 1))
def test_a_mean_is_within_or_beyond_as_its_interval_is(values, margin):
    interval = t_interval(values, confidence=1 - LEVEL)
    ends = (interval.low, interval.high)
    assume(min(abs(abs(end) - margin) for end in ends) > 1e-9)
    clause = within("x", dict(enumerate(values)), margin)
    assert (clause.holds < LEVEL) == (-margin < min(ends) and max(ends) < margin)
    assert (clause.fails < LEVEL) == (min(ends) > margin or max(ends) < -margin)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_most_is_as_the_interval_of_the_share_is(counted):
    interval = share_interval(*counted)
    number, n = counted
    clause = most("x", {seed: seed < number for seed in range(n)})
    assert sum(clause.by_seed.values()) == number
    other = most("x", {seed: seed >= number for seed in range(n)}, wanted=False)
    assert (other.holds, other.fails) == (clause.holds, clause.fails)
    assert sum(other.by_seed.values()) == n - number
    assert (clause.holds < LEVEL) == (interval.low > 0.5)
    assert (clause.fails < LEVEL) == (interval.high < 0.5)


@given(st.lists(st.tuples(P, P), min_size=1, max_size=6))
def test_all_must_hold_and_one_may_fail(pairs):
    clauses = [Clause(number=f"n{i}", holds=h, fails=f) for i, (h, f) in enumerate(pairs)]
    decision = decide(clauses)
    assert decision.p_value == max(h for h, _ in pairs)
    least = min(f for _, f in pairs)
    assert decision.p_refuted == min(1.0, least * max(1, len(pairs) / 2))
    assert (decision.outcome == "supported") == (decision.p_value < LEVEL)
    assert (decision.outcome == "refuted") == (decision.p_refuted < LEVEL <= decision.p_value)


def test_the_number_that_decides_is_the_weakest_link_or_the_strongest_objection():
    weak, strong = Clause(number="weak", holds=0.04), Clause(number="strong", holds=0.001)
    assert decide([strong, weak]).deciding == "weak"
    assert decide([strong, weak]).outcome == "supported"
    against = Clause(number="b", holds=1.0, fails=0.001, against="not b")
    assert decide([Clause(number="a", holds=1.0, fails=0.2), against]).deciding == "not b"


@pytest.mark.parametrize("ways", [1, 2, 6])
def test_a_true_claim_is_rarely_refuted_however_many_ways_there_are(ways):
    # Every clause true and at its edge, where the chance of seeming to fail is largest.
    rng = np.random.default_rng(ways)
    refuted = sum(
        decide(
            [above(f"n{i}", dict(enumerate(rng.normal(size=8))), 0.0) for i in range(ways)]
        ).outcome
        == "refuted"
        for _ in range(500)
    )
    # More than this happens once in a thousand.
    assert refuted <= stats.binom.ppf(0.999, 500, LEVEL * min(1, ways / 2))


@pytest.mark.parametrize("ways", [1, 2])
def test_equal_things_are_rarely_refuted_where_the_margin_is_as_large_as_the_error(ways):
    # At the margin, which is a standard error of a mean of eight: the other side is near too.
    rng, margin = np.random.default_rng(ways), 8**-0.5
    refuted = sum(
        decide(
            [
                within(f"n{i}", dict(enumerate(margin + rng.normal(size=8))), margin)
                for i in range(ways)
            ]
        ).outcome
        == "refuted"
        for _ in range(500)
    )
    assert refuted <= stats.binom.ppf(0.999, 500, LEVEL)


@given(st.lists(st.tuples(P, P), min_size=1, max_size=4), st.tuples(P, P))
def test_a_condition_that_fails_makes_no_test_and_one_that_is_open_decides_nothing(pairs, tested):
    claimed = [Clause(number=f"n{i}", holds=h, fails=f) for i, (h, f) in enumerate(pairs)]
    condition = Clause(number="met", holds=tested[0], fails=tested[1], condition=True)
    alone, both = decide(claimed), decide([*claimed, condition])
    if tested[1] < LEVEL:
        assert (both.outcome, both.deciding) == ("invalid", "met")
    elif tested[0] < LEVEL:
        assert both.outcome == alone.outcome
    else:
        assert both.outcome == "undecided"
    assert both.p_value >= alone.p_value
    assert both.p_refuted >= alone.p_refuted


def test_a_condition_that_is_met_is_no_objection_that_others_are_corrected_for():
    objection = Clause(number="x", holds=1.0, fails=0.04)
    met = [Clause(number=f"c{i}", holds=0.0, fails=1.0, condition=True) for i in range(9)]
    assert decide([objection, *met]).p_refuted == 0.04
    assert decide([objection, *met]).deciding == "x"
