"""What every engine must do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from efficiency import engines
from efficiency.engines import Engine
from efficiency.settings import MLPSettings, NetworkSettings, OptimiserSettings, RunSettings
from efficiency.training.loop import Trained, Training, Weights
from efficiency.training.losses import LOSSES
from predictions.testing.parts import short

Changes = dict[str, Any]
"""Settings by their path, like ``optimiser.beta1``, and another value for each."""

_SEED: Changes = {"noise_seed": 0}

_WAYS: dict[str, list[Changes]] = {
    "optimiser.learning_rate": [{"optimiser.learning_rate": 3e-3}],
    "optimiser.weight_decay": [{"optimiser.weight_decay": 5.0}],
    "optimiser.beta1": [{"optimiser.beta1": 0.5}],
    "optimiser.beta2": [{"optimiser.beta2": 0.5}],
    "optimiser.epsilon": [{"optimiser.epsilon": 0.03}],
    "optimiser.method": [{"optimiser.method": "gradient-descent"}],
    "optimiser.warmup_steps": [{"optimiser.warmup_steps": 9}],
    "optimiser.decay_fraction": [{"optimiser.decay_fraction": 0.8}],
    "optimiser.norm_factor": [{"optimiser.norm_factor": 1.5, "optimiser.weight_decay": 0.0}],
    "optimiser.decay_form": [{"optimiser.decay_form": "l2"}],
    "optimiser.decay_target": [{"optimiser.decay_target": "initial"}],
    "optimiser.orthogonal_gradient": [
        {"optimiser.orthogonal_gradient": which, "optimiser.weight_decay": 0.0}
        for which in ("whole", "each")
    ],
    "optimiser.batch_size": [{"optimiser.batch_size": 5, **_SEED}],
    "optimiser.update_noise": [{"optimiser.update_noise": 0.3, **_SEED}],
    "optimiser.weight_noise": [{"optimiser.weight_noise": 0.3, **_SEED}],
    "optimiser.embedding_learning_rate": [{"optimiser.embedding_learning_rate": 3e-3}],
    "optimiser.embedding_weight_decay": [{"optimiser.embedding_weight_decay": 5.0}],
    "network.dropout": [{"network.dropout": 0.3, **_SEED}],
    "network.precision": [{"network.precision": which} for which in ("float32", "float64")],
    "loss": [{"loss": which} for which in LOSSES],
    "regime": [
        {"regime": "memorising", "label_seed": 1},
        {"regime": "corrupted", "label_seed": 1, "num_corrupted": 4},
    ],
}
"""What changes training, case by case: an engine does what these say, or refuses them."""

_UNTIL_FITTED = 600
_FAST = OptimiserSettings(learning_rate=1e-2, weight_decay=0.0)
"""With these the small network that an engine is checked on fits its examples."""

_ONE_MOVE_IN = {"float64": 1e-6, "float32": 2e-3, "tf32": 2e-2}
"""How far two engines may be apart after some steps, by precision."""


def check_engine(name: str, network: NetworkSettings | None = None, device: str = "cpu") -> None:
    """Check that an engine trains as ours do, whatever it trains beside, and goes on exactly.

    Every setting that its ``SUPPORT`` takes is tried, and all that is recorded and the final
    weights compared with those of the stacked engine: in float64 where it takes that, else as
    closely as rounding allows.

    Args:
        name: Its name, or ``mymodule:MyEngine``.
        network: What it is asked to train; default: an MLP.
        device: ``cpu`` or ``cuda``.
    """
    engine = engines.ENGINES.find(name)
    small = MLPSettings(d_model=8, d_mlp=12) if network is None else network
    run = short(network=small, num_steps=12)
    exact = _changed(run, {"network.precision": "float64"})
    if exact is not None and engine.unfit(exact, device) is None:
        run = exact
    assert (why := engine.unfit(run, device)) is None, f"{name} cannot train {small}: {why}"
    _check_costs(engine, name, run)
    _check_company(name, run, device)
    _check_going_on(name, run, device)
    _check_continuing(name, run, device)
    for path in engine.SUPPORT:
        trains = path.startswith("optimiser.") or path in ("loss", "network.dropout")
        assert path in _WAYS or not trains, (
            f"{name} takes {path}, which nothing here tries; add a test of yours and leave it out "
            "of the SUPPORT that you check"
        )
    for path, cases in _WAYS.items():
        for changes in cases:
            other = _changed(run, changes)
            if other is not None and engine.unfit(other, device) is None:
                what = ", ".join(f"{key} {value!r}" for key, value in changes.items())
                _check_alike(
                    f"{name} and the stacked engine ({path}: {what})",
                    _trained(name, [other], device),
                    _trained("stacked", [other], device),
                    other,
                )


def _changed(run: RunSettings, changes: Changes) -> RunSettings | None:
    """Return a run with other settings, ``None`` if there is none."""
    document = run.model_dump()
    for path, value in changes.items():
        *rooms, last = path.split(".")
        held = document
        for room in rooms:
            held = held[room]
        if rooms == ["network"] and last not in type(run.network).model_fields:
            return None
        held[last] = value
    try:
        return RunSettings.model_validate(document)
    except ValidationError:
        return None


def _trained(
    name: str,
    runs: Sequence[RunSettings],
    device: str,
    starts: Sequence[Weights | None] | None = None,
) -> list[Trained]:
    training = Training(runs, starts or [None] * len(runs), device, engine=name)
    training.advance(training.num_steps)
    return list(training.results())


def _check_company(name: str, run: RunSettings, device: str) -> None:
    """Check runs of one ensemble that differ in all in which they may."""
    optimiser = OptimiserSettings(
        learning_rate=2e-3, weight_decay=3.0, warmup_steps=5, decay_fraction=0.5
    )
    changes = {"data_seed": 1, "init_seed": 2, "dataset_size": 9, "optimiser": optimiser}
    both = [run, run.model_copy(update=changes)]
    together = _trained(name, both, device)
    alone = [_trained(name, [one], device)[0] for one in both]
    _check_alike(f"{name}: runs alone and beside each other", together, alone, run)
    ours = _trained("stacked", both, device)
    _check_alike(f"{name} and the stacked engine", together, ours, run)


def _check_continuing(name: str, run: RunSettings, device: str) -> None:
    """Check what goes on from another run: begun, and one that has long fitted its examples.

    In the latter, gradients are tiny and a loss that is not accurate for fitted examples shows.
    """
    long = run.model_copy(update={"num_steps": _UNTIL_FITTED, "optimiser": _FAST})
    for first, how in ((run, "going on from another run"), (long, "going on where all fits")):
        (ended,) = _trained("stacked", [first], device)
        more = run.model_copy(update={"start": first, "init_seed": None, "dataset_size": 7})
        found, ours = (_trained(one, [more], device, [ended.weights]) for one in (name, "stacked"))
        _check_alike(f"{name} and the stacked engine ({how})", found, ours, run)


def _check_going_on(name: str, run: RunSettings, device: str) -> None:
    """Check that what is interrupted and restored ends as if it had not been."""
    (whole,) = _trained(name, [run], device)
    training = Training([run], [None], device, engine=name)
    training.advance(run.num_steps // 3)
    state = {key: np.array(value) for key, value in training.state().items()}
    again = Training([run], [None], device, engine=name)
    again.restore(state)
    again.advance(again.num_steps)
    (resumed,) = again.results()
    for weight, value in whole.weights.items():
        assert np.array_equal(value, resumed.weights[weight]), (
            f"{name}: {weight} ends otherwise when training is interrupted and goes on from its "
            "state; what training changes must be in state()"
        )
    for first, then in ((name, "stacked"), ("stacked", name)):
        begun = Training([run], [None], device, engine=first)
        begun.advance(run.num_steps // 3)
        other = Training([run], [None], device, engine=then)
        other.restore({key: np.array(value) for key, value in begun.state().items()})
        other.advance(other.num_steps)
        _check_alike(f"begun by {first}, gone on with by {then}", [*other.results()], [whole], run)


def _check_alike(
    what: str, found: Sequence[Trained], wanted: Sequence[Trained], run: RunSettings
) -> None:
    most = _ONE_MOVE_IN[str(run.network.precision)]
    for one, other in zip(found, wanted, strict=True):
        assert list(one.history) == list(other.history), f"{what}: other things are recorded"
        for column in other.history:
            a, b = (x.history[column].to_numpy(dtype=float) for x in (one, other))
            # One example that is right here and wrong there is a matter of rounding.
            allowed = 0.2 if str(column).endswith("_accuracy") and most > 1e-5 else most
            _check_close(f"{what}: {column}", a, b, allowed)
        for name, value in other.weights.items():
            # By their mean square: where a gradient is all rounding, Adam's step has any sign.
            scale = math.sqrt(float(np.mean(np.square(value))) + 1e-6)
            apart = math.sqrt(float(np.mean(np.square(one.weights[name] - value))))
            assert apart <= 5 * most * scale, f"{what}: {name} ends {apart:.2g} apart"


def _check_close(what: str, a: np.ndarray, b: np.ndarray, most: float) -> None:
    assert np.array_equal(np.isfinite(a), np.isfinite(b)), f"{what} is finite in one of both alone"
    known = np.isfinite(b)
    if known.any():
        apart = np.abs(a - b)[known] / max(1.0, float(np.abs(b[known]).max()))
        k = int(apart.argmax())
        assert apart[k] <= most, f"{what} differs: {a[known][k]:.6g} and {b[known][k]:.6g}"


def _check_costs(engine: type[Engine], name: str, run: RunSettings) -> None:
    for what, value in (
        ("flops_per_step", engine.COST.flops_per_step(run)),
        ("seconds", engine.COST.seconds([run])),
        ("member_bytes", engine.COST.member_bytes(run, run.dataset_size)),
    ):
        assert math.isfinite(value), f"{name}: COST.{what} is {value}"
        assert value > 0, f"{name}: COST.{what} is {value}"
