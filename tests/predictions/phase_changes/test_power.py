"""Claims about means have the power that they state, on worlds like those that they name."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from predictions.cells import Cell, Run
from predictions.phase_changes import copies
from predictions.registry import find
from predictions.testing import finished
from tests.predictions.looking import allowed
from tests.predictions.phase_changes.worlds import cells, continued, of_tokens, on_table

Plant = Callable[[Cell, np.random.Generator], Run]
"""Makes a run; the generator is that of its seed."""


def together(cell: Cell, rng: np.random.Generator) -> Run:
    late = 1.15 * math.exp(0.1 * rng.normal())
    return on_table(cell, train=100, test=100 * late, sharp=rng.random() < 0.95, right=0.9)


def grows(cell: Cell, rng: np.random.Generator) -> Run:
    slope = -1 + 0.5 * rng.normal()
    part = int(cell.arm.removesuffix("%")) / 100
    return on_table(cell, train=50, test=60 * part**slope)


def without_decay(cell: Cell, rng: np.random.Generator) -> Run:
    return on_table(cell, train=100, test=110, right=min(1.0, 0.8 + 0.15 * rng.normal()))


def depth(cell: Cell, rng: np.random.Generator) -> Run:
    learns = cell.arm != copies.arm(1)
    loss = (1.2 if learns else 3.6) * math.exp(0.25 * rng.normal() if learns else 0.0)
    prefix = 0.6 + 0.1 * rng.normal() if learns else 0.06
    return finished(cell, **(of_tokens(cell, 0.5) | {"test_loss": loss, copies.PREFIX: prefix}))


def unlearns(cell: Cell, rng: np.random.Generator) -> Run:
    if not cell.arm:
        return finished(cell)
    right = 0.85 - (0.2 + 0.08 * rng.normal() if cell.arm == copies.FEW_DECAY else 0.0)
    return continued(cell, right, before=0.85)


def late(cell: Cell, rng: np.random.Generator) -> Run:
    run = on_table(cell, train=100, test=300 * math.exp(math.log(4 / 3) * rng.normal()))
    right = min(1.0, 0.97 + 0.05 * rng.normal())
    return finished(cell, history=run.history, test_accuracy=right)


STATED: dict[str, tuple[int, Plant]] = {
    "plentiful-together": (12, together),
    "delay-grows": (6, grows),
    "plentiful-without-decay": (6, without_decay),
    "induction-depth": (6, depth),
    "induction-ungrokking": (8, unlearns),
    "skip-trigrams-delay": (12, late),
}
"""By claim the seeds that its power is stated for, and the world."""


@pytest.mark.parametrize("name", STATED)
def test_power_is_what_claims_say(name, full_calibration):
    count = 500 if full_calibration else 10
    num_seeds, plant = STATED[name]
    supported = 0
    for i in range(count):
        runs = [
            plant(cell, np.random.default_rng([27, i, cell.seed, len(cell.arm)]))
            for cell in cells(name, num_seeds)
        ]
        supported += find(name).find("quick", runs).outcome == "supported"
    assert supported / count >= 1 - allowed(count, 0.2), f"{supported} of {count}"
