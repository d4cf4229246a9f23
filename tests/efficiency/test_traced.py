"""A traced function and its backward pass do what autograd does, number for number."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from efficiency import networks
from efficiency.engines.stacked import StackedEngine
from efficiency.networks.traced import passes
from efficiency.settings import MLPSettings, RunSettings
from efficiency.training.ensemble import initial_weights
from efficiency.training.loop import train
from tests.build import run_settings

program = importlib.import_module("efficiency.networks.program")  # there is a function of that name


def _inputs(seed: int) -> list[torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    places = torch.randint(0, 4, (6,), generator=drawn)
    return [*(torch.randn(shape, generator=drawn) for shape in ((4, 3), (3,), (5,))), places]


def _network(table, gain, unused, places):
    rows = torch.relu(table[places] * gain)
    return torch.exp(rows @ table.T)  # backward reads the output of exp, which is the result


def _by_autograd(inputs, cotangent):
    weights = [value.clone().requires_grad_() for value in inputs[:3]]
    output = _network(*weights, inputs[3])
    gradients = torch.autograd.grad(output, weights, cotangent, materialize_grads=True)
    return output.detach(), gradients


def test_both_passes_equal_autograd_on_other_numbers_than_were_traced():
    forward, backward = passes(_network, _inputs(0), 3)
    for seed in range(1, 4):
        inputs = _inputs(seed)
        cotangent = torch.randn(6, 4)
        expected, gradients = _by_autograd(inputs, cotangent)
        output, *kept = forward(*inputs)
        torch.testing.assert_close(output, expected, rtol=0, atol=0)
        output.fill_(torch.nan)  # the caller may overwrite it
        found = backward(*kept, cotangent)
        for one, other in zip(found, gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_gradient_that_waits_for_nothing_is_zero():
    # The third weight is never used: its gradient does not depend on the cotangent.
    forward, backward = passes(_network, _inputs(0), 3)
    _, *kept = forward(*_inputs(1))
    assert (backward(*kept, torch.ones(6, 4))[2] == 0).all()


def test_what_depends_on_numbers_is_refused():
    def branches(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        passes(branches, [torch.ones(3)], 1)


def test_a_function_that_changes_its_input_is_refused():
    def changes(x):
        return (x + 1).mul_(2)

    with pytest.raises(RuntimeError, match="change a tensor in place"):
        passes(changes, [torch.ones(3, 2)], 1)


def test_threads_may_trace_while_others_call_networks():
    # Each traces its own program, and then calls the network as it is to measure it.
    runs = [
        run_settings(network=MLPSettings(d_model=8 + i, d_mlp=16), init_seed=i) for i in range(4)
    ]

    def trained(run: RunSettings) -> tuple[torch.Tensor, torch.Tensor]:
        engine = StackedEngine([run], [initial_weights(run)], torch.device("cpu"))
        for step in range(3):
            engine.advance(step, 1)
            measured = engine.measure()
        return engine.weights.flat.clone(), measured

    alone = [trained(run) for run in runs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(trained, runs))
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


class Doubled(networks.MLP):
    """Logits twice as large by the same parameters."""

    def forward(self, *inputs):
        return 2 * super().forward(*inputs)


def test_a_network_is_traced_once_for_each_shape(monkeypatch):
    counted = []

    def counting(*arguments):
        counted.append(arguments)
        return passes(*arguments)

    monkeypatch.setattr(program, "passes", counting)
    networks._passes.cache_clear()
    small = MLPSettings(d_model=5, d_mlp=7)

    def history(network=small, **more):
        settings = run_settings(network=network, num_steps=3, **more)
        return train([settings], engine="stacked")[0].history

    first = history()
    assert history().equals(first)
    assert not history(init_seed=5).equals(first)
    assert len(counted) == 1  # other weights are no other operations
    history(dataset_size=11)
    history(MLPSettings(d_model=5, d_mlp=8))
    history(MLPSettings(d_model=5, d_mlp=7, dropout=0.5), noise_seed=0)
    assert len(counted) == 4
    architecture = networks.ARCHITECTURES["mlp"]

    def doubled(task, settings):
        network = architecture.network(task, settings)
        network.__class__ = Doubled
        return networks.StackedProgram(network, ["a", "b"])

    monkeypatch.setitem(networks.ARCHITECTURES, "mlp", replace(architecture, program=doubled))
    assert not history().equals(first)
    assert len(counted) == 5


def test_shapes_that_have_not_come_for_long_are_let_go():
    held, most = program.PassesByShape(), program.PassesByShape.MOST
    for shape in range(3 * most):
        held.keep(shape, (shape, shape))
    assert [held.get(shape) for shape in range(3 * most)] == [
        *[None] * (2 * most),
        *((shape, shape) for shape in range(2 * most, 3 * most)),
    ]
