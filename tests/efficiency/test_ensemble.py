from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency import Training, train
from efficiency.settings import OneLayerTransformerSettings, RunSettings, TaskSettings
from efficiency.training import ensemble
from tests.build import run_settings

SIZES = st.lists(st.integers(1, 49), min_size=1, max_size=40)


def runs_of(sizes: list[int], steps: list[int] | None = None) -> list[RunSettings]:
    steps = steps or [40] * len(sizes)
    return [
        run_settings(dataset_size=size, num_steps=length, init_seed=i)
        for i, (size, length) in enumerate(zip(sizes, steps, strict=True))
    ]


@given(SIZES, st.data())
def test_packing_is_a_partition_into_like_runs_with_little_padding(sizes, data):
    lengths = st.lists(st.sampled_from([40, 50]), min_size=len(sizes), max_size=len(sizes))
    runs = runs_of(sizes, data.draw(lengths))
    groups = ensemble.pack(runs, max_examples=200)
    assert sorted(i for group in groups for i in group) == list(range(len(runs)))
    for group in groups:
        assert len({ensemble.shape_key(runs[i]) for i in group}) == 1
        in_group = [runs[i].dataset_size for i in group]
        work = len(group) * max(in_group)
        assert work - sum(in_group) <= 0.10 * work
        assert len(group) == 1 or work <= 200


@pytest.mark.parametrize(
    ("number", "sizes"), [(4, [4]), (5, [5]), (6, [3, 3]), (11, [4, 4, 3]), (16, [4, 4, 4, 4])]
)
def test_like_runs_are_packed_evenly(number, sizes):
    # Of 40 examples, five go into 200; greedily 16 would be 5, 5, 5 and 1.
    groups = ensemble.pack(runs_of([40] * number), max_examples=200)
    assert [len(group) for group in groups] == sizes


@given(SIZES | st.lists(st.sampled_from([20, 21, 40, 41]), min_size=1, max_size=40), st.data())
def test_leaving_out_whole_groups_changes_no_other(sizes, data):
    runs = runs_of(sizes)
    groups = ensemble.pack(runs, max_examples=200)
    kept = [g for g in groups if data.draw(st.booleans())]
    rest = [i for group in kept for i in sorted(group)]
    again = ensemble.pack([runs[i] for i in rest], max_examples=200)
    assert {frozenset(rest[j] for j in group) for group in again} == {frozenset(g) for g in kept}


def crowd() -> list[RunSettings]:
    """Return 32 runs that differ in everything that may differ within an ensemble."""
    rng = np.random.default_rng(0)
    return [
        run_settings(
            dataset_size=int(rng.integers(10, 50)),
            data_seed=i,
            init_seed=i + 100,
            learning_rate=float(rng.uniform(1e-3, 1e-2)),
            weight_decay=float(rng.uniform(0, 2)),
            warmup_steps=int(rng.integers(0, 20)),
            decay_fraction=float(rng.uniform(0, 1)),
            regime="memorising" if i % 2 else "natural",
            label_seed=i if i % 2 else None,
            num_steps=200,
        )
        for i in range(32)
    ]


def test_a_member_is_the_same_alone_and_among_32_others():
    one = run_settings(dataset_size=13, data_seed=7, init_seed=7, weight_decay=1.5, num_steps=200)
    (alone,) = train([one])
    together = train([*crowd(), one])[-1]
    assert list(alone.history) == list(together.history)
    assert alone.history["train_loss"].iloc[-1] < 0.5 * alone.history["train_loss"].iloc[0]
    np.testing.assert_allclose(alone.history, together.history, rtol=1e-4, atol=1e-4)
    for name, value in alone.weights.items():
        np.testing.assert_allclose(value, together.weights[name], rtol=1e-4, atol=1e-4)


def test_members_follow_their_own_hyperparameters():
    runs = [run_settings(weight_decay=decay, num_steps=200) for decay in (0.0, 5.0)]
    free, decayed = train(runs)
    assert decayed.history["norm"].iloc[-1] < 0.8 * free.history["norm"].iloc[-1]


def test_the_engine_follows_a_textbook_step_with_torchs_adamw():
    from efficiency import networks

    run = run_settings(weight_decay=1.0, num_steps=200, warmup_steps=0, learning_rate=3e-3)
    (trained,) = train([run])
    network = networks.network(run.task, run.network)
    network.load_state_dict(ensemble.initial_weights(run))
    data = ensemble.stack_data([run], torch.device("cpu"))
    tokens = networks.tokens(("a", "b", 7), *data.inputs_KDI[0].unbind(-1))
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=1.0
    )
    losses = []
    for _ in range(200):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(tokens).double(), data.labels_KDA[0, :, 0])
        losses.append(float(loss.detach()))
        loss.backward()
        optimiser.step()
    recorded = trained.history.set_index("step")["train_loss"]
    inside = recorded[recorded.index < 200]
    np.testing.assert_allclose(inside, [losses[step] for step in inside.index], rtol=1e-4)
    norm = np.sqrt(sum(float(p.detach().square().sum()) for p in network.parameters()))
    assert trained.history["norm"].iloc[-1] == pytest.approx(norm, rel=1e-4)


def test_the_same_command_twice_gives_the_same_bits():
    first, second = train(crowd()[:8]), train(crowd()[:8])
    for one, other in zip(first, second, strict=True):
        assert one.history.equals(other.history)
        assert all((value == other.weights[name]).all() for name, value in one.weights.items())


@pytest.mark.parametrize("seed", ["data_seed", "init_seed", "label_seed"])
def test_every_seed_decides_the_result(seed):
    base = {"regime": "memorising", "label_seed": 0}
    one, other = train([run_settings(**base), run_settings(**(base | {seed: 1}))])
    assert one.history["train_loss"].iloc[-1] != other.history["train_loss"].iloc[-1]


def test_masks_tell_removed_from_never_seen_along_the_whole_line_of_starts():
    first = run_settings(dataset_size=30)
    second = run_settings(dataset_size=20, start=first, init_seed=None)
    third = run_settings(dataset_size=10, start=second, init_seed=None)
    measured = ensemble.stack_measured([third], torch.device("cpu"))
    order = ensemble.tasks.order(49, 0)
    for part, expected in {
        "train": order[:10],
        "test": order[10:],
        "removed": order[10:30],
        "never_seen": order[30:],
    }.items():
        assert set(np.flatnonzero(measured.part_masks[part][0])) == set(expected), part


def test_a_network_without_a_start_has_nothing_removed():
    (trained,) = train([run_settings()])
    assert "test_accuracy" in trained.history
    assert not {"removed_accuracy", "never_seen_accuracy"} & set(trained.history)


def test_a_run_on_the_whole_table_has_no_test_columns():
    (trained,) = train([run_settings(dataset_size=49)])
    assert not [name for name in trained.history if name.startswith("test")]


def test_runs_of_different_shape_are_refused():
    other = run_settings(network=OneLayerTransformerSettings(d_model=4, num_heads=2, d_mlp=8))
    with pytest.raises(
        ValueError, match=r"differ in network\.d_model, network\.d_mlp, which they must share"
    ):
        Training([run_settings(), other], [None, None])


def test_a_start_must_be_given_if_and_only_if_it_is_named():
    child = run_settings(start=run_settings(), init_seed=None)
    with pytest.raises(ValueError, match="a run that continues another was not given weights"):
        Training([child], [None])


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda w: w.pop("W_E"), "W_E.*None.*needed"),
        (lambda w: w.update(W_E=w["W_E"][:3]), r"W_E.*\(3, 8\).*\(8, 8\)"),
        (lambda w: w.update(more=w["W_E"]), "more"),
    ],
)
def test_weights_that_do_not_fit_the_network_are_refused(harm, message):
    (parent,) = train([run_settings()])
    weights = dict(parent.weights)
    harm(weights)
    with pytest.raises(ValueError, match=message):
        train([run_settings(start=run_settings(), init_seed=None)], [weights])


@pytest.mark.parametrize(("runs", "starts"), [([], None), ([run_settings()], [])])
def test_runs_without_starts_to_match_are_refused(runs, starts):
    with pytest.raises(ValueError, match="give at least one run"):
        train(runs, starts)


@pytest.mark.parametrize("device", ["tpu", "cuda"])
def test_a_device_that_is_not_there_is_refused(device, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="device"):
        train([run_settings()], device=device)


def test_any_module_trains_in_ensembles_through_the_stacked_program(monkeypatch):
    from efficiency import networks

    runs = [run_settings(init_seed=i, weight_decay=i / 2, dataset_size=20 + i) for i in range(3)]
    table_form = train(runs)
    architecture = networks.ARCHITECTURES["one-layer-transformer"]
    plain = replace(
        architecture,
        program=lambda task, n: networks.StackedProgram(
            architecture.network(task, n), ["a", "b", 7]
        ),
    )
    monkeypatch.setitem(networks.ARCHITECTURES, "one-layer-transformer", plain)
    for one, other in zip(table_form, train(runs), strict=True):
        np.testing.assert_allclose(one.history, other.history, rtol=1e-3, atol=1e-4)


@hypothesis_settings(max_examples=10)
@given(st.integers(0, 40), st.lists(st.integers(1, 30), max_size=4))
def test_going_on_from_a_saved_state_gives_the_same_bits(stop, pieces):
    runs = [run_settings(init_seed=i) for i in range(3)]
    whole = train(runs)
    halted = Training(runs, [None] * 3)
    halted.advance(stop)
    resumed = Training(runs, [None] * 3)
    resumed.restore(halted.state())
    for piece in [*pieces, 40]:
        resumed.advance(piece)
    for one, other in zip(whole, resumed.results(), strict=True):
        assert one.history.equals(other.history)
        assert all((value == other.weights[name]).all() for name, value in one.weights.items())


def test_results_are_not_to_be_had_before_the_end():
    training = Training([run_settings()], [None])
    with pytest.raises(ValueError, match="only 0 of 40 steps"):
        training.results()


def test_a_continued_run_begins_with_the_weights_of_its_start():
    (parent,) = train([run_settings(dataset_size=49)])
    child = run_settings(start=run_settings(dataset_size=49), init_seed=None, num_steps=8)
    (trained,) = train([child], [parent.weights])
    assert trained.history["norm"].iloc[0] == parent.history["norm"].iloc[-1]


def test_float64_networks_train_in_float64():
    network = OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=12, precision="float64")
    double, single = (
        train([run_settings(network=n)])[0] for n in (network, run_settings().network)
    )
    assert double.weights["W_E"].dtype == np.float64
    assert single.weights["W_E"].dtype == np.float32
    np.testing.assert_allclose(double.history, single.history, rtol=1e-2, atol=1e-2)


def test_a_large_table_is_measured_in_chunks_with_the_same_result(monkeypatch):
    from efficiency.engines import measuring

    runs = [run_settings(init_seed=i) for i in range(5)]
    whole = train(runs, engine="stacked")
    monkeypatch.setattr(measuring, "RECORDING_BYTES", 2 * 8 * 49 * 60)
    chunked = train(runs, engine="stacked")
    for one, other in zip(whole, chunked, strict=True):
        np.testing.assert_allclose(one.history, other.history, rtol=1e-5, atol=1e-6)


def test_other_operations_train_too():
    tasks = [("division", 7), ("composition", 3), ("multiplication", 7), ("subtraction", 7)]
    for operation, size in tasks:
        task = TaskSettings(operation=operation, size=size)
        run = run_settings(task=task, dataset_size=30, num_steps=800, learning_rate=3e-3)
        (trained,) = train([run])
        assert trained.history["train_accuracy"].iloc[-1] > 0.9, operation


def test_a_state_of_another_ensemble_is_refused_by_name():
    training = Training([run_settings()], [None])
    state = dict(training.state())
    for wrong in (state | {"weights": state["weights"][..., :1]}, {"step": state["step"]}):
        with pytest.raises(ValueError, match="weights of shape"):
            training.restore(wrong)
