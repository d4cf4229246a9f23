"""What a simulation of a cluster says must be so where one can say it oneself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cluster import CHECKPOINT, RESTART, START, simulated
from runs.execution.claims import LEASE_SECONDS

LEVELS = st.lists(
    st.lists(st.floats(1, 1e5), min_size=1, max_size=30).map(lambda g: sorted(g, reverse=True)),
    min_size=1,
    max_size=3,
)


def test_who_never_dies_takes_the_longest_first_level_by_level():
    found = simulated([[40.0, 30.0, 20.0, 10.0], [6.0]], workers=2, deaths_per_hour=0.0, seed=0)
    assert found.makespan == pytest.approx(START + 50 + START + 6)
    assert (found.deaths, found.lost, found.waited) == (0, 0.0, 0.0)
    assert found.ideal == 53
    assert found.bound == 53
    alone = simulated([[40.0, 1.0]], workers=9, deaths_per_hour=0.0, seed=0)
    assert alone.bound == 40


@given(LEVELS, st.integers(1, 8), st.integers(0, 50))
def test_no_simulation_beats_the_least_that_any_order_could_take(levels, workers, seed):
    found = simulated(levels, workers, 0.0, seed)
    assert found.makespan >= found.bound * (1 - 1e-9)
    # Graham's bound for lists, level by level.
    most = sum(START + sum(groups) / workers + max(groups) for groups in levels)
    assert found.makespan <= most * (1 + 1e-9)


def test_each_death_costs_a_lease_and_at_most_a_checkpoint():
    found = simulated([[3600.0] * 50], workers=10, deaths_per_hour=1.0, seed=3)
    assert found.deaths > 10
    assert found.lost <= CHECKPOINT * found.deaths
    assert LEASE_SECONDS <= found.waited / found.deaths <= LEASE_SECONDS + 30
    calm = simulated([[3600.0] * 50], workers=10, deaths_per_hour=0.0, seed=3)
    assert found.makespan > calm.makespan
    # One worker: nobody else can take over, and every death is waited for.
    alone = simulated([[3600.0]], workers=1, deaths_per_hour=2.0, seed=1)
    assert alone.deaths > 0
    least = START + 3600 + alone.deaths * max(RESTART + START, LEASE_SECONDS)
    assert alone.makespan == pytest.approx(least + alone.lost, abs=30.0 * alone.deaths)
