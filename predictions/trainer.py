"""Training as ``runs.execute`` wants it: documents in, results out."""

from __future__ import annotations

import functools
import json
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from efficiency import cost, ensemble
from efficiency.settings import RunSettings
from efficiency.training import Training, choose_device
from runs import Document, Result


@functools.lru_cache(maxsize=8192)
def _parsed(text: str) -> RunSettings:
    return RunSettings.from_document(json.loads(text))


def _settings(documents: Sequence[Document]) -> list[RunSettings]:
    """Return the settings of documents, each validated once."""
    return [_parsed(json.dumps(document)) for document in documents]


def _usable_cores() -> int:
    """Return the cores that this process may use; systems other than Linux only count them all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Group:
    """A group in training; results in the form of the store."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self.num_steps = training.num_steps

    @property
    def step(self) -> int:
        return self._training.step

    def advance(self, num_steps: int) -> None:
        self._training.advance(num_steps)

    def state(self) -> dict[str, np.ndarray]:
        return self._training.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self._training.restore(state)

    def results(self) -> list[Result]:
        return [
            Result(
                history=trained.history,
                weights=trained.weights,
                outcome=trained.outcome.document(),
            )
            for trained in self._training.results()
        ]


class NetworkTrainer:
    """Trains the networks of ``efficiency`` for ``runs.execute``.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ValueError: The device is not known or not there.
    """

    def __init__(self, device: str = "auto") -> None:
        self.device = choose_device(device)
        # On a CPU, ensembles side by side on one thread each beat one ensemble on all of them, and
        # their numbers do not depend on how many cores there are.
        self.workers = 1 if self.device == "cuda" else _usable_cores()

    def pack(self, documents: Sequence[Document]) -> list[list[int]]:
        """See ``runs.Trainer``."""
        return ensemble.pack(_settings(documents), ensemble.MAX_EXAMPLES[self.device])

    def begin(
        self, documents: Sequence[Document], starts: Sequence[Mapping[str, np.ndarray] | None]
    ) -> _Group:
        """See ``runs.Trainer``."""
        torch.set_num_threads(1)  # of the calling worker
        return _Group(Training(_settings(documents), starts, self.device))

    def seconds(self, documents: Sequence[Document]) -> float:
        """See ``runs.Trainer``."""
        return cost.seconds(_settings(documents))

    def memory_bytes(self, groups: Sequence[Sequence[Document]]) -> float:
        """Return the estimated peak memory of training groups, as many at once as workers."""
        largest = sorted((_settings(g) for g in groups), key=lambda g: cost.memory_bytes([g]))
        return cost.memory_bytes(largest[-self.workers :])

    def environment(self) -> dict[str, Any]:
        """See ``runs.Trainer``."""
        name = torch.cuda.get_device_name() if self.device == "cuda" else platform.processor()
        return {
            "device": self.device,
            "device_name": name or platform.machine(),
            "threads": 1,
            "workers": self.workers,
        }
