from __future__ import annotations

import numpy as np
import pytest

from efficiency import train
from efficiency.analysis.sharpness import BOX, ITERATIONS, sharpness, training_loss
from efficiency.settings import MLPSettings
from tests.build import SMALL, run_settings

NETWORKS = {
    "table form": {},
    "stacked": {"network": SMALL},
    "mlp": {"network": MLPSettings(d_model=8, d_mlp=12)},
}


def flat(weights) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in weights.values()]).astype(float)


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request):
    run = run_settings(num_steps=60, **NETWORKS[request.param])
    return run, train([run])[0]


def test_the_loss_is_that_of_training_and_its_gradient_that_of_small_steps(trained):
    run, result = trained
    loss, theta = training_loss(run, result.weights), flat(result.weights)
    value, gradient = loss(theta)
    assert value == pytest.approx(result.history["train_loss"].iloc[-1], rel=1e-4)
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=theta.shape)
        ahead, behind = (loss(theta + h * direction)[0] for h in (1e-6, -1e-6))
        assert (ahead - behind) / 2e-6 == pytest.approx(gradient @ direction, rel=1e-4)


@pytest.fixture(scope="module")
def converged():
    """A network that fits its examples so well that its loss is nearly flat."""
    run = run_settings(num_steps=3000, weight_decay=0.1, decay_fraction=0.2)
    result = train([run])[0]
    assert result.history["train_loss"].iloc[-1] < 1e-5
    return run, result


def corner(loss, theta, box, direction) -> float:
    here = loss(theta)[0]
    there = loss(theta + box * (np.abs(theta) + 1) * np.sign(direction))[0]
    return 100 * (there - here) / (1 + here)


def test_no_corner_of_the_box_is_higher_neither_uphill_nor_at_random(trained, converged):
    rng = np.random.default_rng(1)
    for run, result in (trained, converged):
        found = sharpness(run, result.weights)
        loss, theta = training_loss(run, result.weights), flat(result.weights)
        assert corner(loss, theta, BOX, loss(theta)[1]) <= found
        for _ in range(20):
            assert corner(loss, theta, BOX, rng.normal(size=theta.shape)) <= found


def test_the_search_comes_to_an_end_also_where_the_loss_is_nearly_flat(converged):
    run, result = converged
    short, usual, long = (
        sharpness(run, result.weights, iterations=n) for n in (1, ITERATIONS, 2 * ITERATIONS)
    )
    assert short < 0.9 * usual
    assert usual <= long <= 1.35 * usual


def test_it_grows_with_the_box_and_vanishes_with_it(trained):
    run, result = trained
    found = [sharpness(run, result.weights, box) for box in (1e-7, 1e-4, 1e-3, 1e-2)]
    assert found == sorted(found)
    assert 0 <= found[0] < 1e-3
    assert found[-1] > found[1] > 0


def test_within_a_tiny_box_it_is_the_gradient_in_the_box_norm(trained):
    run, result = trained
    loss, theta = training_loss(run, result.weights), flat(result.weights)
    (value, gradient), box = loss(theta), 1e-6
    linear = box * np.sum(np.abs(gradient) * (np.abs(theta) + 1))
    expected = 100 * linear / (1 + value)
    assert sharpness(run, result.weights, box) == pytest.approx(expected, rel=0.02)
