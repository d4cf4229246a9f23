"""What trains and measures the networks of an ensemble; how is the business of each engine.

Shapes: K members, Q quantities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from efficiency import measurements, networks
from efficiency.engines.costs.base import Cost
from efficiency.engines.support import Support, unsupported
from efficiency.settings import RunSettings
from efficiency.training.ensemble import MOST_EXAMPLES, Stack
from efficiency.training.optimiser import held_norms, scale_to_norms


class Engine(ABC):
    """K networks with everything that their training changes.

    Args:
        members: Their settings; all share a ``shape_key``.
        starts: The weights that each begins with, by name; asked for one after another.
        device: Where they live.

    Attributes:
        weights: The weights.
        first_moment: AdamW's first moment.
        second_moment: AdamW's second moment, in units of ``optimiser.UNIT`` squared.
        loss_peak_K: The largest training loss of each member since it was last set to zero, so
            that a spike between two records is seen; infinite stands for NaN.
        held_norms_K: See ``efficiency.training.optimiser.held_norms``.
        quantities: Names of what ``measure`` returns.
        SUPPORT: The settings that it knows; a run with any other is refused.
        COST: What it costs to train a run that it can train, on a CPU.
    """

    SUPPORT: ClassVar[Support]
    COST: ClassVar[Cost]

    @classmethod
    def unfit(cls, run: RunSettings, device: str) -> str | None:
        """Return why it cannot train a run on a device, ``None`` if it can."""
        if run.network.precision == "tf32" and device != "cuda":
            return "network.precision is 'tf32', which needs a CUDA device; use 'float32'"
        return cls.unsupported(run)

    @classmethod
    def unsupported(cls, run: RunSettings) -> str | None:
        """Return which setting of a run it does not support, ``None`` if it does all."""
        return unsupported(run, cls.SUPPORT)

    @classmethod
    def cost(cls, device: str) -> Cost:
        """Return what it costs to train a run on a device."""
        return cls.COST

    @classmethod
    def most_examples(cls, device: str) -> int:
        """Return the largest K·D of an ensemble; one member may exceed it.

        On a CPU larger ensembles are no faster, and smaller ones save their runs earlier and leave
        cores idle for shorter at the end.
        """
        return MOST_EXAMPLES

    @classmethod
    def missing(cls, device: str) -> str | None:
        """Return why it can train nothing on a device, ``None`` if it can train something."""
        return None

    @classmethod
    def compiled_by(cls) -> str | None:
        """Return which compiled code it runs and what made that, ``None`` if none."""
        return None

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Iterable[Mapping[str, Tensor]],
        device: torch.device,
    ) -> None:
        self.members = tuple(members)
        shapes = networks.shapes(members[0].task, members[0].network)
        like = torch.empty(0, dtype=members[0].network.dtype, device=device)
        self.weights, self.first_moment, self.second_moment = (
            Stack.zeros(shapes, len(members), like) for _ in range(3)
        )
        for k, start in enumerate(starts):
            for name, stacked in self.weights.views.items():
                stacked[k] = start[name]
        self.held_norms_K = held_norms(self.weights, [run.optimiser for run in members])
        if self.held_norms_K is not None:
            scale_to_norms(self.weights, self.held_norms_K)
        self.loss_peak_K = torch.zeros(len(members), dtype=torch.float64, device=device)
        self.quantities = measurements.names(self.weights.views, members[0].task.answers)

    def state(self) -> dict[str, Tensor]:
        """Return everything that training changes, as the tensors themselves."""
        return {
            "weights": self.weights.flat,
            "first_moment": self.first_moment.flat,
            "second_moment": self.second_moment.flat,
            "loss_peak": self.loss_peak_K,
        }

    @abstractmethod
    def advance(self, first_step: int, num_steps: int) -> None:
        """Make updates ``first_step`` … ``first_step + num_steps − 1``, counted from 0."""

    @abstractmethod
    def measure(self) -> Tensor:
        """Return (Q, K) measurements of the present weights, float64, NaN on empty parts."""
