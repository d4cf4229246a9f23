"""Minibatches, dropout, noise, forms of decay: each does what it says, member by member."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency import Training, train
from efficiency.networks.program import StackedProgram
from efficiency.settings import MLPSettings
from efficiency.training import counter_random
from efficiency.training.ensemble import pack
from efficiency.training.minibatches import Minibatches
from tests.build import CHOICES, run_settings

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_a_member_alone_and_among_others_is_the_same(name):
    # Among others that differ in size, strength and seed, and are padded to each other.
    changes = CHOICES[name]
    mine = run_settings(**changes)
    seed = {"noise_seed": 99} if "noise_seed" in changes else {}
    others = [
        run_settings(**(changes | {"init_seed": 1} | seed)),
        run_settings(**(changes | {"dataset_size": 21, "data_seed": 5} | seed)),
        run_settings(**(changes | {"learning_rate": 2e-3})),
    ]
    (alone,) = train([mine], engine="stacked")
    among = train([*others[:2], mine, others[2]], engine="stacked")[2]
    np.testing.assert_allclose(alone.history, among.history, rtol=2e-3, atol=2e-4)
    (plain,) = train([run_settings()], engine="stacked")
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(alone.history, plain.history, rtol=2e-3, atol=2e-4)


@hypothesis_settings(max_examples=5, deadline=None)
@given(st.integers(0, 40), st.lists(st.integers(1, 30), max_size=3))
def test_going_on_from_a_saved_state_gives_the_same_bits_with_every_choice(stop, pieces):
    runs = [run_settings(**CHOICES["everything"], init_seed=i) for i in range(2)]
    whole = train(runs)
    halted = Training(runs, [None] * 2)
    halted.advance(stop)
    resumed = Training(runs, [None] * 2)
    resumed.restore({name: value.copy() for name, value in halted.state().items()})
    for piece in pieces:
        resumed.advance(piece)
    resumed.advance(resumed.num_steps)
    for one, other in zip(whole, resumed.results(), strict=True):
        assert one.history.equals(other.history)


@pytest.mark.parametrize("name", ["minibatches", "dropout", "weight noise", "update noise"])
def test_another_noise_seed_is_another_trajectory(name):
    one, other = train([run_settings(**(CHOICES[name] | {"noise_seed": seed})) for seed in (0, 1)])
    first, last = ([h["train_loss"].iloc[i] for h in (one.history, other.history)] for i in (0, -1))
    assert first[0] == pytest.approx(first[1])
    assert last[0] != pytest.approx(last[1])


@given(
    st.lists(st.tuples(st.integers(2, 40), st.integers(1, 39)), min_size=1, max_size=4),
    st.integers(0, 2**63 - 1),
    st.integers(0, 50),
)
def test_an_epoch_shows_every_example_once(sizes, seed, epoch):
    runs = [
        run_settings(dataset_size=D, batch_size=min(B, D - 1), noise_seed=seed) for D, B in sizes
    ]
    batches = Minibatches(runs, counter_random.seeds([seed] * len(runs), CPU))
    for k, run in enumerate(runs):
        D, B = run.dataset_size, run.optimiser.batch_size
        number = -(-D // B)
        seen = []
        for step in range(number * epoch, number * (epoch + 1)):
            chosen, weight = batches.at(torch.tensor(step))
            kept = chosen[k][weight[k] > 0].tolist()
            assert len(kept) == min(B, D - B * (step % number))
            assert weight[k].sum() == pytest.approx(1)
            seen += kept
        assert sorted(seen) == list(range(D))


def test_epochs_differ_and_every_example_may_come_first():
    run = run_settings(dataset_size=6, batch_size=2, noise_seed=0)
    batches = Minibatches([run], counter_random.seeds([0], CPU))
    first = [int(batches.at(torch.tensor(3 * epoch))[0][0, 0]) for epoch in range(600)]
    counts = np.bincount(first, minlength=6)
    assert abs(counts - 100).max() < 5 * np.sqrt(100 * 5 / 6)


def test_dropout_drops_its_share_and_keeps_the_mean():
    class Identity(torch.nn.Module):
        def forward(self, tokens, drop):
            return drop(torch.ones(tokens.shape[0], 50) * self.W)

    module = Identity()
    module.W = torch.nn.Parameter(torch.ones(50))
    program = StackedProgram(module, ["a", "b"], dropout=0.3)
    tokens = program.prepare(torch.zeros(2, 400, 2, dtype=torch.int64))
    keys = counter_random.keys(counter_random.seeds([1, 2], CPU), "dropout", 0)
    parameters = {"W": torch.ones(2, 50)}
    logits, _ = program.logits_and_backward(parameters, tokens, keys)
    dropped = (logits == 0).double().mean((1, 2))
    error = 5 * np.sqrt(0.3 * 0.7 / 20_000)
    assert ((dropped - 0.3).abs() < error).all()
    torch.testing.assert_close(logits.max(), torch.tensor(1 / 0.7))
    assert (logits[0] != logits[1]).any()
    assert (program.logits(parameters, tokens) == 1).all()


def test_update_noise_alone_is_a_random_walk_of_its_size():
    # No gradient to speak of, no decay: what is left is noise of η·σ a step.
    run = run_settings(
        network=MLPSettings(d_model=16, d_mlp=64),
        learning_rate=1e-3,
        update_noise=30.0,
        weight_decay=0.0,
        warmup_steps=0,
        num_steps=100,
        noise_seed=0,
    )
    training = Training([run], [None])
    before = training.engine.weights.flat.clone()
    training.advance(100)
    moved = (training.engine.weights.flat - before).double()
    # AdamW itself moves a weight by at most about η a step, 0.1 in all; noise by 0.03·√100.
    assert float(moved.std()) == pytest.approx(0.03 * 10, rel=0.05)


def test_weight_noise_leaves_the_weights_where_they_are():
    quiet, noisy = (
        Training(
            [run_settings(learning_rate=1e-12, weight_decay=0.0, **changes)],
            [None],
            engine="stacked",
        )
        for changes in ({}, {"weight_noise": 0.1, "noise_seed": 0})
    )
    for training in (quiet, noisy):
        training.engine.advance(0, 1)
    torch.testing.assert_close(quiet.engine.weights.flat, noisy.engine.weights.flat)
    assert abs(float(noisy.engine.loss_peak_K[0] - quiet.engine.loss_peak_K[0])) > 1e-3


def test_decay_towards_the_start_ends_there_and_not_at_zero():
    # A gradient that is nothing beside the decay: ηλ = 0.5 a step, moments of tiny steps.
    changes = {"learning_rate": 1e-6, "weight_decay": 5e5, "warmup_steps": 0}
    home, zero = (
        Training([run_settings(**changes, decay_target=target)], [None])
        for target in ("initial", None)
    )
    start = home.engine.weights.flat.clone()
    for training in (home, zero):
        training.advance(40)
    torch.testing.assert_close(home.engine.weights.flat, start, rtol=0, atol=1e-4)
    assert zero.engine.weights.flat.abs().max() < 1e-4


def test_an_l2_penalty_is_adam_on_the_penalised_loss():
    from efficiency import networks

    run = run_settings(decay_form="l2", weight_decay=0.3, num_steps=15, warmup_steps=0)
    training = Training([run], [None], engine="stacked")
    network = networks.network(run.task, run.network)
    views = training.engine.weights.views
    network.load_state_dict({name: view[0].clone() for name, view in views.items()})
    adam = torch.optim.Adam(
        network.parameters(), lr=1e-2, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.3
    )
    data = training.engine._data
    tokens = networks.tokens(("a", "b", 7), *data.inputs_KDI[0].unbind(-1))
    for _ in range(15):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(network(tokens), data.labels_KDA[0, :, 0]).backward()
        adam.step()
    training.advance(15)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(views[name][0], parameter.detach(), rtol=1e-3, atol=1e-5)


def test_corrupted_examples_are_learned_and_told_apart():
    run = run_settings(
        dataset_size=40, regime="corrupted", num_corrupted=6, label_seed=0, num_steps=1500
    )
    compiled, stacked = train([run])[0].history, train([run], engine="stacked")[0].history
    for history in (compiled, stacked):
        last = history.iloc[-1]
        assert last["clean_accuracy"] == last["corrupted_accuracy"] == 1
        assert (
            34 * history["clean_accuracy"] + 6 * history["corrupted_accuracy"]
        ).to_numpy() == pytest.approx(40 * history["train_accuracy"].to_numpy())
    assert "clean_accuracy" not in train([run_settings()])[0].history


def test_runs_that_differ_in_what_they_do_do_not_share_an_ensemble():
    runs = [run_settings(**changes) for changes in ({}, *CHOICES.values())]
    assert all(len(group) == 1 for group in pack(runs))


def test_leaving_out_a_group_of_minibatch_runs_changes_no_other():
    runs = [
        run_settings(dataset_size=D, batch_size=B, noise_seed=0)
        for D, B in ((10, 7), (40, 7), (10, 7), (40, 3), (10, 3))
    ]

    def small(group):
        return sum(run.dataset_size for run in group) <= 25

    groups = pack(runs, fits=small)
    assert groups == [[4], [3], [0, 2], [1]]
    for left_out in groups:
        kept = [i for i in range(5) if i not in left_out]
        again = [[kept[i] for i in group] for group in pack([runs[i] for i in kept], fits=small)]
        assert again == [group for group in groups if group != left_out]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise_seed": 1}, "noise_seed = 1, and the run has none of"),
        ({"batch_size": 5}, "noise_seed = None, and the run has some of"),
        ({"batch_size": 20, "noise_seed": 0}, "batch_size = 20 is not below D = 20"),
        ({"update_noise": 0.0, "noise_seed": 0}, "greater than 0"),
        ({"decay_target": "initial", "weight_decay": 0.0}, "would have no effect"),
        ({"regime": "corrupted", "label_seed": 0}, "num_corrupted = None in the corrupted"),
        ({"num_corrupted": 3}, "num_corrupted = 3 in the natural"),
        (
            {"regime": "corrupted", "label_seed": 0, "num_corrupted": 21},
            "num_corrupted = 21 is outside 1 … D = 20",
        ),
        (
            {"network": {"architecture": "rnn"}},
            "choose from features-mlp, mlp, one-layer-transformer",
        ),
        ({"network": {"architecture": "mlp", "num_heads": 2}}, "num_heads"),
    ],
)
def test_choices_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=r"(?s)" + message):
        run_settings(**changes)


def test_documents_of_runs_without_the_choices_do_not_mention_them():
    document = run_settings().document()
    assert {"noise_seed", "num_corrupted"}.isdisjoint(document)
    assert {"batch_size", "update_noise", "weight_noise", "decay_form", "decay_target"}.isdisjoint(
        document["optimiser"]
    )
