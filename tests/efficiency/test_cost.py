from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency import Training, cost, networks
from efficiency.engines import ENGINES
from efficiency.engines.costs.base import num_parameters
from efficiency.engines.measuring import RECORDING_BYTES
from efficiency.settings import (
    HandwrittenDigitsSettings,
    OneLayerTransformerSettings,
    RandomFeaturesSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
    usual_training,
)
from efficiency.training import ensemble
from predictions.trainer import NetworkTrainer
from tests.build import SMALL, compiled_only, run_settings

BIG = {
    "network": OneLayerTransformerSettings(),
    "task": TaskSettings(operation="addition", size=113),
}


@pytest.mark.parametrize(("operation", "size"), [("addition", 7), ("composition", 3)])
def test_parameters_are_counted_as_the_network_has_them(operation, size):
    run = run_settings(task=TaskSettings(operation=operation, size=size))
    parameters = networks.network(run.task, run.network).parameters()
    assert sum(p.numel() for p in parameters) == num_parameters(run)


def test_the_operations_of_a_step_are_those_of_its_products():
    run = run_settings(**BIG, dataset_size=3830)
    # Three products of D × L × S, two operations each, and what is done once per step and per row.
    products = 6 * 3830 * 512 * 113
    merged = 6 * (128 * 128 * 625 + 512 * 128 * 113)
    rows = 6 * (116 * 128 * 625 + 116 * 128 * 128) + 12 * 3830 * 4 * 625
    assert cost.flops_per_step(run) == products + merged + rows
    # The stacked engine has the first layer as a product: 6·D·M·(L + S) more, and no rows.
    stacked = products + merged + 6 * (3830 * 128 * 625 + 227 * 128 * 128)
    assert cost.flops_per_step(run, "stacked") == stacked


@pytest.mark.parametrize("engine", sorted(set(ENGINES) - {"exact"}))
@pytest.mark.parametrize(
    "larger",
    [{"dataset_size": 40}, {"num_steps": 80}, {"network": OneLayerTransformerSettings(d_model=32)}],
)
def test_more_costs_more(engine, larger):
    small, large = run_settings(), run_settings(**larger)
    assert cost.seconds([small], engine) < cost.seconds([large], engine)
    assert cost.seconds([small], engine) < cost.seconds([small, small], engine)


@compiled_only
@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize(
    ("engine", "network"),
    [("compiled", OneLayerTransformerSettings()), ("layered", TransformerSettings())],
)
def test_the_memory_of_a_member_is_what_its_arrays_take(engine, network, members):
    run = run_settings(**(BIG | {"network": network}), dataset_size=1532, num_steps=1000)
    runs = [run.model_copy(update={"init_seed": i}) for i in range(members)]
    training = Training(runs, [None] * members, engine=engine)
    state = sum(tensor.nbytes for tensor in training.state().values())
    estimated = members * cost.member_bytes(runs[0], engine)
    assert 0.95 * estimated < state < estimated


SIZES = st.lists(st.integers(1, 49), min_size=1, max_size=30)


ALIKE = st.lists(st.sampled_from([20, 21, 40, 41]), min_size=1, max_size=30)


@given(SIZES | ALIKE, st.sampled_from([None, 5]), st.floats(0.5, 8), st.data())
def test_packing_keeps_to_the_memory_and_to_its_groups(sizes, batch_size, allowed, data):
    runs = [
        run_settings(
            dataset_size=size,
            init_seed=i,
            batch_size=batch_size if size > 5 else None,
            noise_seed=i if batch_size and size > 5 else None,
        )
        for i, size in enumerate(sizes)
    ]
    budget = allowed * cost.group_bytes([run_settings(dataset_size=49)], "stacked")

    def fits(group):
        return cost.group_bytes(group, "stacked") <= budget

    groups = ensemble.pack(runs, max_examples=10**6, fits=fits)
    assert sorted(i for group in groups for i in group) == list(range(len(runs)))
    assert all(len(group) == 1 or fits([runs[i] for i in group]) for group in groups)
    kept = [g for g in groups if data.draw(st.booleans())]
    rest = [i for group in kept for i in sorted(group)]
    again = ensemble.pack([runs[i] for i in rest], max_examples=10**6, fits=fits)
    assert {frozenset(rest[j] for j in group) for group in again} == {frozenset(g) for g in kept}


@compiled_only
@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_there_is_a_trainer_with_every_engine(engine):
    trainer = NetworkTrainer("cpu", engine=engine)
    if engine == "exact":
        run = solved_settings()
    else:
        run = run_settings(network=SMALL if engine == "layered" else OneLayerTransformerSettings())
    assert trainer.pack([run.document()]) == [[0]]
    assert trainer.why_slow([run.document()]) is None


def solved_settings(num_features: int = 40, **others) -> RunSettings:
    network = RandomFeaturesSettings(d_mlp=num_features)
    return run_settings(
        task=HandwrittenDigitsSettings(), network=network, **usual_training(network), **others
    )


@pytest.mark.parametrize("larger", [{"dataset_size": 200}, {"num_features": 400}])
def test_solving_more_costs_more(larger):
    small, large = solved_settings(), solved_settings(**larger)
    assert cost.flops_per_step(large, "exact") > cost.flops_per_step(small, "exact")
    assert cost.seconds([large], "exact") > cost.seconds([small], "exact")
    assert cost.group_bytes([large], "exact") > cost.group_bytes([small], "exact")
    assert cost.seconds([small, small], "exact") == 2 * cost.seconds([small], "exact")


def test_a_trainer_with_little_memory_trains_one_run_at_a_time():
    documents = [run_settings(init_seed=i).document() for i in range(6)]
    assert len(NetworkTrainer("cpu").pack(documents)) == 1
    assert len(NetworkTrainer("cpu", memory=1.0).pack(documents)) == 6


def test_the_estimate_of_a_trainer_adds_up_what_trains_side_by_side():
    trainer = NetworkTrainer("cpu")
    trainer.workers = 2
    small, large = ([run_settings(dataset_size=D).document()] for D in (10, 49))
    one, two, three = (
        trainer.memory_bytes(groups) for groups in ([small], [small, large], [small, large, large])
    )
    assert one < two < three
    assert three - two == pytest.approx(
        cost.group_bytes([run_settings(dataset_size=49)])
        - cost.group_bytes([run_settings(dataset_size=10)])
    )


@compiled_only
def test_the_slowness_of_this_machine_is_of_a_believable_size():
    cost.slowness.cache_clear()
    assert 0.05 < cost.slowness() < 500


def test_a_gpu_is_worth_its_price_for_many_networks_only():
    small, large = run_settings(), run_settings(**BIG, dataset_size=1532)

    def gain(run, members):
        group = [run] * members
        return cost.seconds(group, "stacked") / cost.seconds(group, "stacked", "cuda")

    assert gain(small, 1) < 1 < gain(small, 100)
    assert gain(large, 1) < gain(large, 50)


def test_a_gpu_measures_more_networks_at_once_and_the_memory_of_that_counts():
    group = [run_settings(**BIG, dataset_size=1532)] * 50
    on_gpu, on_cpu = (cost.shared_bytes(group[0], 50, "stacked", d) for d in ("cuda", "cpu"))
    assert 10 * RECORDING_BYTES > on_gpu - on_cpu > RECORDING_BYTES
    assert cost.group_bytes(group, "stacked", "cuda") > 1.2 * cost.group_bytes(group, "stacked")
