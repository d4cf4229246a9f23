"""Gradient descent with an L2 penalty, whose rest points are those that the theory speaks of."""

from __future__ import annotations

import numpy as np
import pytest

from efficiency import train
from efficiency.training.ensemble import initial_weights
from efficiency.training.loop import Training
from tests.build import run_settings
from tests.efficiency import by_hand

DESCENT = {"method": "gradient-descent", "warmup_steps": 0}


@pytest.mark.parametrize("engine", ["auto", "stacked"])
def test_descent_is_that_of_the_textbook(engine):
    run = run_settings(**DESCENT, learning_rate=0.3, weight_decay=0.05, num_steps=200)
    (trained,) = train([run], engine=engine)
    loss, weights = by_hand.trained(run)
    assert trained.history["train_loss"].iloc[-1] == pytest.approx(loss, rel=1e-4)
    for name, weight in zip(initial_weights(run), weights, strict=True):
        np.testing.assert_allclose(trained.weights[name], weight, rtol=2e-3, atol=2e-5)


def virial(run, num_steps: int = 400) -> float:
    """Return −θ·∇L / λ‖θ‖² after a run: 1 where growing would save as much as it costs.

    The mean over the next steps. Some ReLUs stand at their kink by then and switch from step to
    step, and the gradient jumps with them: one reading scatters by 1%, otherwise on each processor.
    The mean misses 1 by the drift of the norm that is left, 0.5% after 30,000 steps.
    """
    (trained,) = train([run])
    later = run.model_copy(update={"start": run, "init_seed": None, "num_steps": num_steps})
    training = Training([later], [trained.weights], "cpu")
    found = []
    for _ in range(num_steps):
        _, gradients = training.engine.gradient()
        weights = {name: view[0].double() for name, view in training.engine.weights.views.items()}
        along = -sum(float((gradients.views[n][0].double() * w).sum()) for n, w in weights.items())
        square = sum(float(w.square().sum()) for w in weights.values())
        found.append(along / (run.optimiser.weight_decay * square))
        training.advance(1)
    return float(np.mean(found))


def test_it_comes_to_rest_where_loss_and_penalty_balance():
    run = run_settings(**DESCENT, learning_rate=0.05, weight_decay=3e-3, num_steps=30_000)
    assert virial(run) == pytest.approx(1, abs=1e-2)
    early = run.model_copy(update={"num_steps": 300})
    assert virial(early) != pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "changes", [{"beta1": 0.5}, {"beta2": 0.9}, {"epsilon": 1e-20}, {"decay_form": "l2"}], ids=str
)
def test_what_only_adam_has_is_refused(changes):
    with pytest.raises(ValueError, match="would have no effect; leave it at"):
        run_settings(**DESCENT, weight_decay=0.1, **changes)
