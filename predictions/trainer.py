"""Training as ``runs.execute`` wants it: documents in, results out."""

from __future__ import annotations

import functools
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from efficiency import cost, engines, measures
from efficiency.engines.costs.base import snapshot_bytes
from efficiency.engines.memory import keep_what_is_freed
from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings
from efficiency.training import ensemble
from efficiency.training.loop import Training, choose_device
from predictions import limits
from predictions.meaning import definition
from runs import Document, Result, provenance


@functools.lru_cache(maxsize=8192)
def _parsed(text: str) -> RunSettings:
    return RunSettings.from_document(json.loads(text))


def _settings(documents: Sequence[Document]) -> list[RunSettings]:
    """Return the settings of documents, each validated once."""
    return [_parsed(json.dumps(document)) for document in documents]


def usable_cores() -> int:
    """Return the cores that this process may use: by affinity, batch job and control groups.

    Systems other than Linux only count them all.
    """
    cores = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):
        cores.append(len(os.sched_getaffinity(0)))
    if (granted := os.environ.get("SLURM_CPUS_PER_TASK", "")).isdecimal():
        cores.append(int(granted))
    cores += [math.ceil(quota) for quota in limits.cores()]
    return max(1, min(cores))


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

    def results(self) -> Iterator[Result]:
        return (
            Result(
                history=trained.history,
                weights=trained.weights,
                outcome=trained.outcome.document(),
                snapshots=trained.snapshots,
            )
            for trained in self._training.results()
        )


class NetworkTrainer:
    """Trains the networks of ``efficiency`` for ``runs.execute``.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        engine: A name from ``efficiency.engines.ENGINES``, or ``auto``.
        memory: Bytes that training may take in all; default: four fifths of what is free now.
        workers: Ensembles that train side by side; default: one for each core, one on a GPU.

    Raises:
        ValueError: The device or the engine is not known or not there.
    """

    def __init__(
        self,
        device: str = "auto",
        engine: str = "auto",
        memory: float | None = None,
        *,
        workers: int | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.engine = engine
        engines.require(engine, self.device)
        # On a CPU, ensembles side by side on one thread each beat one ensemble on all of them.
        if self.device == "cuda" and workers not in (None, 1):
            raise InvalidInputError(
                f"--workers {workers} was asked for on a GPU, where ensembles train one after "
                "another and fill it; leave it out"
            )
        self.workers = workers or (1 if self.device == "cuda" else usable_cores())
        self.memory = 0.8 * limits.free_bytes(self.device) if memory is None else memory
        if self.device == "cpu":
            keep_what_is_freed()  # before there are other threads
        # On a GPU memory is the device's own; elsewhere the interpreter has taken its part.
        self._taken = 0 if self.device == "cuda" else limits.resident_bytes()

    def _engine_of(self, group: Sequence[RunSettings]) -> str:
        return engines.choose(self.engine, group[0], self.device)

    def _group_bytes(self, group: Sequence[RunSettings]) -> float:
        return cost.group_bytes(group, self._engine_of(group), self.device)

    def pack(self, documents: Sequence[Document]) -> list[list[int]]:
        """See ``runs.Trainer``."""
        budget = (self.memory - self._taken) / self.workers
        runs = _settings(documents)
        by_engine: dict[str, list[int]] = {}
        for i, run in enumerate(runs):
            by_engine.setdefault(self._engine_of([run]), []).append(i)
        groups: list[list[int]] = []
        for engine, indices in sorted(by_engine.items()):
            packed = ensemble.pack(
                [runs[i] for i in indices],
                engines.ENGINES.find(engine).most_examples(self.device),
                fits=lambda group: self._group_bytes(group) <= budget,
            )
            groups.extend([indices[i] for i in group] for group in packed)
        return groups

    def begin(
        self, documents: Sequence[Document], starts: Sequence[Mapping[str, np.ndarray] | None]
    ) -> _Group:
        """See ``runs.Trainer``."""
        torch.set_num_threads(1)  # of the calling worker
        return _Group(Training(_settings(documents), starts, self.device, self.engine))

    def seconds(self, documents: Sequence[Document]) -> float:
        """See ``runs.Trainer``."""
        runs = _settings(documents)
        slowness = cost.slowness() if self.device == "cpu" else 1.0
        return slowness * cost.seconds(runs, self._engine_of(runs), self.device)

    def memory_bytes(self, groups: Sequence[Sequence[Document]]) -> float:
        """Return the estimated peak memory of training groups, as many at once as workers."""
        each = sorted(self._group_bytes(_settings(group)) for group in groups)
        return self._taken + sum(each[-self.workers :])

    def require_measurable(self, documents: Sequence[Document]) -> None:
        """Refuse runs that some measure of others fails on, before hours of training.

        Raises:
            InvalidInputError: One does.
        """
        measures.try_out(_settings(documents))

    def snapshot_bytes(self, documents: Sequence[Document]) -> int:
        """Return the space that the snapshots of runs will take in the store."""
        return sum(map(snapshot_bytes, _settings(documents)))

    def why_slow(self, documents: Sequence[Document]) -> str | None:
        """Return why some runs that compiled code could train do not, although ``auto`` may."""
        if self.engine != "auto" or self.device != "cpu":
            return None
        one_of_each = {ensemble.shape_key(run): run for run in _settings(documents)}
        reasons = (engines.without_compiled_code(run) for run in one_of_each.values())
        return next((why for why in reasons if why is not None), None)

    def definition(self, document: Document) -> dict[str, Any]:
        """See ``runs.Trainer``."""
        (run,) = _settings([document])
        return definition(run)

    def environment(self, documents: Sequence[Document]) -> dict[str, Any]:
        """See ``runs.Trainer``."""
        engine = self._engine_of(_settings(documents))
        name = torch.cuda.get_device_name() if self.device == "cuda" else provenance.processor()
        return {
            "device": self.device,
            "device_name": name or platform.machine(),
            "threads": 1,
            "workers": self.workers,
            "engine": engine,
            "compiled": engines.ENGINES.find(engine).compiled_by(),
        }
