"""Addition modulo p on large and small parts of its table.

Nanda et al. 2023, *Progress measures for grokking via mechanistic interpretability*
(arXiv 2301.05217), whose code trains one network on each of ten parts of the table of p = 113.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from efficiency.settings import (
    OneLayerTransformerSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    TaskSettings,
)
from predictions.cells import Cell, Run
from predictions.phase_changes.base import SEEDS
from predictions.sizes import Size

_RECORDS = {"num_log": 100, "num_even": 40}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """One size.

    Attributes:
        modulus: p.
        width: d_model; the MLP is four times as wide.
        learning_rate: η.
        lengths: The parts of the table that are trained on, in percent, and for how many steps:
            from plentiful data to limited data.
        num_seeds: Seeds of every part.
        num_snapshots: Of a run whose circuit is followed.
    """

    modulus: int
    width: int
    learning_rate: float
    lengths: tuple[tuple[int, int], ...]
    num_seeds: int
    num_snapshots: int = 40

    @property
    def plentiful(self) -> int:
        """The largest part, in percent."""
        return self.lengths[0][0]

    @property
    def limited(self) -> int:
        """The smallest part, in percent."""
        return self.lengths[-1][0]

    def run(
        self,
        percent: int,
        seed: int,
        *,
        weight_decay: float = 1.0,
        operation: str = "addition",
        followed: bool = False,
    ) -> RunSettings:
        """Return a run; those of one seed share initial weights, and the larger part the smaller.

        Args:
            percent: Of the table, one of ``lengths``.
            seed: Of data and initial weights.
            weight_decay: λ.
            operation: Modulo p.
            followed: Whether weights are kept along the way.
        """
        num_steps = dict(self.lengths)[percent]
        task = TaskSettings(operation=operation, size=self.modulus)
        along = np.geomspace(num_steps / 100, num_steps, self.num_snapshots)
        kept = tuple(int(step) for step in np.rint(along)) if followed else None
        return RunSettings(
            task=task,
            network=OneLayerTransformerSettings(d_model=self.width, d_mlp=4 * self.width),
            optimiser=OptimiserSettings(
                learning_rate=self.learning_rate, weight_decay=weight_decay
            ),
            dataset_size=round(task.num_examples * percent / 100),
            data_seed=seed,
            init_seed=seed,
            num_steps=num_steps,
            recording=RecordingSettings(**_RECORDS, snapshots=kept),
        )

    def describe(self) -> str:
        """Return task, network and training in a phrase."""
        return (
            f"Tables modulo {self.modulus}, a one-layer transformer of width {self.width}; AdamW "
            f"on all examples at once, η = {self.learning_rate:g}"
        )


DESIGNS: dict[Size, Tables] = {
    "smoke": Tables(
        modulus=11,
        width=8,
        learning_rate=4e-3,
        lengths=((95, 60), (70, 80), (45, 100)),
        num_seeds=2,
    ),
    "quick": Tables(
        modulus=59,
        width=48,
        learning_rate=2e-3,
        lengths=((95, 600), (80, 800), (60, 2000), (45, 5000)),
        num_seeds=12,
    ),
    # Not tried.
    "standard": Tables(
        modulus=113,
        width=128,
        learning_rate=1e-3,
        lengths=((95, 1000), (80, 1500), (60, 3000), (40, 10_000)),
        num_seeds=12,
    ),
    # Theirs, for as long as the source's networks took.
    "paper": Tables(
        modulus=113,
        width=128,
        learning_rate=1e-3,
        lengths=((95, 2000), (80, 2000), (60, 5000), (50, 5000), (40, 10_000), (30, 30_000)),
        num_seeds=12,
    ),
}

ASSUMPTIONS = (
    "The network is that of the source but for biases and initial weights, and at the quick size "
    "for its width; the table is smaller.",
    "Training examples, or test examples, count as known from the first of three records in a row "
    "at which their mean loss is below 1 nat.",
    "Sizes and lengths were chosen after a look at development seeds 900 to 905.",
    SEEDS,
)


def arm(percent: int) -> str:
    """Return the arm of a part of the table."""
    return f"{percent}%"


def percent(run: Run) -> int:
    """Return the part of the table that a run is trained on, in percent."""
    return round(100 * run.dataset_size / run.task.num_examples)


def cells(
    size: Size, seeds: Sequence[int], percents: Sequence[int] | None = None, *, followed: bool
) -> list[Cell]:
    """Return the runs with decay on parts of the table of addition: all, unless some are named.

    Args:
        size: The size.
        seeds: The seeds.
        percents: The parts.
        followed: Whether weights of the smallest part are kept.
    """
    d = DESIGNS[size]
    return [
        Cell(settings=d.run(part, seed, followed=followed and part == d.limited), arm=arm(part))
        for part in percents or dict(d.lengths)
        for seed in seeds
    ]
