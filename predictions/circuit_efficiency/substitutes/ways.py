"""Ways to train a start network on, alike but for what keeps its norm from growing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import PositiveInt

from efficiency.settings import OptimiserSettings, RunSettings
from predictions.cells import Cell
from predictions.circuit_efficiency.controls.small_epsilon import SMALL
from predictions.circuit_efficiency.ungrokking import cells as ungrokking
from predictions.designs import DatasetSizes, Part
from predictions.grounds import Ground, schedule
from predictions.sizes import Size

LONGER = 4
"""Times the length of ungrokking, at half of its learning rate or so: calm, and twice as long."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How start networks are continued.

    Attributes:
        name: What it is called.
        phrase: What is done, as the end of a sentence that begins "trained on".
        weight_decay: λ.
        epsilon: Adam's ε.
        optimiser: What else differs.
        loss: The loss.
    """

    name: str
    phrase: str
    weight_decay: float = 0.0
    epsilon: float = SMALL
    optimiser: Mapping[str, Any] = field(default_factory=dict)
    loss: Literal["log-odds", "stablemax"] = "log-odds"

    def optimiser_at(self, learning_rate: float) -> OptimiserSettings:
        """Return the optimiser of its runs."""
        usual = schedule(learning_rate, self.weight_decay, 0.25)
        return usual.model_copy(update={"epsilon": self.epsilon, **self.optimiser})

    def continued(self, ground: Ground, start: RunSettings, dataset_size: int) -> RunSettings:
        """Return the run that continues a start network on fewer examples."""
        return RunSettings(
            task=start.task,
            network=start.network,
            optimiser=self.optimiser_at(ground.calm_learning_rate),
            dataset_size=dataset_size,
            data_seed=start.data_seed,
            start=start,
            num_steps=DESIGNS.on(ground).num_steps,
            loss=self.loss,
        )


DECAY = Way(name="decay", phrase="with weight decay 1", weight_decay=1.0)
"""What all others are compared with, at the same ε."""

FREE = Way(name="nothing", phrase="without weight decay or anything in its place")
"""What the theory says makes no network forget, at the same ε."""

HELD = Way(
    name="held norm",
    phrase="without weight decay, the norm held at that of the start network",
    optimiser={"norm_factor": 1.0},
)
WHOLE = Way(
    name="orthogonal gradient",
    phrase="without weight decay, the gradient kept orthogonal to the vector of all weights",
    optimiser={"orthogonal_gradient": "whole"},
)
EACH = Way(
    name="orthogonal gradients",
    phrase="without weight decay, the gradient of each array kept orthogonal to its weights",
    optimiser={"orthogonal_gradient": "each"},
)
STABLEMAX = Way(
    name="StableMax",
    phrase="without weight decay, by the cross-entropy of StableMax",
    loss="stablemax",
)
USUAL_EPSILON = Way(
    name="usual ε",
    phrase="with weight decay 1 and Adam's usual ε of 1e-8",
    weight_decay=1.0,
    epsilon=1e-8,
)


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size, on the ground of ``predictions.grounds``.

    Attributes:
        sizes: D' of the continuations.
        num_steps: Their length.
    """

    sizes: DatasetSizes
    num_steps: PositiveInt


def _design(size: Size, sizes: tuple[int, ...]) -> Design:
    return Design(sizes=sizes, num_steps=LONGER * ungrokking.DESIGNS[size].steps_at_one)


DESIGNS = Part[Design](
    "substitutes",
    {
        "smoke": _design("smoke", (10, 20, 40, 80)),
        # The smallest of ungrokking, then a factor of 4/3 around where its networks fall.
        "quick": _design("quick", (50, 103, 137, 183, 244, 325, 433)),
        "standard": _design("standard", (151, 280, 373, 498, 664, 885, 1180)),
        "replication": _design("replication", ungrokking.PAPER_SIZES),
        "paper": _design("paper", ungrokking.PAPER_SIZES),
    },
)


def continuations(ground: Ground, num_seeds: int | None, way: Way) -> list[Cell]:
    """Return start networks, and what continues each, with decay and in this way."""
    cells = []
    for seed in ground.seeds(num_seeds):
        start = ground.start(seed)
        cells.append(Cell(settings=start, role="start"))
        for D in ground.scaled(DESIGNS.on(ground).sizes):
            for one in (DECAY, way):
                cells.append(Cell(settings=one.continued(ground, start, D), arm=one.name))
    return cells
