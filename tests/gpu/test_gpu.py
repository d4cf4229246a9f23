"""What a GPU must do as a CPU does, and as itself; ``make test-gpu``, on a machine that has one.

All other tests are of the CPU, see ``tests.conftest``.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from efficiency import Training, cost
from efficiency.engines import StackedEngine
from efficiency.engines.measuring import measured_at_once
from efficiency.settings import OneLayerTransformerSettings, TaskSettings
from efficiency.training.ensemble import initial_weights
from predictions.testing.engines import check_engine
from predictions.trainer import NetworkTrainer
from tests.build import CHOICES, run_settings

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a GPU and TEST_GPU=1, as make test-gpu gives it"
)

STEPS = 60
KINDS = pytest.mark.parametrize("name", ["plain", "continued", *sorted(CHOICES)])


def members(name):
    """Three runs of a kind, and the weights that they start from."""
    changes = {"num_steps": STEPS, **CHOICES.get(name, {})}
    if name != "continued":
        runs = [run_settings(**changes, init_seed=k, data_seed=10 + k) for k in range(3)]
        return runs, [None] * 3
    start = run_settings(dataset_size=40)
    runs = [
        run_settings(**changes, start=start, init_seed=None, dataset_size=9 + k) for k in range(3)
    ]
    return runs, [initial_weights(start)] * 3


def begun(name, device):
    runs, starts = members(name)
    given = [None if s is None else {n: w.numpy() for n, w in s.items()} for s in starts]
    return Training(runs, given, device, "stacked")


def trained(name, device, steps=STEPS):
    training = begun(name, device)
    training.advance(steps)
    return training


def bits(training):
    return {key: value.copy() for key, value in training.state().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key], err_msg=key)


@KINDS
def test_a_gpu_trains_as_a_cpu_does_up_to_rounding(name):
    on_cpu, on_gpu = trained(name, "cpu"), trained(name, "cuda")
    for one, other in zip(on_cpu.results(), on_gpu.results(), strict=True):
        for part, weights in one.weights.items():
            np.testing.assert_allclose(other.weights[part], weights, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(other.history, one.history, rtol=1e-2, atol=1e-3, equal_nan=True)


@KINDS
def test_a_gpu_gives_the_same_bits_each_time_and_after_a_restart(name):
    whole = bits(trained(name, "cuda"))
    assert_same(whole, bits(trained(name, "cuda")))
    later = begun(name, "cuda")
    later.restore(bits(trained(name, "cuda", STEPS // 2)))
    later.advance(STEPS)
    assert_same(whole, bits(later))


@KINDS
def test_a_recorded_update_is_the_update(name):
    replayed, eager = begun(name, "cuda").engine, begun(name, "cuda").engine
    replayed.advance(0, STEPS)
    assert isinstance(eager, StackedEngine)
    with torch.no_grad():
        for _ in range(STEPS):
            eager.update()
    for key, value in replayed.state().items():
        assert torch.equal(value, eager.state()[key]), key


def test_a_gpu_measures_in_chunks_what_it_measures_alone():
    big = {
        "task": TaskSettings(operation="addition", size=113),
        "network": OneLayerTransformerSettings(),
    }
    run = run_settings(**big, dataset_size=500)
    K = measured_at_once(run, "cuda") + 1
    runs = [run.model_copy(update={"init_seed": k}) for k in range(K)]
    together = Training(runs, [None] * K, "cuda", "stacked").engine.measure()
    for k in (0, K - 1):
        (alone,) = Training([runs[k]], [None], "cuda", "stacked").engine.measure().T
        torch.testing.assert_close(together[:, k], alone, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_what_a_group_takes_is_no_more_than_was_said_of_it():
    big = {
        "task": TaskSettings(operation="addition", size=113),
        "network": OneLayerTransformerSettings(),
    }
    runs = [run_settings(**big, init_seed=k, dataset_size=1500) for k in range(60)]
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    training = Training(runs, [None] * len(runs), "cuda", "stacked")
    training.advance(5)
    taken = torch.cuda.max_memory_allocated() - before
    assert taken < cost.group_bytes(runs, "stacked", "cuda")


def test_an_engine_is_checked_there_too():
    check_engine("stacked", device="cuda")


def test_a_trainer_takes_the_gpu_if_there_is_one_and_names_it():
    trainer = NetworkTrainer()
    assert (trainer.device, trainer.workers) == ("cuda", 1)
    told = trainer.environment([run_settings().document()])
    assert told["device_name"] == torch.cuda.get_device_name()
    assert trainer.memory <= torch.cuda.get_device_properties(0).total_memory


def test_a_sweep_is_trained_there_and_judged_from_its_store(predictions, tmp_path):
    told = predictions(
        *("run", "ungrokking", "--size", "smoke", "--device", "cuda"),
        *("--store", tmp_path / "store", "--out", tmp_path / "report"),
    )
    assert told.code == 0, told.err
    again = predictions("judge", "ungrokking", "--size", "smoke", "--store", tmp_path / "store")
    assert again.code == 0, again.err
    assert "51 runs trained in" in told.err
