"""What an engine says of its cost, and what all of them pay alike.

Shapes: D examples, N examples of the task (pairs of a table), M = d_model, H heads, L = d_mlp,
S symbols, P parameters.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from efficiency import networks
from efficiency.settings import OneLayerTransformerSettings, RunSettings, TransformerSettings
from efficiency.training.record_steps import recorded_steps, snapshot_steps

NORMAL, DRAWN = 1.2e-9, 4.1e-8
"""Seconds of compiled code for a normal number, and for an example to be drawn."""

RUN_ITSELF = 0.015
"""Seconds for a run to be begun, and to be saved."""

RECORD_ITSELF, RECORD_PAIR = 7e-5, 9.5e-8
"""Seconds for compiled code to measure a network, and for each example of its task."""


class Cost(ABC):
    """What one engine costs; all runs given are ones that it can train."""

    @abstractmethod
    def flops_per_step(self, run: RunSettings) -> float:
        """Return the floating-point operations of the matrix products of one network-step."""

    @abstractmethod
    def seconds(self, group: Sequence[RunSettings]) -> float:
        """Return the time to train runs that share a ``shape_key`` as one ensemble."""

    @abstractmethod
    def member_bytes(self, run: RunSettings, examples: int) -> int:
        """Return the memory of one member, of an ensemble whose largest has so many examples."""

    @abstractmethod
    def computing_bytes(self, run: RunSettings, num_members: int) -> int:
        """Return the memory that members share to compute in."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that the cost of the one-layer transformer depends on; letters as in the module."""

    M: int
    L: int
    S: int
    H: int
    D: int
    N: int

    @classmethod
    def of(cls, run: RunSettings) -> Sizes:
        """Return the sizes of a run."""
        n, t = run.network, run.task
        assert isinstance(n, OneLayerTransformerSettings | TransformerSettings)
        return cls(
            M=n.d_model,
            L=n.d_mlp,
            S=t.num_classes,
            H=n.num_heads,
            D=run.dataset_size,
            N=t.num_examples,
        )


def is_one_layer(run: RunSettings) -> bool:
    """Return whether a network is the one-layer transformer by its own name."""
    return isinstance(run.network, OneLayerTransformerSettings)


def products(run: RunSettings) -> float:
    """Return the multiplications of matrix products for an example, forward."""
    return networks.ARCHITECTURES.find(run.network.architecture).products(run.task, run.network)


def activations(run: RunSettings) -> float:
    """Return the numbers that a forward pass of an example leaves behind."""
    return networks.ARCHITECTURES.find(run.network.architecture).activations(run.task, run.network)


def num_parameters(run: RunSettings) -> int:
    """Return the parameters of a run's network."""
    return sum(math.prod(shape) for shape in networks.shapes(run.task, run.network).values())


def num_noises(run: RunSettings) -> int:
    """Return how many normal numbers are drawn for a weight at every step."""
    noises = (run.optimiser.update_noise, run.optimiser.weight_noise)
    return sum(noise is not None for noise in noises)


def num_records(run: RunSettings) -> int:
    """Return how often a run is measured."""
    return len(recorded_steps(run.recording, run.num_steps))


def snapshot_bytes(run: RunSettings) -> int:
    """Return the memory of a run's snapshots, and the space that they take in a store."""
    kept = len(snapshot_steps(run.recording, run.num_steps))
    return kept * run.network.dtype.itemsize * num_parameters(run) if kept else 0


def history_bytes(run: RunSettings) -> int:
    """Return the memory of what is recorded of a run, snapshots included."""
    names = len(networks.shapes(run.task, run.network)) + 20
    names += len(run.recording.measures or ()) + 6 * len(run.task.answers)
    return names * 8 * num_records(run) + snapshot_bytes(run)
