"""What all predictions of the first study share at a size: networks, rates, seeds, one run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from efficiency.settings import (
    NetworkSettings,
    OneLayerTransformerSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
)
from predictions.grounds import in_words
from predictions.sizes import Size

MIN_SEEDS = 6
"""Fewest seeds of which all agreeing put a 95% interval above one half."""

WARMUP_STEPS = 10
"""Of the paper (A.1.2)."""

RECORDING = RecordingSettings(num_log=40, num_even=100)
"""Dense enough that a time is known to a few percent."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """One size.

    Attributes:
        modulus: p of the modular operations.
        letters: n of Sₙ.
        network: The network.
        learning_rate: η.
        most_in_batch: Examples of a minibatch, which has half of all at most; ``None`` if every
            step takes all examples.
    """

    modulus: int
    letters: int
    network: NetworkSettings
    learning_rate: float
    most_in_batch: int | None = None

    def task(self, operation: str, size: int | None = None) -> TaskSettings:
        """Return an operation at this size, or at another."""
        usual = self.letters if operation in _IN_SYMMETRIC_GROUP else self.modulus
        return TaskSettings(operation=operation, size=usual if size is None else size)

    def describe(self, task: TaskSettings, learning_rate: float | None = None) -> str:
        """Return operation, network and training in a phrase."""
        return f"{in_words(task, self.network)}, {self.training(learning_rate)}"

    def training(self, learning_rate: float | None = None) -> str:
        """Return learning rate and examples of a step in a phrase."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        batch = "all examples at every step"
        if self.most_in_batch is not None:
            batch = f"minibatches of half of the examples, {self.most_in_batch} at most"
        return f"η = {rate:g}, {batch}"

    def part(self, task: TaskSettings, fraction: float) -> int:
        """Return D for a fraction of the table."""
        return round(fraction * task.num_examples)

    def run(
        self,
        task: TaskSettings,
        dataset_size: int,
        seed: int,
        num_steps: int,
        *,
        weight_decay: float = 1.0,
        learning_rate: float | None = None,
        decay_fraction: float = 0.0,
        **others: Any,
    ) -> RunSettings:
        """Return a run; those of one seed share data and initial weights.

        Args:
            task: The operation.
            dataset_size: D.
            seed: Of data, initial weights and, where there are any, minibatches.
            num_steps: Its length.
            weight_decay: λ, as in the paper unless told otherwise.
            learning_rate: η, if not the usual one.
            decay_fraction: Part of the run at its end over which η falls to 0.
            others: Further fields of ``RunSettings``.
        """
        batch = None
        if self.most_in_batch is not None:
            batch = min(self.most_in_batch, math.ceil(dataset_size / 2))
        first = {} if "start" in others else {"init_seed": seed}
        return RunSettings(
            task=task,
            network=self.network,
            optimiser=OptimiserSettings(
                learning_rate=self.learning_rate if learning_rate is None else learning_rate,
                decay_fraction=decay_fraction,
                weight_decay=weight_decay,
                warmup_steps=WARMUP_STEPS,
                batch_size=batch,
            ),
            dataset_size=dataset_size,
            data_seed=seed,
            noise_seed=None if batch is None else seed,
            num_steps=num_steps,
            **(first | {"recording": RECORDING} | others),
        )


_IN_SYMMETRIC_GROUP = ("composition", "conjugation", "sandwich")

GROUNDS: dict[Size, Ground] = {
    "smoke": Ground(
        modulus=7,
        letters=3,
        network=OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=16),
        learning_rate=1e-2,
    ),
    # Chosen by measurement: docs/decisions/010-the-first-study.md. All examples at every step and
    # one layer: compiled code trains that.
    "quick": Ground(
        modulus=31,
        letters=4,
        network=OneLayerTransformerSettings(d_model=32, num_heads=4, d_mlp=128),
        learning_rate=4e-3,
    ),
    # A guess, not tried.
    "standard": Ground(
        modulus=59,
        letters=4,
        network=OneLayerTransformerSettings(d_model=64, num_heads=4, d_mlp=256),
        learning_rate=2e-3,
    ),
    # Their network and training.
    "paper": Ground(
        modulus=97,
        letters=5,
        network=TransformerSettings(),
        learning_rate=1e-3,
        most_in_batch=512,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size of a prediction on one operation.

    Attributes:
        operation: Whose table.
        fraction: Part of it that is trained on.
        num_steps: The budget.
        num_seeds: Seeds of each arm.
    """

    operation: str
    fraction: float
    num_steps: int
    num_seeds: int
