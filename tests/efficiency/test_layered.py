"""Networks written down as layers: trained as their forward says, or refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from efficiency import engines, networks, train
from efficiency.engines import layered
from efficiency.networks import MLP, Layers
from efficiency.settings import (
    DigitAdditionSettings,
    MLPSettings,
    RecordingSettings,
    RepeatedSubsequenceSettings,
    SequenceTransformerSettings,
    SkipTrigramSettings,
    TaskSettings,
    TransformerSettings,
)
from tests.build import CHOICES, PLAIN, SMALL, compiled_only, run_settings

LAYERED = {
    "two layers": SMALL,
    "three layers, normalised before": TransformerSettings(
        d_model=12,
        num_heads=3,
        d_mlp=20,
        num_layers=3,
        normalisation="pre",
        biases=True,
        positions="learned",
        prompt="a b =",
    ),
    "one layer": PLAIN,
    "MLP": MLPSettings(d_model=8, d_mlp=12),
    "deep MLP": MLPSettings(d_model=5, d_mlp=19, num_layers=3),
}


@compiled_only
@pytest.mark.parametrize("name", sorted(CHOICES))
@pytest.mark.parametrize("network", LAYERED)
def test_layers_train_as_the_network_does_with_every_choice(name, network):
    choices = dict(CHOICES[name])
    dropout = getattr(choices.pop("network", None), "dropout", 0.0)
    choices["network"] = LAYERED[network].model_copy(update={"dropout": dropout})
    if dropout:
        choices["noise_seed"] = 3
    runs = [run_settings(**choices, dataset_size=D, init_seed=D) for D in (20, 31)]
    for one, other in zip(
        train(runs, engine="layered"), train(runs, engine="stacked"), strict=True
    ):
        early = one.history["step"] <= 10
        np.testing.assert_allclose(
            one.history[early], other.history[early], rtol=5e-4, atol=2e-4, equal_nan=True
        )
        assert list(one.weights) == list(other.weights)


@compiled_only
@pytest.mark.parametrize("threads", [1, 3])
def test_a_layered_member_is_the_same_to_the_last_bit_whoever_is_beside_it(threads):
    before = torch.get_num_threads()
    runs = [
        run_settings(**CHOICES["everything"], dataset_size=D, init_seed=D) for D in (10, 20, 31)
    ]
    (alone,) = train(runs[1:2], engine="layered")
    try:
        torch.set_num_threads(threads)
        among = train(runs, engine="layered")[1]
    finally:
        torch.set_num_threads(before)
    assert alone.history.equals(among.history)
    for name, value in alone.weights.items():
        assert (value == among.weights[name]).all()


@compiled_only
def test_a_dropped_share_is_dropped_and_only_in_training():
    network = MLPSettings(d_model=8, d_mlp=12, dropout=0.5)
    run = run_settings(network=network, noise_seed=1)
    whole = run_settings(network=network.model_copy(update={"dropout": 0.0}))
    for engine in ("layered", "stacked"):
        one, other = (train([r], engine=engine)[0].history for r in (run, whole))
        assert one["train_loss"].iloc[0] == other["train_loss"].iloc[0]
        assert abs(one["train_loss"].iloc[-1] - other["train_loss"].iloc[-1]) > 1e-3


@compiled_only
@pytest.mark.parametrize("batch_size", [None, 97])
@pytest.mark.parametrize("network", [SMALL, MLPSettings(d_model=8, d_mlp=12, num_layers=2)])
def test_layers_train_alike_over_many_chunks_of_examples(network, batch_size):
    # The last minibatch is a short one, and dropout counts examples from the first of them all.
    run = run_settings(
        task=TaskSettings(operation="addition", size=17),
        network=network.model_copy(update={"dropout": 0.2}),
        dataset_size=231,
        batch_size=batch_size,
        noise_seed=4,
        num_steps=12,
    )
    one, other = (train([run], engine=engine)[0].history for engine in ("layered", "stacked"))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4, equal_nan=True)


SEQUENCES = {
    "induction": RepeatedSubsequenceSettings(
        vocabulary=9, num_repeated=5, num_positions=17, num_drawn=150, draw_seed=0
    ),
    "induction, the last token": RepeatedSubsequenceSettings(
        vocabulary=9, num_repeated=5, num_positions=17, num_drawn=150, draw_seed=0, num_asked=1
    ),
    "digits": DigitAdditionSettings(num_digits=1),
    "skip trigrams": SkipTrigramSettings(num_positions=12, num_drawn=150, draw_seed=0),
}

WAYS = {
    "on all": {},
    "in minibatches, a part measured": {
        "batch_size": 32,
        "noise_seed": 3,
        "recording": RecordingSettings(num_log=2, num_even=16, most_examples=20),
    },
    "dropping": {"noise_seed": 1},
}
MEMORISING = {"regime": "memorising", "label_seed": 2}


@compiled_only
@pytest.mark.parametrize(
    ("task", "way"),
    [
        *((task, way) for task in SEQUENCES for way in WAYS.values()),
        ("skip trigrams", MEMORISING),
    ],
)
def test_layers_train_on_sequences_as_the_network_does(task, way):
    network = SequenceTransformerSettings(
        d_model=12,
        num_heads=3,
        num_layers=2,
        d_mlp=20,
        normalisation="none",
        positions="learned",
        dropout=0.3 if way == WAYS["dropping"] else 0.0,
    )
    runs = [
        run_settings(
            task=SEQUENCES[task],
            network=network,
            num_steps=12,
            init_seed=seed,
            data_seed=seed,
            dataset_size=50 + 20 * seed,
            **way,
        )
        for seed in range(2)
    ]
    for one, other in zip(
        train(runs, engine="layered"), train(runs, engine="stacked"), strict=True
    ):
        assert list(one.history) == list(other.history)
        np.testing.assert_allclose(one.history, other.history, rtol=5e-4, atol=2e-4, equal_nan=True)


class Unwritten(MLP):
    """An MLP that does not say which layers it has."""

    def write_down(self, layers):
        return False


class Wrong(MLP):
    """An MLP that says that it has no ReLU."""

    def write_down(self, layers):
        embedded = layers.embed("W_E", 7, flat=True)
        hidden = layers.linear(embedded, "hidden.0.W_in", 11, bias="hidden.0.b_in")
        layers.linear(hidden, "W_U", 7, bias="b_U")
        return True


class Undropped(MLP):
    """An MLP that does not say where it drops."""

    def write_down(self, layers):
        layers.drop = lambda read: read
        return super().write_down(layers)


class Failing(MLP):
    """An MLP that fails as it writes itself down."""

    def write_down(self, layers):
        layers.linear(layers.embed("W_E", self.no_such_thing), "W_U", 7)
        return True


class TwoRows(MLP):
    """An MLP that says it has two rows of logits."""

    def write_down(self, layers):
        layers.linear(layers.embed("W_E", 8), "W_U", 7, last=2)
        return True


def of_kind(kind: type[MLP]) -> networks.Architecture:
    def network(task, n):
        S = task.num_classes
        return kind(num_symbols=S, num_layers=n.num_layers, d_model=n.d_model, d_mlp=n.d_mlp)

    return dataclasses.replace(networks.ARCHITECTURES["mlp"], network=network)


@pytest.fixture
def as_written(monkeypatch):
    """Let the MLP be of another class for one test."""
    caches = (networks.written_down, layered._wrongly_written)

    def become(kind: type[MLP]) -> None:
        monkeypatch.setitem(networks.ARCHITECTURES, "mlp", of_kind(kind))
        for cache in caches:
            cache.cache_clear()

    yield become
    for cache in caches:
        cache.cache_clear()


@compiled_only
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Unwritten, "'mlp' is not written down as layers"),
        (Wrong, "the loss of a small network came out as|the gradient of .* came out wrong"),
        (Undropped, "the largest loss of two updates came out as"),
        (Failing, r"'mlp' fails as it writes itself down \(AttributeError"),
        (TwoRows, "a network ends with one row of logits"),
    ],
)
def test_a_network_that_is_not_or_wrongly_written_down_is_trained_by_tensor_operations(
    as_written, kind, message, caplog
):
    drops = {"dropout": 0.2} if kind is Undropped else {}
    network = MLPSettings(d_model=7, d_mlp=11, **drops)
    run = run_settings(network=network, noise_seed=1 if drops else None)
    assert engines.choose("auto", run, "cpu") == "layered"
    as_written(kind)
    assert engines.choose("auto", run, "cpu") == "stacked"
    with pytest.raises(ValueError, match=message):
        engines.choose("layered", run, "cpu")
    assert ("writes down is not what its forward computes" in caplog.text) == (
        kind is not Unwritten
    )


EMBEDDED = {"W_E": (9, 6), "W": (6, 6), "b": (6,), "W_U": (6, 7)}


@pytest.mark.parametrize(
    ("write", "shapes", "message"),
    [
        (lambda n, x: n.linear(x, "W_U", 7, last=True), {"W_E": (9, 5)}, "W_E to be .9, 6."),
        (lambda n, x: n.linear(x, "W_U", 7, last=True), {"W_E": (8, 6)}, "W_E to be .9, 6."),
        (lambda n, x: n.linear(x, "W_U", 7, last=True), {"W_U": (6, 8)}, "W_U to be .6, 7."),
        (lambda n, x: n.linear(x, "W_U", 7, last=True, bias="b"), {}, "b to be .7,."),
        (lambda n, x: n.linear(x, "Q", 7, last=True), {}, "Q .* it is no parameter of the"),
        (lambda n, x: n.linear(n.norm(x, "b", "W"), "W_U", 7, last=True), {}, "W to be .6,."),
        (lambda n, x: n.linear(x, "W_U", 7), {}, "one row of logits"),
        (lambda n, x: n.linear(x, "W", 6, last=True), {}, "a linear layer of 7 columns"),
        (lambda n, x: n.drop(n.linear(x, "W_U", 7, last=True)), {}, "a linear layer of 7 columns"),
    ],
)
def test_what_does_not_go_with_the_parameters_never_reaches_the_code(write, shapes, message):
    layers = Layers(("a", 8, "b"))
    write(layers, layers.embed("W_E", 6))
    with pytest.raises(ValueError, match=message):
        layered.described(layers.written(), EMBEDDED | shapes, 7, 0.0)


def test_positions_that_do_not_go_with_the_tokens_never_reach_the_code():
    layers = Layers(("a", 8, "b"))
    layers.linear(layers.embed("W_E", 6, positions=torch.zeros(4, 6)), "W_U", 7, last=True)
    with pytest.raises(ValueError, match=r"positions are \(4, 6\), they must be \(3, 6\)"):
        layered.described(layers.written(), EMBEDDED, 7, 0.0)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda n, x: n.attend(x, n.linear(x, "W", 4), x, 2), "must be of one width"),
        (
            lambda n, x: n.attend(
                x, n.linear(x, "W", 6, last=True), n.linear(x, "W", 6, last=True), 2
            ),
            "3 queries cannot attend to 1 positions",
        ),
        (lambda n, x: n.add(x, n.linear(x, "W", 4)), "6 and 4 columns cannot be added"),
        (lambda n, x: n.attend(x, x, x, 4), "4 heads do not divide a width of 6"),
        (lambda n, x: n.embed("W_E", 6), "embeds its tokens once"),
    ],
)
def test_layers_that_do_not_fit_are_refused_as_they_are_written(write, message):
    network = Layers(("a", "b", 7))
    with pytest.raises(ValueError, match=message):
        write(network, network.embed("W_E", 6))
