"""Random features are solved exactly, and nothing else is done to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from efficiency import engines, train
from efficiency.engines.exact import least_squares
from efficiency.settings import (
    FeaturesMLPSettings,
    HandwrittenDigitsSettings,
    OptimiserSettings,
    RandomFeaturesSettings,
    RecordingSettings,
    RunSettings,
)

TASK = HandwrittenDigitsSettings()


def run(**others) -> RunSettings:
    given = {
        "task": TASK,
        "network": RandomFeaturesSettings(d_mlp=40),
        "optimiser": OptimiserSettings(method="least-squares", weight_decay=0.0),
        "loss": "squared-error",
        "dataset_size": 25,
        "data_seed": 3,
        "init_seed": 3,
        "num_steps": 2,
        "recording": RecordingSettings(num_log=0, measures=("held-out-squared-error",)),
    }
    return RunSettings.model_validate(given | others)


def problem(one: RunSettings, weights) -> tuple[np.ndarray, np.ndarray]:
    """Return Φ and Y of the examples that a run is trained on."""
    trained, _ = TASK.split(one.dataset_size, one.data_seed)
    phi = np.cos(TASK.inputs[trained] @ weights["W_in"] + weights["b_in"])
    return phi, np.eye(10)[TASK.targets[trained, 0]]


def decaying(weight_decay: float) -> OptimiserSettings:
    return OptimiserSettings(method="least-squares", weight_decay=weight_decay)


def test_outputs_are_the_solution_of_smallest_norm():
    (trained,) = train([run()])
    phi, answers = problem(run(), trained.weights)
    wanted = np.linalg.lstsq(phi, answers, rcond=None)[0]
    assert trained.weights["W_U"] == pytest.approx(wanted, rel=1e-7, abs=1e-9)
    assert phi @ trained.weights["W_U"] == pytest.approx(answers, abs=1e-9)
    # Any other that fits them too has a larger norm.
    null = np.linalg.svd(phi)[2][phi.shape[0] :].T
    other = wanted + null @ np.random.default_rng(0).normal(size=(null.shape[1], 10))
    assert phi @ other == pytest.approx(answers, abs=1e-9)
    assert np.linalg.norm(other) > np.linalg.norm(wanted)


@pytest.mark.parametrize("num_features", [10, 25, 40])
def test_a_penalty_is_that_of_ridge_regression(num_features):
    one = run(network=RandomFeaturesSettings(d_mlp=num_features), optimiser=decaying(0.01))
    (trained,) = train([one])
    phi, answers = problem(one, trained.weights)
    ridge = Ridge(alpha=0.01 * answers.size / 2, fit_intercept=False).fit(phi, answers)
    assert trained.weights["W_U"] == pytest.approx(ridge.coef_.T, rel=1e-6, abs=1e-9)


@given(
    num_examples=st.integers(1, 12),
    num_features=st.integers(1, 12),
    weight_decay=st.sampled_from([0.0, 1e-3, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_gradient_descent_has_come_to_rest_there(num_examples, num_features, weight_decay, seed):
    drawn = torch.Generator().manual_seed(seed)
    phi = torch.randn((num_examples, num_features), generator=drawn, dtype=torch.float64)
    answers = torch.randn((num_examples, 3), generator=drawn, dtype=torch.float64)
    W = least_squares(phi, answers, weight_decay).requires_grad_()
    loss = (phi @ W - answers).square().mean() + weight_decay / 2 * W.square().sum()
    (gradient,) = torch.autograd.grad(loss, W)
    assert gradient.abs().max() < 1e-8 * (1 + W.detach().abs().max())
    # From 0 it never leaves the span of the examples' features.
    outside = W.detach() - torch.linalg.pinv(phi) @ (phi @ W.detach())
    assert outside.abs().max() < 1e-8 * (1 + W.detach().abs().max())


def test_features_stay_as_they_were_drawn_and_outputs_begin_at_0():
    (trained,) = train([run(recording=RecordingSettings(num_log=0, snapshots=(0, 1, 2)))])
    first, second, last = (trained.snapshots[step] for step in (0, 1, 2))
    assert (first["W_U"] == 0).all()
    for one in (second, last):
        assert np.array_equal(first["W_in"], one["W_in"])
        assert np.array_equal(first["b_in"], one["b_in"])
    assert np.array_equal(second["W_U"], last["W_U"])


def test_a_solution_does_not_depend_on_who_shares_the_ensemble():
    others = [run(dataset_size=D, data_seed=s, init_seed=s) for D in (20, 25) for s in (3, 4)]
    together = train(others)
    for one, found in zip(others, together, strict=True):
        (alone,) = train([one])
        assert np.array_equal(alone.weights["W_U"], found.weights["W_U"])


def test_errors_on_test_examples_are_those_of_outputs_and_one_hot_answers():
    (trained,) = train([run()])
    _, test = TASK.split(25, 3)
    weights = trained.weights
    outputs = np.cos(TASK.inputs[test] @ weights["W_in"] + weights["b_in"]) @ weights["W_U"]
    wanted = np.square(outputs - np.eye(10)[TASK.targets[test, 0]]).mean()
    last = trained.history.iloc[-1]
    assert last["held_out_squared_error"] == pytest.approx(wanted, rel=1e-9)
    accuracy = (outputs.argmax(1) == TASK.targets[test, 0]).mean()
    assert last["test_accuracy"] == pytest.approx(accuracy)
    assert last["train_accuracy"] == 1


def test_the_measure_is_not_defined_where_logits_are_no_distances():
    recording = RecordingSettings(measures=("held-out-squared-error",))
    mlp = run(
        network=FeaturesMLPSettings(d_mlp=4),
        optimiser=OptimiserSettings(),
        loss="log-odds",
        recording=recording,
    )
    (trained,) = train([mlp])
    assert trained.history["held_out_squared_error"].isna().all()


def test_no_other_engine_takes_it():
    assert engines.choose("auto", run(), "cpu") == "exact"
    for name in ("stacked", "layered", "compiled"):
        with pytest.raises(ValueError, match=r"optimiser\.method|network\.|task\."):
            engines.choose(name, run(), "cpu")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimiser": OptimiserSettings()}, "it needs method = 'least-squares'"),
        (
            {"network": FeaturesMLPSettings(d_mlp=4), "loss": "log-odds"},
            "linear in all that it learns",
        ),
        ({"loss": "log-odds"}, "give 'squared-error'"),
        ({"init_seed": None, "start": run()}, "the same from any weights"),
    ],
)
def test_what_cannot_be_solved_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        run(**changed)


@pytest.mark.parametrize(
    "given", [{"learning_rate": 0.1}, {"beta2": 0.9}, {"warmup_steps": 0}, {"batch_size": 5}]
)
def test_what_would_have_no_effect_is_refused(given):
    with pytest.raises(ValueError, match="have no effect"):
        OptimiserSettings(method="least-squares", **given)
