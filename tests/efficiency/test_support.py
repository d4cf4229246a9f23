"""What an engine does not know it refuses; what may differ within an ensemble is declared."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from efficiency import engines
from efficiency.engines import CompiledEngine, LayeredEngine, StackedEngine
from efficiency.engines.support import unsupported
from efficiency.networks import ARCHITECTURES
from efficiency.settings import (
    MLPSettings,
    OneLayerTransformerSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TransformerSettings,
    leaves,
)
from efficiency.training.ensemble import _FREE, _FREE_IF_GIVEN, pack, shape_key, unlike
from tests.build import compiled_only, run_settings

ENGINES = [CompiledEngine, StackedEngine]


class Clipped(OptimiserSettings):
    gradient_clip: int | None = None


class Rare(RecordingSettings):
    thinning: int | None = None


class Gated(OneLayerTransformerSettings):
    gate: int | None = None


class GatedMLP(MLPSettings):
    gate: int | None = None


class GatedTransformer(TransformerSettings):
    num_layers: int = 1
    normalisation: Literal["none", "pre", "post"] = "none"
    biases: bool = True
    positions: Literal["learned", "sinusoidal"] = "learned"
    prompt: Literal["a b =", "a o b ="] = "a b ="
    gate: int | None = None


class Longer(RunSettings):
    ensemble_average: int | None = Field(default=None)


def with_unknown(value):
    """Return runs, each with one field that no engine has ever heard of, set to ``value``."""
    plain = run_settings()
    parts = dict(plain)
    more = {
        "optimiser.gradient_clip": {
            "optimiser": Clipped(**dict(plain.optimiser), gradient_clip=value)
        },
        "recording.thinning": {"recording": Rare(**dict(plain.recording), thinning=value)},
        "network.gate": {"network": Gated(d_model=8, num_heads=2, d_mlp=12, gate=value)},
    }
    found = {path: RunSettings(**(parts | changes)) for path, changes in more.items()}
    found["ensemble_average"] = Longer(**parts, ensemble_average=value)
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", list(with_unknown(None)))
def test_a_setting_that_no_engine_knows_is_refused_and_its_absence_is_not(engine, path):
    given = with_unknown(3)[path]
    assert f"does not know the setting {path} (given: 3)" in engine.unfit(given, "cpu")
    assert engine.unfit(with_unknown(None)[path], "cpu") is None
    with pytest.raises(ValueError, match=f"does not know the setting {path}"):
        engines.choose("auto", given, "cpu")


@pytest.mark.parametrize(
    "engine", [pytest.param(LayeredEngine, marks=compiled_only), StackedEngine]
)
@pytest.mark.parametrize("network", [GatedMLP, GatedTransformer])
def test_a_setting_that_an_architecture_does_not_know_is_refused(engine, network):
    run = run_settings(network=network(d_model=8, d_mlp=12, gate=1))
    assert "network.gate (given: 1)" in engine.unfit(run, "cpu")
    assert engine.unfit(run_settings(network=network(d_model=8, d_mlp=12)), "cpu") is None


@compiled_only
@pytest.mark.parametrize("path", list(with_unknown(None)))
def test_the_layered_engine_refuses_what_it_does_not_know(path):
    network = MLPSettings(d_model=8, d_mlp=12)
    for value, refused in ((3, True), (None, False)):
        run = with_unknown(value)[path]
        if path != "network.gate":
            run = run.model_copy(update={"network": network})
        reason = LayeredEngine.unfit(run, "cpu")
        assert (reason is not None) == (refused or path == "network.gate")
        if refused:
            assert f"does not know the setting {path} (given: 3)" in reason


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "misspelt",
    [
        {"optimiser": {"learning_rte": 1e-3}},
        {"network": {"architecture": "mlp", "d_modl": 8}},
        {"lss": "plain"},
    ],
)
def test_a_misspelt_setting_never_reaches_an_engine(engine, misspelt):
    with pytest.raises(ValueError, match=r"there is no (learning_rte|d_modl|lss); did you mean"):
        run_settings().model_copy(update=misspelt)


@pytest.mark.parametrize(
    ("engine", "changes", "message"),
    [
        (CompiledEngine, {"loss": "plain"}, "loss is 'plain', it knows 'log-odds' and 'stablemax'"),
        (CompiledEngine, {"network": MLPSettings(d_model=8, d_mlp=8)}, "architecture is 'mlp'"),
        (
            CompiledEngine,
            {"network": TransformerSettings(d_model=8, num_heads=2, d_mlp=8)},
            "num_layers is 2, it knows 1",
        ),
        (
            CompiledEngine,
            {
                "network": GatedTransformer(d_model=8, num_heads=2, d_mlp=8, dropout=0.1),
                "noise_seed": 0,
            },
            "dropout is 0.1, it knows 0.0",
        ),
        (
            CompiledEngine,
            {"network": OneLayerTransformerSettings(d_model=8, num_heads=2, precision="float64")},
            "precision is 'float64', it knows 'float32'",
        ),
        (
            LayeredEngine,
            {"network": MLPSettings(d_model=8, d_mlp=8), "loss": "plain"},
            "loss is 'plain', it knows 'log-odds' and 'stablemax'",
        ),
        (
            LayeredEngine,
            {"network": MLPSettings(d_model=8, d_mlp=8, precision="float64")},
            "precision is 'float64', it knows 'float32'",
        ),
        (LayeredEngine, {}, "'one-layer-transformer' is not written down as layers"),
        (
            StackedEngine,
            {"network": OneLayerTransformerSettings(d_model=8, num_heads=2, precision="tf32")},
            "'tf32', which needs a CUDA device",
        ),
    ],
)
def test_a_known_setting_that_an_engine_does_not_support_is_named(engine, changes, message):
    assert message in engine.unfit(run_settings(**changes), "cpu")


def test_every_setting_is_declared_by_the_engine_that_takes_everything():
    for network in (
        OneLayerTransformerSettings(),
        TransformerSettings(),
        MLPSettings(),
    ):
        run = run_settings(network=network)
        support = {
            **StackedEngine.SUPPORT,
            **{f"network.{name}": ... for name in ARCHITECTURES[network.architecture].knows},
        }
        assert {path for path, _ in leaves(run)} <= support.keys()
    assert unsupported(run_settings(), {}) is not None


def test_members_share_what_is_not_declared_free():
    one = run_settings()
    paths = {path for path, _ in leaves(one)}
    assert paths >= _FREE | _FREE_IF_GIVEN
    clipped, plain = (
        with_unknown(3)["optimiser.gradient_clip"],
        with_unknown(4)["optimiser.gradient_clip"],
    )
    assert unlike([clipped, plain]) == ["optimiser.gradient_clip"]
    assert shape_key(clipped) != shape_key(plain)
    assert [len(group) for group in pack([clipped, plain])] == [1, 1]
    assert unlike([one, run_settings(dataset_size=30, learning_rate=1e-3, weight_decay=0.1)]) == []
    assert unlike([one, run_settings(beta2=0.9)]) == ["optimiser.beta2"]
