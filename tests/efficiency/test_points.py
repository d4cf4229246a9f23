"""Points of networks: what is read there is what is computed, and what is put there goes on."""

import numpy as np
import pytest
import torch

from efficiency import activations, module_of
from efficiency.networks import inputs, tokens
from efficiency.settings import (
    DigitAdditionSettings,
    MLPSettings,
    OneLayerTransformerSettings,
    RunSettings,
    SequenceTransformerSettings,
    TaskSettings,
    TransformerSettings,
)
from efficiency.training.ensemble import initial_weights

TASK = TaskSettings(operation="addition", size=5)
ONE_LAYER = OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=12, precision="float64")


def drawn(task, network):
    run = RunSettings(
        task=task, network=network, dataset_size=4, data_seed=0, init_seed=0, num_steps=1
    )
    return {name: value.numpy() for name, value in initial_weights(run).items()}


def logits(network, task, settings):
    with torch.no_grad():
        prompt = [*network.reads]
        return network(tokens(prompt, *inputs(task, settings).unbind(-1))).numpy()


def test_what_is_read_is_what_the_equations_give():
    weights = drawn(TASK, ONE_LAYER)
    found = {name: value.numpy() for name, value in activations(TASK, ONE_LAYER, weights).items()}
    assert list(found) == ["embedded", "attention", "attended", "hidden", "residual"]
    pairs = np.stack([np.repeat(range(5), 5), np.tile(range(5), 5), np.full(25, 5)], axis=1)
    assert found["embedded"] == pytest.approx(weights["W_E"][pairs] + weights["W_pos"])
    assert found["attention"].sum(-1) == pytest.approx(np.ones((25, 2, 3)))
    assert np.triu(found["attention"], 1).max() == 0, "no position looks ahead"
    hidden = np.maximum(found["attended"] @ weights["W_in"] + weights["b_in"], 0)
    assert found["hidden"] == pytest.approx(hidden)
    after = found["attended"] + hidden @ weights["W_out"] + weights["b_out"]
    assert found["residual"] == pytest.approx(after)
    whole = module_of(TASK, ONE_LAYER, weights)
    assert logits(whole, TASK, ONE_LAYER) == pytest.approx(after[:, -1] @ weights["W_U"])


def test_what_a_hook_returns_goes_on_in_its_place():
    weights = drawn(TASK, ONE_LAYER)
    network = module_of(TASK, ONE_LAYER, weights)
    network.hidden.register_forward_hook(lambda module, given, output: 0 * output)
    without = module_of(TASK, ONE_LAYER, weights | {"W_out": 0 * weights["W_out"]})
    ablated, whole = logits(network, TASK, ONE_LAYER), module_of(TASK, ONE_LAYER, weights)
    assert ablated == pytest.approx(logits(without, TASK, ONE_LAYER))
    assert np.abs(ablated - logits(whole, TASK, ONE_LAYER)).max() > 0.1


@pytest.mark.parametrize(
    ("task", "settings", "shown"),
    [
        (TASK, MLPSettings(d_model=8, d_mlp=12), {"hidden.0": (25, 12)}),
        (
            TASK,
            TransformerSettings(d_model=8, num_heads=2, d_mlp=12, num_layers=2),
            {"layers.0": (25, 4, 8), "layers.1.attention": (25, 1, 4, 2), "norm_last": (25, 8)},
        ),
        (
            DigitAdditionSettings(num_digits=1),
            SequenceTransformerSettings(d_model=8, num_heads=2, d_mlp=12),
            {"layers.0.hidden": (100, 2, 12)},
        ),
    ],
    ids=["mlp", "two layers", "a sequence"],
)
def test_every_network_shows_its_points(task, settings, shown):
    weights = drawn(task, settings)
    every = activations(task, settings, weights)
    for name, shape in shown.items():
        assert every[name].shape == shape
        (alone,) = activations(task, settings, weights, [name]).items()
        assert alone[0] == name
        assert torch.equal(alone[1], every[name])


def test_a_point_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ValueError, match=r"no point 'hiden'; did you mean 'hidden'\? it has embed"):
        activations(TASK, ONE_LAYER, drawn(TASK, ONE_LAYER), ["hiden"])
    mlp = MLPSettings(d_model=8, d_mlp=12)
    with pytest.raises(ValueError, match=r"no point 'hidden'; .*it has hidden\.0$"):
        activations(TASK, mlp, drawn(TASK, mlp), ["hidden"])  # a list, that is never called
    with pytest.raises(ValueError, match=r"give a list of them: \['hidden'\]"):
        activations(TASK, ONE_LAYER, drawn(TASK, ONE_LAYER), "hidden")
