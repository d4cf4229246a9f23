from __future__ import annotations

import gc
import re
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from efficiency import Training, engines, train
from efficiency.engines import CompiledEngine, StackedEngine, compiling
from efficiency.ensemble import initial_weights, part_masks
from efficiency.settings import OneLayerTransformerSettings
from tests.build import CHOICES, compiled_only, run_settings
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
@hypothesis_settings(max_examples=20)
@given(first=st.integers(0, 300), count=st.integers(1, 50))
def test_the_numbers_of_an_update_are_the_schedule_of_the_stacked_optimiser(first, count):
    run = run_settings(num_steps=400, warmup_steps=20, decay_fraction=0.3, weight_decay=0.7)
    numbers = engines.compiled.updates(run.optimiser, first, count, run.num_steps)
    engine = StackedEngine([run], [initial_weights(run)], torch.device("cpu"))
    for i in range(count):
        engine._optimiser.go_to(first + i)
        rate = float(engine._optimiser.rates_K()[0])
        step = first + i + 1
        expected = (1 - 0.7 * rate, rate / (1 - 0.9**step), np.sqrt(1 - 0.98**step))
        assert numbers[i].tolist() == pytest.approx(expected, rel=1e-6)


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
    masks = part_masks(run_settings(dataset_size=49), 49)
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
    with pytest.raises(ValueError, match=f"{reason}.*choose 'stacked'"):
        engines.choose("compiled", run, "cpu")


def test_on_another_device_there_is_no_compiled_engine():
    assert engines.choose("auto", run_settings(), "cuda") == "stacked"
    with pytest.raises(ValueError, match="device is 'cuda'"):
        engines.choose("compiled", run_settings(), "cuda")


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match=r"unknown engine 'fast'; choose from .*compiled.*stacked"):
        train([run_settings()], engine="fast")


def test_tf32_is_refused_where_there_is_none():
    run = run_settings(
        network=OneLayerTransformerSettings(d_model=8, num_heads=2, precision="tf32")
    )
    with pytest.raises(ValueError, match="'tf32' needs a CUDA device; use 'float32'"):
        train([run])


@pytest.fixture
def fresh_compiler(monkeypatch, tmp_path):
    """Forget what was compiled, here and in the cache, for one test."""
    cached = (compiling.library, compiling.problem, compiling._cache_folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for function in cached:
        function.cache_clear()
    yield tmp_path / "cache" / "circuit-efficiency"
    for function in cached:
        function.cache_clear()


def test_without_a_compiler_training_goes_on_in_the_other_engine(fresh_compiler, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("sysconfig.get_config_var", lambda name: None)
    assert "no C compiler was found" in compiling.problem()
    assert engines.choose("auto", run_settings(), "cpu") == "stacked"
    with pytest.raises(ValueError, match="no C compiler was found; install gcc"):
        engines.choose("compiled", run_settings(), "cpu")


def test_a_compiler_that_fails_is_named_with_its_message(fresh_compiler, monkeypatch, tmp_path):
    broken = tmp_path / "broken-cc"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] || { echo "out of ideas" >&2; exit 1; }\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    assert "broken-cc" in compiling.problem()
    assert "out of ideas" in compiling.problem()
    assert list(fresh_compiler.iterdir()) == []


@pytest.mark.parametrize(
    ("named", "message"),
    [("/bin/false", "/bin/false, named in .CC, is no C compiler"), ("true", "made nothing")],
)
def test_a_compiler_named_in_cc_that_is_none_is_not_replaced_silently(
    fresh_compiler, monkeypatch, named, message
):
    monkeypatch.setenv("CC", named)
    assert re.search(message, compiling.problem())


@compiled_only
def test_compiled_code_is_kept_for_the_next_process(fresh_compiler):
    first = compiling.library()._name
    assert [str(file) for file in fresh_compiler.iterdir()] == [first]
    compiling.library.cache_clear()
    assert compiling.library()._name == first


@compiled_only
@pytest.mark.parametrize("damaged", [False, True])
def test_compiled_code_that_is_lost_or_damaged_is_made_again(fresh_compiler, damaged):
    # Loaded from a file of its own: this process keeps what it has loaded by name.
    command = [*compiling._compiler(), *compiling._FLAGS]
    place = compiling._cache_folder() / "some.so"
    if damaged:
        place.write_bytes(b"not a library")
    assert compiling._loaded(command, place).memory_floats
    assert place.read_bytes().startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe"))


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
