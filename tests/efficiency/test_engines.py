from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from efficiency import Training, engines, train
from efficiency.engines import CompiledEngine, StackedEngine, members
from efficiency.settings import (
    OneLayerTransformerSettings,
)
from efficiency.training import counter_random
from efficiency.training.ensemble import initial_weights, part_masks
from efficiency.training.minibatches import MemberMinibatches, Minibatches
from tests.build import CHOICES, PLAIN, compiled_only, run_settings
from tests.efficiency.test_ensemble import crowd


@compiled_only
def test_both_engines_measure_the_same():
    parent = run_settings(dataset_size=40)
    members = [*crowd()[:4], run_settings(dataset_size=49)]
    members = [r.model_copy(update={"num_steps": 40}) for r in members]
    members.append(run_settings(start=parent, init_seed=None, dataset_size=10))
    starts = [initial_weights(r if r.start is None else parent) for r in members]
    found = [
        engine(members, starts, torch.device("cpu")).measure()
        for engine in (CompiledEngine, StackedEngine)
    ]
    assert found[0].isnan().any()
    torch.testing.assert_close(*found, rtol=2e-6, atol=1e-6, equal_nan=True)


@compiled_only
def test_a_compiled_member_is_the_same_to_the_last_bit_whoever_is_beside_it():
    members = crowd()
    together = train(members, engine="compiled")
    for k in (0, 7, 31):
        (alone,) = train([members[k]], engine="compiled")
        assert alone.history.equals(together[k].history)
        for name, value in alone.weights.items():
            assert (value == together[k].weights[name]).all()


@compiled_only
def test_the_number_of_threads_changes_no_bit():
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(train(crowd()[:7], engine="compiled"))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        assert one.history.equals(other.history)


@compiled_only
def test_both_engines_train_the_same_networks():
    members = crowd()
    for one, other in zip(
        train(members, engine="compiled"), train(members, engine="stacked"), strict=True
    ):
        early = one.history["step"] <= 50
        np.testing.assert_allclose(
            one.history[early], other.history[early], rtol=1e-4, atol=1e-4, equal_nan=True
        )


@compiled_only
@pytest.mark.parametrize(
    "name", sorted(CHOICES.keys() - {"dropout", "dropout in an MLP", "everything"})
)
@pytest.mark.parametrize("network", [PLAIN, OneLayerTransformerSettings(d_model=12, num_heads=3)])
def test_both_engines_train_alike_with_every_choice(name, network):
    runs = [
        run_settings(**(CHOICES[name] | {"network": network, "dataset_size": D, "init_seed": D}))
        for D in (20, 31)
    ]
    for one, other in zip(
        train(runs, engine="compiled"), train(runs, engine="stacked"), strict=True
    ):
        early = one.history["step"] <= 12
        np.testing.assert_allclose(
            one.history[early], other.history[early], rtol=2e-4, atol=1e-4, equal_nan=True
        )
        assert list(one.weights) == list(other.weights)


@compiled_only
@hypothesis_settings(max_examples=25)
@given(
    st.integers(2, 40), st.integers(1, 39), st.integers(0, 2**63 - 1), st.integers(0, 90), st.data()
)
def test_minibatches_of_many_steps_are_those_of_each_step(D, B, seed, first, data):
    run = run_settings(dataset_size=D, batch_size=min(B, D - 1), noise_seed=seed)
    # Call after call, of which the next goes on in the epoch of the last, or anywhere.
    counts = data.draw(st.lists(st.integers(1, 15), min_size=1, max_size=4))
    count = sum(counts)
    places = np.arange(D, dtype=np.int32)[::-1] * 3
    in_order, in_any = (MemberMinibatches(run, places, ascending=way) for way in (True, False))
    in_any.at(data.draw(st.integers(0, 90)), 3)
    begins = first + np.cumsum([0, *counts[:-1]])
    found, as_drawn = (
        np.concatenate([one.at(int(b), n) for b, n in zip(begins, counts, strict=True)])
        for one in (in_order, in_any)
    )
    each = Minibatches([run], counter_random.seeds([seed], torch.device("cpu")))
    for i in range(count):
        chosen, weight = each.at(torch.tensor(first + i))
        expected = places[chosen[0][weight[0] > 0].numpy()]
        for batch, wanted in ((found[i], np.sort(expected)), (as_drawn[i], expected)):
            kept = batch[batch >= 0]
            assert kept.tolist() == wanted.tolist()
            assert (batch[len(kept) :] == -1).all()


@compiled_only
@hypothesis_settings(max_examples=20)
@given(first=st.integers(0, 300), count=st.integers(1, 50))
def test_the_numbers_of_an_update_are_the_schedule_of_the_stacked_optimiser(first, count):
    run = run_settings(num_steps=400, warmup_steps=20, decay_fraction=0.3, weight_decay=0.7)
    numbers = members.updates(run, first, count)
    engine = StackedEngine([run], [initial_weights(run)], torch.device("cpu"))
    for i in range(count):
        engine._optimiser.go_to(first + i)
        rate = float(engine._optimiser.rates_K()[0])
        step = first + i + 1
        expected = (1 - 0.7 * rate, rate / (1 - 0.9**step), np.sqrt(1 - 0.98**step))
        found = [numbers[i][name] for name in ("keep", "step", "root_bias2")]
        assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("choices", [{}, CHOICES["everything"], CHOICES["minibatches"]])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_an_update_stays_on_its_device_and_never_looks_at_a_number(device, choices):
    # A CUDA graph can record nothing else. Fake tensors know their device and shape, but have no
    # numbers to look at: this needs no GPU.
    members = [run_settings(**choices, init_seed=i, dataset_size=20 + i) for i in range(2)]
    starts = [initial_weights(run) for run in members]
    with FakeTensorMode(allow_non_fake_inputs=True):
        engine = StackedEngine(members, starts, torch.device(device))
        engine.update()
        engine.update()
        measured = engine.measure()
        state = engine.state()
        with pytest.raises(Exception, match=r"_local_scalar_dense|meta tensor"):
            engine.weights.flat.sum().item()
    assert measured.device.type == device
    assert {tensor.device.type for tensor in state.values()} == {device}


def test_a_part_of_the_table_is_what_the_data_say():
    masks = part_masks(run_settings(dataset_size=49))
    assert {part: int(mask.sum()) for part, mask in masks.items()} == {
        "train": 49,
        "test": 0,
        "removed": 0,
        "never_seen": 0,
        "novel": 0,
        "clean": 0,
        "corrupted": 0,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"network": OneLayerTransformerSettings(d_model=8, num_heads=2, precision="float64")},
            "float64",
        ),
        ({"loss": "plain"}, "plain"),
    ],
)
def test_what_the_compiled_engine_cannot_train_goes_to_the_other(changes, reason):
    run = run_settings(**changes)
    assert engines.choose("auto", run, "cpu") == "stacked"
    with pytest.raises(ValueError, match=f"{reason}.*choose another of .*'stacked'"):
        engines.choose("compiled", run, "cpu")


def test_on_another_device_there_is_no_compiled_engine():
    assert engines.choose("auto", run_settings(), "cuda") == "stacked"
    with pytest.raises(ValueError, match="device is 'cuda'"):
        engines.choose("compiled", run_settings(), "cuda")


def test_an_unknown_engine_is_refused():
    with pytest.raises(
        ValueError, match=r"unknown engine 'fast'; choose from auto, compiled, layered, stacked"
    ):
        train([run_settings()], engine="fast")
    with pytest.raises(ValueError, match=r"StackedEngine'> is given by itself; give its name"):
        train([run_settings()], engine=engines.StackedEngine)


def test_tf32_is_refused_where_there_is_none():
    run = run_settings(
        network=OneLayerTransformerSettings(d_model=8, num_heads=2, precision="tf32")
    )
    with pytest.raises(ValueError, match="'tf32', which needs a CUDA device; use 'float32'"):
        train([run])


@compiled_only
@pytest.mark.parametrize("beta2", [0.98, 0.999, 0.9999999])
def test_engines_agree_however_near_beta2_is_to_one(beta2):
    run = run_settings(num_steps=30, beta2=beta2)
    one, other = (train([run], engine=engine)[0].history for engine in ("compiled", "stacked"))
    np.testing.assert_allclose(one["train_loss"], other["train_loss"], rtol=1e-3)


def test_an_engine_ends_with_its_last_reference():
    engine = Training([run_settings()], [None], engine="stacked").engine
    gone = weakref.ref(engine)
    engine.advance(0, 1)
    gc.disable()
    try:
        del engine
        assert gone() is None
    finally:
        gc.enable()
