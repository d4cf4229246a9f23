"""What every engine must do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from efficiency import engines
from efficiency.settings import RunSettings
from efficiency.training.loop import Trained, Training
from predictions.testing.parts import short

_MOST = 0.01
"""Part of a loss or a norm by which two engines may differ after a few steps in float32."""

_WAYS: dict[str, dict[str, Any]] = {
    "loss": {"loss": "stablemax"},
    "batch_size": {"optimiser": {"batch_size": 5}, "noise_seed": 0},
    "method": {"optimiser": {"method": "gradient-descent"}},
    "decay_form": {"optimiser": {"decay_form": "l2"}},
    "decay_target": {"optimiser": {"decay_target": "initial"}},
    "norm_factor": {"optimiser": {"norm_factor": 1.5, "weight_decay": 0.0}},
    "orthogonal_gradient": {"optimiser": {"orthogonal_gradient": "whole", "weight_decay": 0.0}},
    "warmup_steps": {"optimiser": {"warmup_steps": 20, "decay_fraction": 0.5}},
    "epsilon": {"optimiser": {"epsilon": 1e-3, "beta1": 0.5, "beta2": 0.9}},
}
"""Settings that change training: an engine does what they say, or refuses them."""


def check_engine(name: str, run: RunSettings | None = None) -> None:
    """Check that an engine trains as ours do, whatever it trains beside, and goes on exactly.

    Args:
        name: Its name, or ``mymodule:MyEngine``.
        run: What it is asked to train, a few steps of which must be enough to see it; default: a
            small MLP on a small table.
    """
    engine = engines.ENGINES.find(name)
    run = short() if run is None else run
    other = run.model_copy(update={"data_seed": run.data_seed + 1, "dataset_size": 9})
    assert (why := engine.unfit(run, "cpu")) is None, f"{name} cannot train it: {why}"
    _check_costs(name, run)
    first, second = _trained(name, run, other)
    for ours, theirs in zip(_trained("stacked", run, other), (first, second), strict=True):
        _check_alike(f"{name} and the stacked engine", theirs, ours)
    (alone,) = _trained(name, run)
    _check_alike(f"{name}: a run alone and beside another", alone, first)
    _check_going_on(name, run)
    for setting, changes in _WAYS.items():
        other_way = _changed(run, changes)
        if engine.unfit(other_way, "cpu") is None:
            (ours,), (theirs,) = _trained("stacked", other_way), _trained(name, other_way)
            _check_alike(f"{name} and the stacked engine, with another {setting},", theirs, ours)


def _changed(run: RunSettings, changes: dict[str, Any]) -> RunSettings:
    more = {"optimiser": run.optimiser.model_copy(update=changes.get("optimiser", {}))}
    return run.model_copy(update=changes | more)


def _trained(name: str, *runs: RunSettings) -> list[Trained]:
    training = Training(runs, [None] * len(runs), engine=name)
    training.advance(training.num_steps)
    return list(training.results())


def _check_alike(what: str, one: Trained, other: Trained) -> None:
    for quantity in ("train_loss", "norm"):
        a, b = one.history[quantity].to_numpy(), other.history[quantity].to_numpy()
        assert np.isfinite(a).all(), f"{what}: {quantity} is not finite"
        apart = np.abs(a - b) / np.abs(b).max()
        step = one.history["step"].iloc[int(apart.argmax())]
        assert apart.max() <= _MOST, (
            f"{what} differ: {quantity} is {a[apart.argmax()]:.6g} and {b[apart.argmax()]:.6g} at "
            f"step {step}"
        )


def _check_going_on(name: str, run: RunSettings) -> None:
    """Check that what is interrupted and restored ends as if it had not been."""
    (whole,) = _trained(name, run)
    training = Training([run], [None], engine=name)
    training.advance(run.num_steps // 3)
    state = {key: np.array(value) for key, value in training.state().items()}
    again = Training([run], [None], engine=name)
    again.restore(state)
    again.advance(again.num_steps)
    (resumed,) = again.results()
    for weight, value in whole.weights.items():
        assert np.array_equal(value, resumed.weights[weight]), (
            f"{name}: {weight} ends otherwise when training is interrupted and goes on from its "
            "state; what training changes must be in state()"
        )


def _check_costs(name: str, run: RunSettings) -> None:
    cost = engines.ENGINES.find(name).COST
    for what, value in (
        ("flops_per_step", cost.flops_per_step(run)),
        ("seconds", cost.seconds([run])),
        ("member_bytes", cost.member_bytes(run, run.dataset_size)),
    ):
        assert math.isfinite(value), f"{name}: COST.{what} is {value}"
        assert value > 0, f"{name}: COST.{what} is {value}"
