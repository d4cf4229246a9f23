from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from efficiency.settings import OptimiserSettings
from efficiency.training.ensemble import Stack
from efficiency.training.optimiser import StackedOptimiser, learning_rate_factor, learning_time


def test_each_member_follows_torchs_adamw_to_rounding():
    shapes = {"matrix": (3, 4), "bias": (5,)}
    members = [
        OptimiserSettings(learning_rate=rate, weight_decay=decay, warmup_steps=0)
        for rate, decay in ((1e-3, 1.0), (1e-2, 0.0), (3e-3, 2.0))
    ]
    generator = torch.Generator().manual_seed(0)
    like = torch.empty(0, dtype=torch.float64)
    weights, first, second, gradient = (Stack.zeros(shapes, 3, like) for _ in range(4))
    weights.flat.copy_(torch.randn(weights.flat.shape, generator=generator))
    alone = [
        [torch.nn.Parameter(view[k].clone()) for view in weights.views.values()] for k in range(3)
    ]
    optimisers = [
        torch.optim.AdamW(
            parameters, lr=m.learning_rate, betas=(0.9, 0.98), weight_decay=m.weight_decay
        )
        for parameters, m in zip(alone, members, strict=True)
    ]
    stacked = StackedOptimiser(weights, first, second, members, num_steps=100)
    for _ in range(100):
        gradient.flat.copy_(torch.randn(gradient.flat.shape, generator=generator))
        for k, (parameters, optimiser) in enumerate(zip(alone, optimisers, strict=True)):
            for parameter, view in zip(parameters, gradient.views.values(), strict=True):
                parameter.grad = view[k].clone()
            optimiser.step()
        stacked.update(gradient.flat)
    for k, parameters in enumerate(alone):
        for parameter, view in zip(parameters, weights.views.values(), strict=True):
            torch.testing.assert_close(view[k], parameter.detach(), rtol=1e-12, atol=1e-14)


@given(
    num_steps=st.integers(1, 500),
    warmup_steps=st.integers(0, 50),
    decay_fraction=st.floats(0, 1),
)
def test_the_schedule_is_the_same_in_closed_form_and_in_the_optimiser(
    num_steps, warmup_steps, decay_fraction
):
    settings = OptimiserSettings(
        learning_rate=0.5, warmup_steps=warmup_steps, decay_fraction=decay_fraction
    )
    stacks = (Stack.zeros({"w": (1,)}, 1, torch.empty(0)) for _ in range(3))
    optimiser = StackedOptimiser(*stacks, [settings], num_steps)
    steps = np.arange(num_steps)
    expected = 0.5 * learning_rate_factor(
        steps, num_steps=num_steps, warmup_steps=warmup_steps, decay_fraction=decay_fraction
    )
    found = []
    for step in range(num_steps):
        optimiser.go_to(step)
        found.append(float(optimiser.rates_K()[0]))
    assert found == pytest.approx(expected.tolist())
    assert 0 < min(found) <= max(found) <= 0.5


@given(
    num_steps=st.integers(1, 500),
    warmup_steps=st.integers(0, 700),
    decay_fraction=st.floats(0, 1),
)
def test_learning_time_is_the_sum_of_the_factors(num_steps, warmup_steps, decay_fraction):
    schedule = {
        "num_steps": num_steps,
        "warmup_steps": warmup_steps,
        "decay_fraction": decay_fraction,
    }
    factors = learning_rate_factor(np.arange(num_steps), **schedule)
    expected = np.concatenate([[0.0], np.cumsum(factors)])
    np.testing.assert_allclose(learning_time(np.arange(num_steps + 1), **schedule), expected)


def test_learning_time_counts_a_decayed_rate_less():
    schedule = {"num_steps": 100, "warmup_steps": 0, "decay_fraction": 0.5}
    time = learning_time([0, 50, 75, 100], **schedule)
    # The plateau ends at step 50; the fall is linear, so that three quarters of it is done by 75.
    assert time[0] == 0
    assert time[1] == 50
    assert time[2] - time[1] == pytest.approx(19.0, abs=0.6)
    assert time[3] - time[2] == pytest.approx(6.5, abs=0.6)
