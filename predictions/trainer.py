"""Training as ``runs.execute`` wants it: documents in, results out."""

from __future__ import annotations

import functools
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from efficiency import cost, engines, ensemble
from efficiency.engines import compiling
from efficiency.engines.memory import keep_what_is_freed
from efficiency.settings import RunSettings, TaskSettings
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

    def results(self) -> Iterator[Result]:
        return (
            Result(
                history=trained.history,
                weights=trained.weights,
                outcome=trained.outcome.document(),
            )
            for trained in self._training.results()
        )


class NetworkTrainer:
    """Trains the networks of ``efficiency`` for ``runs.execute``.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        engine: A name from ``efficiency.engines.ENGINES``, or ``auto``.
        memory: Bytes that training may take in all; default: four fifths of what is free now.

    Raises:
        ValueError: The device or the engine is not known or not there.
    """

    def __init__(
        self, device: str = "auto", engine: str = "auto", memory: float | None = None
    ) -> None:
        self.device = choose_device(device)
        self.engine = engine
        engines.choose(engine, _ANY_RUN, self.device)
        # On a CPU, ensembles side by side on one thread each beat one ensemble on all of them.
        self.workers = 1 if self.device == "cuda" else _usable_cores()
        self.memory = 0.8 * _free_bytes(self.device) if memory is None else memory
        if self.device == "cpu":
            keep_what_is_freed()  # before there are other threads
        # On a GPU memory is the device's own; elsewhere the interpreter has taken its part.
        self._taken = 0 if self.device == "cuda" else _resident_bytes()

    def _engine_of(self, group: Sequence[RunSettings]) -> str:
        return engines.choose(self.engine, group[0], self.device)

    def _group_bytes(self, group: Sequence[RunSettings]) -> float:
        return cost.group_bytes(group, self._engine_of(group))

    def pack(self, documents: Sequence[Document]) -> list[list[int]]:
        """See ``runs.Trainer``."""
        budget = (self.memory - self._taken) / self.workers
        return ensemble.pack(
            _settings(documents),
            ensemble.MAX_EXAMPLES[self.device],
            fits=lambda group: self._group_bytes(group) <= budget,
        )

    def begin(
        self, documents: Sequence[Document], starts: Sequence[Mapping[str, np.ndarray] | None]
    ) -> _Group:
        """See ``runs.Trainer``."""
        torch.set_num_threads(1)  # of the calling worker
        return _Group(Training(_settings(documents), starts, self.device, self.engine))

    def seconds(self, documents: Sequence[Document]) -> float:
        """See ``runs.Trainer``."""
        runs = _settings(documents)
        return cost.slowness() * cost.seconds(runs, self._engine_of(runs))

    def memory_bytes(self, groups: Sequence[Sequence[Document]]) -> float:
        """Return the estimated peak memory of training groups, as many at once as workers."""
        each = sorted(self._group_bytes(_settings(group)) for group in groups)
        return self._taken + sum(each[-self.workers :])

    def why_slow(self) -> str | None:
        """Return why the compiled engine is not used although ``auto`` would take it."""
        if self.engine == "auto" and self.device == "cpu":
            return compiling.problem()
        return None

    def environment(self, documents: Sequence[Document]) -> dict[str, Any]:
        """See ``runs.Trainer``."""
        engine = self._engine_of(_settings(documents))
        name = torch.cuda.get_device_name() if self.device == "cuda" else platform.processor()
        return {
            "device": self.device,
            "device_name": name or platform.machine(),
            "threads": 1,
            "workers": self.workers,
            "engine": engine,
            "compiled": compiling.description() if engine == "compiled" else None,
        }


_ANY_RUN = RunSettings(task=TaskSettings(), dataset_size=1, data_seed=0, init_seed=0, num_steps=1)


_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _free_bytes(device: str) -> float:
    """Return the memory that is free on the device; 4 GiB where the system does not say."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        kibibytes = dict(line.split()[:2] for line in text.splitlines())["MemAvailable:"]
    except (OSError, KeyError):
        return 4.0 * 2**30
    return min(1024.0 * float(kibibytes), *_left_by_control_groups(), math.inf)


def _left_by_control_groups(root: Path = Path("/sys/fs/cgroup")) -> list[float]:
    """Return what each Linux control group around this process, a batch job say, leaves to it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    left = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        # Version 2 has one tree without a name; version 1 one for each controller.
        tree = root / controllers
        limit, used = ("memory.max", "memory.current") if not controllers else _VERSION_1
        here = tree / path.lstrip("/")
        for group in (here, *here.parents):
            if not group.is_relative_to(tree):
                break
            try:
                left.append(float((group / limit).read_text()) - float((group / used).read_text()))
            except (OSError, ValueError):  # none there, or "max": no limit
                continue
    return left


def _resident_bytes() -> float:
    """Return the memory that this process has taken so far; 400 MiB where nothing says."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    except OSError:
        return 400.0 * 2**20
    return float(pages) * os.sysconf("SC_PAGE_SIZE")
