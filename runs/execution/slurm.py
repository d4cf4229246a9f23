"""Training by jobs of Slurm.

Each generation of groups is an array of equal tasks, which begins when the one before has ended.
A task is a worker that takes whatever is free, until nothing is. The batch script becomes the
worker (``exec``), so that signals of Slurm reach it: SIGTERM, of a preemption or of ``scancel``,
and SIGUSR1 some time before the limit, let it write checkpoints and end; after SIGUSR1 it has
itself requeued. Slurm requeues it after a preemption and when a node is lost.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

from runs.execution.executors import Submitted
from runs.execution.following import (
    Group,
    Watch,
    besides,
    followed,
    host_mebibytes,
    memory_of,
    noted,
)
from runs.execution.jobs import Job, jobs
from runs.execution.planning import Trainer, plan
from runs.execution.progress import Execution, Progress
from runs.execution.slurm_commands import PREFIX, ask, queue
from runs.identity import Document
from runs.store import Store

_TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|infinite|unlimited", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SlurmOptions:
    """What is asked of Slurm.

    Attributes:
        partition: Where; default: the cluster's.
        account: Who pays; default: the user's.
        time: Limit of each task, as ``sbatch --time`` takes it.
        memory_mebibytes: Of each task; ``None`` for what training is estimated to take.
        max_jobs: Tasks at once.
        warning_seconds: Time before the limit at which a task is told.
        setup: Lines of shell before the worker begins: ``module load``, for one.
        more: Further options of ``sbatch``, as they stand.
    """

    partition: str | None = None
    account: str | None = None
    time: str = "04:00:00"
    memory_mebibytes: int | None = None
    max_jobs: int = 64
    warning_seconds: int = 120
    setup: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = {"max_jobs": 1, "warning_seconds": 0, "memory_mebibytes": 1}
        for name, smallest in least.items():
            if (value := getattr(self, name)) is not None and value < smallest:
                raise ValueError(f"{name} is {value}; it must be {smallest} at least")
        if not _TIME.fullmatch(self.time):
            raise ValueError(
                f"time is {self.time!r}; give minutes, minutes:seconds, hours:minutes:seconds, "
                "days-hours, days-hours:minutes or days-hours:minutes:seconds"
            )
        for name in ("partition", "account"):
            value = getattr(self, name)
            if value is not None and (not value.strip() or "\n" in value):
                raise ValueError(f"{name} is {value!r}; give a word, or leave it out")


@final
class Slurm:
    """Trains by jobs of Slurm, and follows them.

    Args:
        options: What is asked of Slurm.
        worker: The command of a worker; the path of the store, the name of the job and the level
            are added to it.
        training: What workers need to know of training, as JSON types.
        detach: Whether to return when all is submitted.
    """

    def __init__(
        self,
        options: SlurmOptions,
        worker: Sequence[str],
        training: Mapping[str, Any],
        *,
        detach: bool = False,
    ) -> None:
        self.options, self._worker = options, list(worker)
        self._training, self._detach = training, detach

    def script(self, job: Job, level: int, store: Store, memory_bytes: float) -> str:
        """Return the batch script of a level."""
        asked, folder = self.options, job.folder(store).absolute()
        tasks = min(len(job.levels[level]), asked.max_jobs)
        on_gpu = self._training.get("device") == "cuda"
        memory = asked.memory_mebibytes or host_mebibytes(memory_bytes, on_gpu=on_gpu)
        # Whoever says anything of GPUs says it all.
        gpu = on_gpu and not any("gpu" in word.lower() for word in asked.more)
        named = {"partition": asked.partition, "account": asked.account}
        given = {name: value for name, value in named.items() if value is not None}
        lines = [
            f"--job-name={PREFIX}{job.name}-{level}",
            f"--array=0-{tasks - 1}",
            "--ntasks=1",
            "--cpus-per-task=1",
            *(["--gpus-per-task=1"] if gpu else []),
            f"--mem={memory}M",
            f"--time={asked.time}",
            "--requeue",
            f"--signal=B:USR1@{asked.warning_seconds}",
            "--open-mode=append",
            "--output=" + shlex.quote(str(folder).replace("%", "%%") + "/%A_%a.log"),
            *(f"--{name}={shlex.quote(value)}" for name, value in given.items()),
            *asked.more,
        ]
        worker = [*self._worker, str(store.path.absolute()), job.name, str(level)]
        return "\n".join(
            [
                "#!/bin/bash",
                *(f"#SBATCH {line}" for line in lines),
                *asked.setup,
                "export OPENBLAS_NUM_THREADS=1",
                f"exec {shlex.join(worker)}",
                "",
            ]
        )

    def preview(self, documents: Sequence[Document], store: Store, trainer: Trainer) -> str:
        """See ``runs.execution.executors.Executor``."""
        levels = plan(documents, store, trainer)
        job, memory = Job.of(store, levels, self._training, "slurm"), memory_of(trainer, levels)
        return "\n".join(self.script(job, at, store, memory) for at in range(len(levels)))

    def execute(
        self,
        documents: Sequence[Document],
        store: Store,
        trainer: Trainer,
        *,
        report: Callable[[Progress], None],
    ) -> Execution:
        """See ``runs.execution.executors.Executor``."""
        watch = Watch(documents, store, report, "Slurm")
        return followed(
            watch,
            store,
            lambda: self._train(documents, store, trainer, watch),
            elsewhere="by jobs of Slurm",
            nothing_left="no job is left in the queue",
        )

    def _train(
        self, documents: Sequence[Document], store: Store, trainer: Trainer, watch: Watch
    ) -> str:
        """Submit what no job has and follow all, until nothing is missing or nothing comes of it.

        Returns:
            What becomes of the jobs that were followed last.
        """
        running: list[Job] = []
        while not watch.stop.is_set() and not watch.done():
            known = jobs(store)
            there = queue(known)
            running = [job for job in known if job.name in there]
            if levels := besides(running, plan(documents, store, trainer), store):
                if not watch.again(levels):
                    break
                running.append(self._submit(levels, store, trainer))
            elif not running:
                break
            if self._detach:
                raise Submitted([job.name for job in running])
            watch.follow(partial(_left_of, tuple(running)))
        names = [f"{PREFIX}{job.name}-{at}" for job in running for at in range(len(job.ids))]
        return f"the jobs go on; `scancel --me --name={','.join(names)}` ends them"

    def _submit(self, levels: Sequence[Sequence[Group]], store: Store, trainer: Trainer) -> Job:
        """Submit what is to train; return it as noted."""
        job = noted(levels, store, self._training, "slurm")
        ids: list[str] = []
        for level in range(len(levels)):
            # After any end: what a task could not do, the next round does.
            after = [f"--dependency=afterany:{ids[-1]}"] if ids else []
            script = self.script(job, level, store, memory_of(trainer, levels))
            said = ask(["sbatch", "--parsable", *after], script)
            ids.append(said.strip().split(";")[0])
            job = replace(job, ids=tuple(ids))
            job.write(store)  # before the next: whoever is killed here finds it again
        return job


def _left_of(running: Sequence[Job]) -> Counter[str]:
    """Return how many tasks of some jobs are in which state of Slurm."""
    return sum(queue(running).values(), Counter())
