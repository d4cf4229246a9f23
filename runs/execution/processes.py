"""Training by worker processes on this machine, each with an environment of its own: one a GPU.

Threads of one process share a GPU badly, and two GPUs worse; processes that share a store need
nothing from each other. Each generation of groups has one worker for each environment, which takes
whatever is free, until nothing is.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, final

from runs.execution.children import begin, end, last_words
from runs.execution.following import Watch, followed, level_by_level, noted
from runs.execution.jobs import Job
from runs.execution.planning import Trainer, plan
from runs.execution.progress import Execution, Progress
from runs.identity import Document
from runs.store import Store


@final
class Processes:
    """Trains by worker processes of this machine, and follows them.

    Args:
        environments: What each worker has in its environment beside what this process has.
        worker: The command of a worker; the path of the store, the name of the job and the level
            are added to it.
        training: What workers need to know of training, as JSON types.
    """

    def __init__(
        self,
        environments: Sequence[Mapping[str, str]],
        worker: Sequence[str],
        training: Mapping[str, Any],
    ) -> None:
        self._environments, self._worker = list(environments), list(worker)
        self._training = training

    def preview(self, documents: Sequence[Document], store: Store, trainer: Trainer) -> str:
        """See ``runs.execution.executors.Executor``."""
        counts = [
            min(len(groups), len(self._environments)) for groups in plan(documents, store, trainer)
        ]
        return "".join(
            f"level {at}: {number} processes, with "
            + "; ".join(map(_in_words, self._environments[:number]))
            + "\n"
            for at, number in enumerate(counts)
        )

    def execute(
        self,
        documents: Sequence[Document],
        store: Store,
        trainer: Trainer,
        *,
        report: Callable[[Progress], None],
    ) -> Execution:
        """See ``runs.execution.executors.Executor``."""
        watch = Watch(documents, store, report, "processes")
        return followed(
            watch,
            store,
            lambda: self._train(documents, store, trainer, watch),
            elsewhere="by other processes",
            nothing_left="the workers have ended",
        )

    def _train(
        self, documents: Sequence[Document], store: Store, trainer: Trainer, watch: Watch
    ) -> str:
        """Start workers and follow them; return what becomes of them if this process ends."""
        level_by_level(
            watch,
            lambda: plan(documents, store, trainer),
            lambda levels: noted(levels, store, self._training, "processes"),
            lambda job, level: self._train_level(job, level, store, watch),
        )
        return "what they did is kept in checkpoints"

    def _train_level(self, job: Job, level: int, store: Store, watch: Watch) -> str | None:
        """Train a generation, as far as it goes; return why a worker failed, if one did."""
        command = [*self._worker, str(store.path.absolute()), job.name, str(level)]
        number = min(len(job.levels[level]), len(self._environments))
        logs = [job.folder(store) / f"process-{level}-{k}.log" for k in range(number)]
        workers: list[subprocess.Popen[bytes]] = []
        try:
            for log, environment in zip(logs, self._environments, strict=False):
                workers.append(begin(command, log, environment))
            watch.follow(partial(_left_of, workers))
        finally:
            end(*workers)
        for worker, log in zip(workers, logs, strict=True):
            if worker.returncode != 0:
                return f"a worker ended with {worker.returncode}: {last_words(log)}"
        return None


def _left_of(workers: Sequence[subprocess.Popen[bytes]]) -> Counter[str]:
    """Return how many workers have not ended."""
    left = sum(worker.poll() is None for worker in workers)
    return Counter({"workers": left}) if left else Counter()


def _in_words(environment: Mapping[str, str]) -> str:
    return (
        " ".join(f"{name}={value}" for name, value in environment.items()) or "nothing of its own"
    )
