"""Small settings and records for tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest

from efficiency.engines.compiled import CODE
from efficiency.estimates import Estimate
from efficiency.settings import (
    MLPSettings,
    OneLayerTransformerSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
)
from efficiency.training.outcome import Outcome
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.ungrokking.cells import HELD_OUT, WHOLE

TASK = TaskSettings(operation="addition", size=7)
NETWORK = OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=12)
SMALL = TransformerSettings(d_model=8, num_heads=2, d_mlp=12)
CHOICES = {
    "minibatches": {"batch_size": 7, "noise_seed": 3},
    "dropout": {"network": SMALL.model_copy(update={"dropout": 0.2}), "noise_seed": 3},
    "dropout in an MLP": {
        "network": MLPSettings(d_model=8, d_mlp=12, dropout=0.2),
        "noise_seed": 3,
    },
    "weight noise": {"weight_noise": 0.02, "noise_seed": 3},
    "update noise": {"update_noise": 0.5, "noise_seed": 3},
    "l2": {"decay_form": "l2", "weight_decay": 0.1},
    "towards the start": {"decay_target": "initial", "weight_decay": 0.5},
    "l2 towards the start": {"decay_target": "initial", "decay_form": "l2", "weight_decay": 0.5},
    "gradient descent": {"method": "gradient-descent", "learning_rate": 0.1, "weight_decay": 0.01},
    "descent towards the start": {
        "method": "gradient-descent",
        "decay_target": "initial",
        "learning_rate": 0.1,
        "weight_decay": 0.5,
    },
    "orthogonal gradients": {"orthogonal_gradient": "each", "weight_decay": 0.0},
    "an orthogonal gradient": {"orthogonal_gradient": "whole", "weight_decay": 0.5},
    "stablemax": {"loss": "stablemax"},
    "two layers": {"network": SMALL},
    "everything": {
        "network": SMALL.model_copy(update={"dropout": 0.1, "normalisation": "pre"}),
        "batch_size": 9,
        "weight_noise": 0.01,
        "update_noise": 0.1,
        "decay_target": "initial",
        "noise_seed": 5,
    },
}
"""Ways to train, as arguments of ``run_settings``."""

PLAIN = TransformerSettings(
    d_model=16,
    num_heads=2,
    d_mlp=32,
    num_layers=1,
    normalisation="none",
    biases=True,
    positions="learned",
    prompt="a b =",
)
"""The one-layer transformer by the name of the family that it belongs to."""

RECORDING = RecordingSettings(num_log=4, num_even=20)

compiled_only = pytest.mark.skipif(
    CODE.problem() is not None, reason=f"no compiled engine here: {CODE.problem()}"
)


def run_settings(**changes: Any) -> RunSettings:
    """Return a tiny run that trains in milliseconds, with changes; optimiser fields by name."""
    optimiser = {k: changes.pop(k) for k in list(changes) if k in OptimiserSettings.model_fields}
    given = {
        "task": TASK,
        "network": NETWORK,
        "optimiser": OptimiserSettings(**({"learning_rate": 1e-2} | optimiser)),
        "dataset_size": 20,
        "data_seed": 0,
        "init_seed": 0,
        "num_steps": 40,
        "recording": RECORDING,
    }
    return RunSettings(**(given | changes))


def number(value: float, unit: str = "1") -> Estimate:
    return Estimate(value=value, low=value, high=value, n=10, unit=unit)


def start_run(
    seed: int,
    *,
    modulus: int = 31,
    held_out: int = 0,
    settled: bool = True,
    test_accuracy: float = 0.99,
) -> Run:
    """Return the record of a start network."""
    numbers = {"train_accuracy": number(1.0)}
    if held_out:
        numbers["test_accuracy"] = number(test_accuracy)
    settings = RunSettings(
        task=TaskSettings(operation="addition", size=modulus),
        network=NETWORK,
        dataset_size=modulus**2 - held_out,
        data_seed=seed,
        init_seed=seed,
        num_steps=100,
    )
    outcome = Outcome(
        status="settled" if settled else "not settled",
        reasons=() if settled else ("the norm still moved by +3.0%",),
        numbers=numbers,
    )
    arm = HELD_OUT if held_out else WHOLE
    return Run(cell=Cell(settings=settings, role="start", arm=arm), outcome=outcome)


def continued_run(
    start: Run,
    size: int,
    accuracy: float,
    *,
    weight_decay: float = 1.0,
    train_accuracy: float = 1.0,
    removed: float | None = None,
    never_seen: float | None = None,
    halfway: float | None = None,
) -> Run:
    """Return the record of a run that continues ``start``.

    Its accuracy is ``halfway`` up to 60% of its steps, if that is given, and then ``accuracy``.
    """
    settings = RunSettings(
        task=start.settings.task,
        network=NETWORK,
        optimiser=OptimiserSettings(weight_decay=weight_decay),
        dataset_size=size,
        data_seed=start.settings.data_seed,
        start=start.settings,
        num_steps=100,
    )
    numbers = {
        "train_accuracy": number(train_accuracy),
        "novel_accuracy": number(accuracy),
        "novel_accuracy_drift": number(-0.01),
    }
    if removed is not None and never_seen is not None:
        numbers |= {"removed_accuracy": number(removed), "never_seen_accuracy": number(never_seen)}
    first = accuracy if halfway is None else halfway

    def course() -> pd.DataFrame:
        return history(100, novel_accuracy=lambda step: np.where(step <= 60, first, accuracy))

    return Run(
        cell=Cell(settings=settings, arm=start.arm),
        outcome=Outcome(status="settled", reasons=(), numbers=numbers),
        left=Left(course),
    )


class Left:
    """What a simulated run left behind: its history alone, made when it is asked for."""

    def __init__(self, course: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
        self._course = course

    @cached_property
    def history(self) -> pd.DataFrame:
        return self._course() if callable(self._course) else self._course


def history(num_steps: int, **columns: Any) -> pd.DataFrame:
    """Return a history of 101 even steps; columns are constants or functions of the step."""
    step = np.linspace(0, num_steps, 101).astype(int)
    values = {k: v(step) if callable(v) else np.full(len(step), v) for k, v in columns.items()}
    return pd.DataFrame({"step": step, **values})
