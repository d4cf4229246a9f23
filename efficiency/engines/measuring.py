"""Measuring networks of one shape through the program of their architecture, some at a time.

Shapes: K members, Q quantities, N examples that are measured, A answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from efficiency import measurements, networks
from efficiency.engines.subnormals import flushed
from efficiency.settings import RunSettings
from efficiency.training.ensemble import Stack, stack_measured

RECORDING_BYTES = 256 * 2**20
"""What measuring may take at once: all examples of every member together could be gigabytes."""

GPU_RECORDING_BYTES = 4 * 2**30
"""The same on a GPU, which a few members at a time leave waiting for kernels to be launched."""


def measured_at_once(run: RunSettings, device: str) -> int:
    """Return how many members are measured together on a device."""
    architecture = networks.ARCHITECTURES.find(run.network.architecture)
    kept = architecture.activations(run.task, run.network)
    budget = GPU_RECORDING_BYTES if device == "cuda" else RECORDING_BYTES
    return max(1, int(budget // (8 * num_measured(run) * kept)))


def num_measured(run: RunSettings) -> int:
    """Return how many examples a run is measured on at most."""
    most, N = run.recording.most_examples, run.task.num_examples
    return N if most is None else min(N, 2 * most)


def measured_by_tensors(run: RunSettings) -> bool:
    """Return whether compiled code leaves it to tensor operations to measure a run."""
    return run.task.num_answers > 1 or run.recording.most_examples is not None


@final
class Measuring:
    """Measures the networks of an ensemble.

    Args:
        members: Their settings.
        device: Where their weights are.
    """

    def __init__(self, members: Sequence[RunSettings], device: torch.device) -> None:
        first, K = members[0], len(members)
        self._data = data = stack_measured(members, device)
        self._answers = first.task.answers
        self._program = networks.program(first.task, first.network)
        chunk = measured_at_once(first, device.type)
        self._chunks = [slice(k, min(k + chunk, K)) for k in range(0, K, chunk)]
        # Where all are measured on the same examples, chunks of one size share what is prepared.
        shared = first.recording.most_examples is None
        known: dict[int, Any] = {}
        self._prepared: list[Any] = []
        for of_chunk in self._chunks:
            key = of_chunk.stop - of_chunk.start if shared else of_chunk.start
            if key not in known:
                known[key] = self._program.prepare(data.inputs_KNI[of_chunk])
            self._prepared.append(known[key])

    @torch.no_grad()
    def __call__(self, weights: Stack, quantities: Sequence[str]) -> Tensor:
        """Return (Q, K) measurements, see ``Engine.measure``."""
        with flushed():
            each = [
                self._measured(weights, members, examples, quantities)
                for members, examples in zip(self._chunks, self._prepared, strict=True)
            ]
            return torch.cat(each, dim=1)

    def _measured(
        self, weights: Stack, members: slice, examples: Any, quantities: Sequence[str]
    ) -> Tensor:
        parameters = {name: value[members] for name, value in weights.views.items()}
        logits = self._program.logits(parameters, examples)
        masks = {part: mask[members] for part, mask in self._data.part_masks.items()}
        labels_KNA = self._data.labels_KNA[members]
        each = measurements.readings(logits.view(*labels_KNA.shape, -1), labels_KNA)
        found = {
            **measurements.means(measurements.whole(each), masks),
            **measurements.of_answers(each, masks, self._answers),
            **measurements.norms(parameters),
        }
        return torch.stack([found[name] for name in quantities])
