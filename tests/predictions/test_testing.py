"""What we ask of other packages ours does, and what is wrong is seen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from efficiency import networks
from efficiency.engines import ENGINES, Engine, StackedEngine, choose, register
from efficiency.engines.support import ANY
from efficiency.measures import MEASURES, Measure
from efficiency.settings import (
    NETWORK_SETTINGS,
    MLPSettings,
    OneLayerTransformerSettings,
    RecordingSettings,
)
from efficiency.training.loop import train
from predictions import meaning
from predictions.cells import Run
from predictions.registry import PREDICTIONS
from predictions.testing import check_engine, check_network, check_operation, check_prediction
from tests.build import run_settings
from tests.predictions import planted
from tests.predictions.test_family import RECORDS


@pytest.mark.parametrize("name", ["composition", "division-or-subtraction", "addition"])
def test_our_operations_conform(name):
    check_operation(name, (3, 4) if name == "composition" else (5, 7))


@pytest.mark.parametrize("name", sorted(NETWORK_SETTINGS))
def test_our_networks_conform(name):
    check_network(name, **({"num_heads": 2} if "transformer" in name else {}))


@pytest.mark.parametrize("name", ["compiled", "layered"])
def test_our_engines_conform(name):
    small = OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=16)
    check_engine(name, small if name == "compiled" else None)


def hearing(change):
    """Return an engine that trains other runs than it is told to."""

    class Deaf(StackedEngine):
        def __init__(self, members, starts, device):
            super().__init__([change(run, members) for run in members], starts, device)

    return Deaf


def with_optimiser(run, **others):
    return run.model_copy(update={"optimiser": run.optimiser.model_copy(update=others)})


class Forgetful(StackedEngine):
    """Does not keep Adam's second moment when it is interrupted."""

    def state(self):
        return {name: value for name, value in super().state().items() if name != "second_moment"}


class Blind(StackedEngine):
    """Measures the loss and the norm, and guesses the rest."""

    def measure(self):
        found = super().measure()
        guessed = [name not in ("train_loss", "norm") for name in self.quantities]
        found[guessed] = 0.5
        return found


class Calm(StackedEngine):
    """Forgets spikes of the loss."""

    def advance(self, first_step, num_steps):
        super().advance(first_step, num_steps)
        self.loss_peak_K.zero_()


class Coarse(StackedEngine):
    """Rounds gradients, which shows only where examples are fitted."""

    def __init__(self, members, starts, device):
        super().__init__(members, starts, device)
        exact = self._loss

        def rounded(logits, labels):
            losses, gradient = exact(logits, labels)
            return losses, (gradient * 1e6).round() / 1e6

        self._loss = rounded


def undropped(run, members):
    if run.network.dropout_rate == 0:
        return run
    whole = run.network.model_copy(update={"dropout": 0.0})
    return run.model_copy(update={"network": whole, "noise_seed": None})


def as_the_first(run, members):
    return run.model_copy(update={"optimiser": members[0].optimiser})


def rate_times(run, factor):
    return with_optimiser(run, learning_rate=run.optimiser.learning_rate * factor)


@pytest.mark.parametrize(
    ("engine", "wrong"),
    [
        (Forgetful, "ends otherwise when training is interrupted"),
        (Blind, "stacked engine: .* differs: 0.5 and"),
        (Calm, "stacked engine: train_loss_peak differs"),
        (Coarse, "going on where all fits"),
        (hearing(lambda run, members: rate_times(run, len(members))), "alone and beside"),
        (
            hearing(
                lambda run, members: run.model_copy(update={"optimiser": members[0].optimiser})
            ),
            "alone and beside",
        ),
        (hearing(lambda run, members: with_optimiser(run, decay_target=None)), "decay_target"),
        (hearing(lambda run, members: with_optimiser(run, decay_form=None)), "decay_form"),
        (
            hearing(
                lambda run, members: (
                    with_optimiser(run, update_noise=1e-9) if run.optimiser.update_noise else run
                )
            ),
            "update_noise",
        ),
        (hearing(undropped), "network.dropout"),
        (
            hearing(lambda run, members: run.model_copy(update={"loss": "log-odds"})),
            "loss: loss 'stablemax'",
        ),
    ],
    ids=[
        *("forgets a moment", "measures little", "forgets spikes", "rounds", "depends on company"),
        *("hears the first alone", "decays to 0", "decays in its own way", "makes no noise"),
        *("drops nothing", "has one loss"),
    ],
)
def test_conformance_sees_what_is_wrong_with_an_engine(engine, wrong, monkeypatch):
    monkeypatch.setitem(ENGINES, "wrong", engine)
    with pytest.raises(AssertionError, match=wrong):
        check_engine("wrong")


def test_what_an_engine_takes_and_nothing_tries_is_told(monkeypatch):
    class More(StackedEngine):
        SUPPORT: ClassVar = {**StackedEngine.SUPPORT, "optimiser.momentum": ANY}

    monkeypatch.setitem(ENGINES, "wrong", More)
    with pytest.raises(
        AssertionError, match=r"takes optimiser\.momentum, which nothing here tries"
    ):
        check_engine("wrong")


def test_an_engine_that_does_not_name_dropout_is_given_none(monkeypatch):
    class Plain(StackedEngine):
        SUPPORT: ClassVar = {
            k: v for k, v in StackedEngine.SUPPORT.items() if k != "network.dropout"
        }

    dropping = run_settings(network=MLPSettings(d_model=8, d_mlp=16, dropout=0.5), noise_seed=0)
    assert Plain.unfit(dropping, "cpu") == "it does not drop activations (dropout given: 0.5)"
    assert StackedEngine.unfit(dropping, "cpu") is None


def test_a_name_of_a_module_is_an_engine_only_if_it_can_train(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_engines.py").write_text(
        "from efficiency.engines import Engine, StackedEngine\n"
        "class Half(Engine):\n    pass\n"
        "class Same(StackedEngine):\n    pass\n"
        "number = 3\n"
    )
    before = dict(ENGINES)
    try:
        found = train([run_settings(num_steps=4)], engine="mine_engines:Same")
        assert found[0].history["step"].iloc[-1] == 4
        # Of a run that none of ours can train, auto takes none of another package either.
        wide = run_settings(network=MLPSettings(d_model=8, d_mlp=16, precision="tf32"))
        monkeypatch.setattr(ENGINES["mine_engines:Same"], "unfit", lambda run, device: None)
        assert choose("mine_engines:Same", wide, "cpu") == "mine_engines:Same"
        with pytest.raises(ValueError, match="needs a CUDA device"):
            choose("auto", wide, "cpu")
        for name, why in (
            ("mine_engines:Half", "has no advance and no measure"),
            ("mine_engines:number", "must be a class that inherits from"),
            ("mine_engines:Sane", "did you mean 'Same'"),
        ):
            with pytest.raises(ValueError, match=why):
                train([run_settings(num_steps=4)], engine=name)
    finally:
        ENGINES.clear()
        ENGINES.update(before)
    for name, engine, why in (
        ("auto", StackedEngine, "cannot be called 'auto'"),
        ("half", Engine, "has no advance and no measure"),
        ("stacked", ENGINES["layered"], "there is another engine 'stacked'"),
    ):
        with pytest.raises(ValueError, match=why):
            register(name, engine)
    with pytest.raises(ValueError, match=r"unknown engine 'atuo'; did you mean 'auto'\?"):
        choose("atuo", run_settings(), "cpu")


def kept_everywhere() -> list[Run]:
    """Return runs of ungrokking in which nothing is ever forgotten."""
    return planted.ungrokked(
        np.random.default_rng(0), num_seeds=8, midpoints=dict.fromkeys(planted.seeds(8), 2.0)
    )


def test_our_predictions_conform():
    check_prediction(PREDICTIONS["ungrokking"], true=RECORDS["ungrokking"], false=kept_everywhere())


def test_conformance_sees_what_is_wrong(monkeypatch):
    claim, true, false = PREDICTIONS["ungrokking"], RECORDS["ungrokking"], kept_everywhere()
    with pytest.raises(AssertionError, match="planted refuted, found supported"):
        check_prediction(claim, true=true, false=true)
    usual = type(claim).cells
    with monkeypatch.context() as changed:
        changed.setattr(type(claim), "refutation", " ")
        with pytest.raises(AssertionError, match="no refutation"):
            check_prediction(claim, true=true, false=false)
    with monkeypatch.context() as changed:
        odd = iter(range(1000))
        changed.setattr(
            type(claim), "cells", lambda self, size, n=None: usual(self, size, 1 + next(odd) % 2)
        )
        with pytest.raises(AssertionError, match="asked twice, its runs differ"):
            check_prediction(claim, true=true, false=false)
    with monkeypatch.context() as changed:
        changed.setattr(
            type(claim),
            "cells",
            lambda self, size, n=None: usual(PREDICTIONS[self.name], size, n),
        )
        with pytest.raises(AssertionError, match="still asks seeds"):
            check_prediction(claim, true=true, false=false)
    with pytest.raises(AssertionError, match="no run is planted in which the claim is refuted"):
        check_prediction(claim, true=true, false=[])
    with pytest.raises(AssertionError, match="it does not ask for"):
        check_prediction(claim, true=RECORDS["efficiency"], false=false)


def test_conformance_sees_a_network_of_the_wrong_shape_or_that_mixes_members(monkeypatch):
    class Narrow(networks.MLP):
        def forward(self, tokens, drop=networks.base.keep_all):
            return super().forward(tokens, drop)[:, :-1]

    usual = networks.ARCHITECTURES["mlp"]
    narrow = replace(usual, network=lambda task, n: _mlp(Narrow, task, n))
    monkeypatch.setitem(networks.ARCHITECTURES, "mlp", narrow)
    with pytest.raises(AssertionError, match=r"logits are \(25, 4\), \(25, 5\) were expected"):
        check_network("mlp")

    class Mixing(networks.StackedProgram):
        def logits(self, parameters, examples):
            return super().logits(parameters, examples).flip(0)

    mixing = replace(usual, program=lambda task, n: Mixing(_mlp(networks.MLP, task, n), ("a", "b")))
    monkeypatch.setitem(networks.ARCHITECTURES, "mlp", mixing)
    with pytest.raises(AssertionError, match="computed together differ from each alone"):
        check_network("mlp")


def _mlp(kind, task, n):
    S = task.num_classes
    return kind(num_symbols=S, num_layers=n.num_layers, d_model=n.d_model, d_mlp=n.d_mlp)


def test_what_a_measure_or_a_parameter_was_is_kept_with_a_run(monkeypatch):
    measure = Measure(name="mine", label="Mine", read=lambda reading: 1.0)
    monkeypatch.setitem(MEASURES, "mine", measure)
    run = run_settings(recording=RecordingSettings(measures=("mine",)), network=MLPSettings())
    held = json.loads(json.dumps(meaning.definition(run)))
    assert meaning.changed_since(run, held) is None
    monkeypatch.setitem(MEASURES, "mine", replace(measure, read=lambda reading: 2.0))
    meaning.measure_probe.cache_clear()
    assert "the measure 'mine' was another one" in meaning.changed_since(run, held)
    monkeypatch.setitem(MEASURES, "mine", measure)
    meaning.measure_probe.cache_clear()

    class Biased(networks.MLP):
        def __init__(self, **sizes):
            super().__init__(**sizes)
            self.b_E = nn.Parameter(torch.zeros(sizes["d_model"]))

    biased = networks.ARCHITECTURES["mlp"]
    biased = replace(
        biased,
        network=lambda task, n: _mlp(Biased, task, n),
        program=lambda task, n: networks.StackedProgram(_mlp(Biased, task, n), ("a", "b")),
    )
    monkeypatch.setitem(networks.ARCHITECTURES, "mlp", biased)
    meaning.every_parameter.cache_clear()
    assert "the network 'mlp' was another one" in meaning.changed_since(run, held)
    meaning.every_parameter.cache_clear()
    del held["parameters"]  # as of runs from before it was kept
    assert meaning.changed_since(run, held) is None
