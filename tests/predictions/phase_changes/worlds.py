"""Planted runs of every claim about phase changes: of each seed it is so, or it is not."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from predictions.cells import Cell, Run
from predictions.phase_changes import copies
from predictions.phase_changes.tables import DESIGNS as TABLES
from predictions.registry import find
from predictions.testing import finished


@functools.lru_cache(maxsize=64)
def cells(name: str, num_seeds: int) -> list[Cell]:
    return find(name).cells("quick", num_seeds)


def drop(steps: np.ndarray, at: float, plateau: float, *, sharp: bool = True) -> np.ndarray:
    """Return a loss that comes to ½ at a step, suddenly or at one rate."""
    if not sharp:
        return plateau * 2 ** (-steps / at)
    return plateau / (1 + np.exp(np.clip((steps - at) / (0.02 * at), -50, 50)))


def _steps(cell: Cell) -> np.ndarray:
    return np.unique(np.rint(np.geomspace(1, cell.settings.num_steps, 300)).astype(int))


def on_table(
    cell: Cell, *, train: float, test: float, sharp: bool = True, right: float = 1.0, **more: float
) -> Run:
    """Return a run that knows its examples, and others, at two steps (2/3 of ln p is about 1.4)."""
    steps, plateau = _steps(cell), math.log(cell.settings.task.num_classes)
    history = pd.DataFrame(
        {
            "step": steps,
            "train_loss": drop(steps, train, plateau),
            "test_loss": drop(steps, test, plateau, sharp=sharp),
            "novel_accuracy": np.where(steps >= test, right, 0.0),
        }
    )
    return finished(cell, history=history, novel_accuracy=right, test_accuracy=right, **more)


def plentiful_together(cell: Cell, so: bool) -> Run:
    return on_table(cell, train=100, test=115 if so else 400, sharp=so, right=1.0 if so else 0.1)


def delay_grows(cell: Cell, so: bool) -> Run:
    percent = int(cell.arm.removesuffix("%"))
    grown = (95 / percent) ** 2 if so else (percent / 95) ** 2
    jitter = 1 + (cell.seed % 7) / 50
    return on_table(cell, train=50, test=60 * grown * jitter)


def plentiful_without_decay(cell: Cell, so: bool) -> Run:
    right = (0.9 if so else 0.1) + (cell.seed % 5) / 100
    return on_table(cell, train=100, test=110, right=right)


def limited_without_decay(cell: Cell, so: bool) -> Run:
    generalises = cell.arm == "with decay" or not so
    return on_table(cell, train=100, test=1000, right=1.0 if generalises else 0.05)


def of_tokens(cell: Cell, test: float, train: float = 1.0) -> dict[str, float]:
    return {
        f"{part}_{token}_{what}": value
        for token in cell.settings.task.answers
        for part, right in (("test", test), ("train", train))
        for what, value in (("accuracy", right), ("loss", 4 * (1 - right) + 0.01))
    }


def induction(cell: Cell, so: bool) -> Run:
    """Return a network that learns it if it is deep, or one that does not care for its depth."""
    plateau, steps = 3.6, _steps(cell)
    learns = cell.arm != copies.arm(1) and so
    jitter = 1 + (cell.seed % 7) / 50
    losses = drop(steps, 500 * jitter, plateau) + 0.3 if learns else np.full(len(steps), plateau)
    history = pd.DataFrame({"step": steps, "test_loss": losses})
    end = float(losses[-1]) * jitter
    numbers = {"test_loss": end, copies.PREFIX: (0.7 if learns else 0.06) * jitter}
    return finished(cell, history=history, **(of_tokens(cell, 0.5) | numbers))


def ungrokking(cell: Cell, so: bool) -> Run:
    if cell.role == "start":
        return finished(cell)
    falls = cell.arm == copies.FEW_DECAY and so
    return continued(cell, (0.5 if falls else 0.85) + (cell.seed % 7) / 100)


def continued(cell: Cell, right: float, *, before: float = 0.88, fitted: float = 1.0) -> Run:
    """Return a network that goes on, and is right on these shares of tokens before and after."""
    steps = np.array([0, cell.settings.num_steps])
    columns = {
        f"test_{token}_accuracy": np.array([before, right]) for token in cell.settings.task.answers
    }
    history = pd.DataFrame({"step": steps, **columns})
    return finished(cell, history=history, **of_tokens(cell, right, fitted))


def digits(cell: Cell, so: bool) -> Run:
    steps = _steps(cell)
    tokens = cell.settings.task.answers
    columns = {
        f"test_{token}_loss": drop(steps, 300 * 2**place if so else 300, math.log(10), sharp=so)
        for place, token in enumerate(tokens)
    }
    return finished(cell, history=pd.DataFrame({"step": steps, **columns}))


def triggers_fall(cell: Cell, so: bool) -> Run:
    steps = _steps(cell)
    losses = drop(steps, 200, math.log(10), sharp=so)  # fresh examples are trained on but once
    columns = {"step": steps, "train_loss": losses, "test_loss": losses}
    return finished(cell, history=pd.DataFrame(columns))


def triggers_late(cell: Cell, so: bool) -> Run:
    jitter = 1 + (cell.seed % 7) / 50
    run = on_table(cell, train=100, test=400 * jitter if so else 110 * jitter)
    return finished(cell, history=run.history, test_accuracy=0.97 + (cell.seed % 3) / 100)


PLANTED: dict[str, Callable[[Cell, bool], Run]] = {
    "plentiful-together": plentiful_together,
    "delay-grows": delay_grows,
    "plentiful-without-decay": plentiful_without_decay,
    "limited-without-decay": limited_without_decay,
    "induction-depth": induction,
    "induction-fall": induction,
    "induction-ungrokking": ungrokking,
    "digits-fall": digits,
    "digits-apart": digits,
    "skip-trigrams-fall": triggers_fall,
    "skip-trigrams-delay": triggers_late,
}
"""All but those that read weights."""


def facts_counted(cell: Cell, so: bool) -> Run:
    """Return a network whose threshold is at equally many facts, or at equally many sequences."""
    if cell.role == "start":
        return finished(cell)
    each = len(cell.settings.task.answers)
    at = 700 * (1.0 if so else each / 8) * (1 + (cell.seed % 7) / 100)
    return by_facts(cell, at)


def by_facts(
    cell: Cell, at: float, *, plain: float = 1.0, fitted: float = 1.0, top: float = 1.0
) -> Run:
    """Return a network that keeps half of what it could at some facts, with decay."""
    each = len(cell.settings.task.answers)
    held = top / (1 + (at / (cell.settings.dataset_size * each)) ** 2)
    kept = held if cell.settings.optimiser.weight_decay > 0 else plain
    chance = 1 / cell.settings.task.num_classes
    return continued(cell, chance + kept * (0.9 - chance), before=0.9, fitted=fitted)


PLANTED_FACTS: dict[str, Callable[[Cell, bool], Run]] = {
    "induction-facts": facts_counted,
    "induction-facts-not-sequences": facts_counted,
}

LIMITED = TABLES["quick"].limited


def world(name: str, so: Callable[[int], bool], num_seeds: int = 12) -> list[Run]:
    """Return seeds of which a claim is so, or not."""
    plant = (PLANTED | PLANTED_FACTS)[name]
    return [plant(cell, so(cell.seed)) for cell in cells(name, num_seeds)]
