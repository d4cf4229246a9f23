from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from efficiency.training import counter_random

CPU = torch.device("cpu")


def test_bits_are_those_of_splitmix64():
    # The first outputs for the seed 1234567, as in the generator's reference implementation.
    found = [int(value) % 2**64 for value in counter_random.bits(torch.tensor(1234567), 3)]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5), st.integers(0, 10**9))
def test_what_a_member_draws_does_not_depend_on_the_others(values, step):
    together = counter_random.normal(
        counter_random.keys(counter_random.seeds(values, CPU), "dropout", step), 7
    )
    for k, value in enumerate(values):
        key = counter_random.keys(counter_random.seeds([value], CPU), "dropout", step)
        assert (counter_random.normal(key, 7)[0] == together[k]).all()
    longer = counter_random.normal(
        counter_random.keys(counter_random.seeds(values, CPU), "dropout", step), 20
    )
    assert (longer[:, :7] == together).all()


def test_steps_purposes_parts_and_seeds_have_streams_of_their_own():
    seeds = counter_random.seeds([0, 1, 2, 2**62], CPU)
    purposes = ("minibatch", "dropout", "weight noise", "update noise")
    keys = torch.stack(
        [counter_random.keys(seeds, p, step) for p in purposes for step in range(500)]
    )
    split = torch.stack([counter_random.split(keys[0], part) for part in range(500)])
    drawn = counter_random.bits(torch.cat([keys, split]).flatten(), 4).flatten()
    assert len(drawn.unique()) == len(drawn)


def test_uniform_numbers_are_uniform_and_inside():
    drawn = counter_random.uniform(
        counter_random.keys(counter_random.seeds([5], CPU), "dropout", 0), 1_000_001
    )[0]
    assert 0 < drawn.min() < 1e-5
    assert 1 - 1e-5 < drawn.max() < 1
    counts = torch.histc(drawn, bins=100, min=0, max=1)
    chi_squared = ((counts - 1e4) ** 2 / 1e4).sum()
    assert chi_squared < 99 + 5 * math.sqrt(2 * 99)


@pytest.mark.parametrize(("power", "moment"), [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)])
def test_normal_numbers_have_the_moments_of_a_normal(power, moment):
    keys = counter_random.keys(counter_random.seeds(range(4), CPU), "update noise", 3)
    drawn = counter_random.normal(keys, 250_001).double()
    spread = {1: 1.0, 2: 2.0, 3: 15.0, 4: 96.0}[power]  # variance of x^power
    error = 5 * math.sqrt(spread / drawn.numel())
    assert abs(float((drawn**power).mean()) - moment) < error
    assert torch.corrcoef(drawn).fill_diagonal_(0).abs().max() < 5 / math.sqrt(drawn.shape[1])
    neighbours = (drawn[:, 1:] * drawn[:, :-1]).mean()
    assert abs(float(neighbours)) < 5 / math.sqrt(drawn.numel())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 1000))
def test_parts_drawn_at_once_are_those_drawn_one_by_one(counts, step):
    keys = counter_random.keys(counter_random.seeds([3, 2**62], CPU), "update noise", step)
    together = counter_random.normals(keys, counts)
    assert len(together) == len(counts)
    for part, (count, drawn) in enumerate(zip(counts, together, strict=True)):
        assert torch.equal(drawn, counter_random.normal(counter_random.split(keys, part), count))
