"""Ways of training from scratch, all on the same examples and from the same weights.

Prieto et al. 2025, *Grokking at the edge of numerical stability* (arXiv 2501.04697): addition
mod 113 by a perceptron, without weight decay and with an ε of Adam so small that it stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from efficiency.settings import (
    MLPSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskSettings,
)
from predictions.cells import Cell
from predictions.sizes import Size

EPSILON = 1e-25
"""Adam's ε: theirs."""

LEARNING_RATE = 1e-2

GENERALISED = 0.9
"""Accuracy on novel pairs from which on a network has generalised (``step_generalised``)."""

COLLAPSED = 0.9
"""Share of training examples whose softmax has collapsed from which on a network has."""

PLAIN, EXACT, STABLE, ORTHOGONAL, DECAY = (
    "plain softmax",
    "exact loss",
    "StableMax",
    "orthogonal gradient",
    "weight decay",
)

_WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    # The loss, and what the optimiser has beside η and ε.
    PLAIN: ("plain", {}),
    EXACT: ("log-odds", {}),
    STABLE: ("stablemax", {}),
    ORTHOGONAL: ("plain", {"orthogonal_gradient": "each"}),
    DECAY: ("plain", {"weight_decay": 1.0}),
}


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """One size.

    Attributes:
        modulus: p.
        percent: Of the table that is trained on.
        width: Units of the hidden layer; a third of it, rounded, is that of the embedding.
        num_steps: The budget.
        num_seeds: Seeds of every way.
    """

    modulus: int
    percent: int
    width: int
    num_steps: int
    num_seeds: int

    @property
    def task(self) -> TaskSettings:
        """What is learned."""
        return TaskSettings(operation="addition", size=self.modulus)

    @property
    def dataset_size(self) -> int:
        """D."""
        return round(self.task.num_examples * self.percent / 100)

    def run(self, way: str, seed: int) -> RunSettings:
        """Return a network trained in one way."""
        loss, others = _WAYS[way]
        return RunSettings(
            task=self.task,
            network=MLPSettings(d_model=round(self.width / 3), d_mlp=self.width),
            optimiser=OptimiserSettings(
                **({"weight_decay": 0.0} | others), learning_rate=LEARNING_RATE, epsilon=EPSILON
            ),
            loss=loss,
            dataset_size=self.dataset_size,
            data_seed=seed,
            init_seed=seed,
            num_steps=self.num_steps,
            recording=RecordingSettings(num_log=60, num_even=40, measures=("collapsed-share",)),
        )

    def describe(self) -> str:
        """Return task, network and training in a phrase."""
        return (
            f"Addition mod {self.modulus}, {self.dataset_size} pairs ({self.percent}%); a "
            f"perceptron of one hidden layer of {self.width} units; Adam, η = {LEARNING_RATE:g}, "
            f"ε = {EPSILON:g}, {self.num_steps:,} steps"
        )


DESIGNS: dict[Size, Scratch] = {
    "smoke": Scratch(modulus=11, percent=60, width=24, num_steps=200, num_seeds=2),
    "quick": Scratch(modulus=31, percent=60, width=96, num_steps=12_000, num_seeds=12),
    # Not tried.
    "standard": Scratch(modulus=59, percent=40, width=144, num_steps=40_000, num_seeds=12),
    # Theirs, for the 80,000 epochs that StableMax took.
    "paper": Scratch(modulus=113, percent=40, width=200, num_steps=80_000, num_seeds=12),
}


def cells(size: Size, seeds: Sequence[int], ways: Sequence[str]) -> list[Cell]:
    """Return the runs of ways, each an arm."""
    return [Cell(settings=DESIGNS[size].run(way, seed), arm=way) for way in ways for seed in seeds]
