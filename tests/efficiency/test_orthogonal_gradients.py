"""Training without what scales the weights, and with a loss that does not ask for scaling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from efficiency import train
from efficiency.settings import OptimiserSettings, RunSettings
from efficiency.training.ensemble import Stack, initial_weights
from efficiency.training.optimiser import StackedOptimiser
from tests.build import run_settings
from tests.efficiency import by_hand


def choice(**changes) -> RunSettings:
    return run_settings(warmup_steps=0, **changes)


def norm(weights) -> float:
    return float(np.sqrt(sum(float((w**2).sum()) for w in weights.values())))


@pytest.mark.parametrize("engine", ["auto", "stacked"])
@pytest.mark.parametrize(
    "changes",
    [
        {"orthogonal_gradient": "each", "weight_decay": 0.0},
        {"orthogonal_gradient": "whole", "weight_decay": 0.0},
        {"orthogonal_gradient": "whole", "weight_decay": 1.0},
        {"orthogonal_gradient": "whole", "weight_decay": 0.0, "norm_factor": 0.8},
        {"loss": "stablemax", "weight_decay": 0.5},
        {"loss": "stablemax", "weight_decay": 0.0, "orthogonal_gradient": "each"},
    ],
    ids=str,
)
def test_training_is_that_of_the_textbook(engine, changes):
    run = choice(**changes)
    (trained,) = train([run], engine=engine)
    loss, weights = by_hand.trained(run)
    assert trained.history["train_loss"].iloc[-1] == pytest.approx(loss, rel=1e-4)
    for name, weight in zip(initial_weights(run), weights, strict=True):
        np.testing.assert_allclose(trained.weights[name], weight, rtol=2e-3, atol=2e-4)
    # Other than what training is without that choice.
    (plain,) = train([choice(weight_decay=run.optimiser.weight_decay)], engine=engine)
    assert plain.history["train_loss"].iloc[-1] != pytest.approx(loss, rel=2e-3)


@pytest.mark.parametrize("kind", ["each", "whole"])
def test_what_is_left_of_a_gradient_is_orthogonal_and_as_long_as_before(kind):
    shapes = {"matrix": (5, 4), "bias": (6,), "zero": (3,), "one": (1,)}
    weights, first, second, gradient = (
        Stack.zeros(shapes, 2, torch.empty(0, dtype=torch.float64)) for _ in range(4)
    )
    generator = torch.Generator().manual_seed(0)
    for stack in (weights, gradient):
        stack.flat.copy_(torch.randn(stack.flat.shape, generator=generator))
    weights.views["zero"].zero_()
    before = gradient.clone()
    members = [OptimiserSettings(orthogonal_gradient=kind)] * 2
    StackedOptimiser(weights, first, second, members, num_steps=9)._make_orthogonal(gradient.flat)

    def of(stack: Stack, member: int) -> list[torch.Tensor]:
        vectors = [view[member].flatten() for view in stack.views.values()]
        return [torch.cat(vectors)] if kind == "whole" else vectors

    for k in range(2):
        names = ["whole"] if kind == "whole" else list(shapes)
        for name, w, g, b in zip(
            names, of(weights, k), of(gradient, k), of(before, k), strict=True
        ):
            assert float(w @ g) == pytest.approx(0.0, abs=1e-12)
            # One number has no direction but that of its weight.
            assert float(g.norm()) == pytest.approx(0.0 if name == "one" else float(b.norm()))
        if kind == "each":
            assert torch.equal(gradient.views["zero"], before.views["zero"])


def test_the_norm_grows_less_where_the_gradient_cannot_ask_for_it():
    # Adam scales coordinates afterwards, so that it is not held exactly.
    options = {"weight_decay": 0.0, "num_steps": 300}
    kinds = ({}, {"orthogonal_gradient": "each"}, {"orthogonal_gradient": "whole"})
    ended = [norm(train([choice(**options, **kind)])[0].weights) for kind in kinds]
    began = norm(initial_weights(choice()))
    grown = [end / began - 1 for end in ended]
    assert 0 < max(grown[1:]) < grown[0] / 2
