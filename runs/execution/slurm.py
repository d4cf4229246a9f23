"""Training by jobs of Slurm.

Each generation of groups is an array of equal tasks, which begins when the one before has ended.
A task is a worker that takes whatever is free, until nothing is. The batch script becomes the
worker (``exec``), so that signals of Slurm reach it: SIGTERM, of a preemption or of ``scancel``,
and SIGUSR1 some time before the limit, let it write checkpoints and end; after SIGUSR1 it has
itself requeued. Slurm requeues it after a preemption and when a node is lost.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from runs.execution.executors import Submitted
from runs.execution.jobs import Job, jobs
from runs.execution.planning import Trainer, generations, plan
from runs.execution.progress import Execution, Progress
from runs.execution.slurm_commands import PREFIX, ask, in_words, queue
from runs.execution.stopping import stop_on_signals
from runs.execution.work import lost_starts
from runs.execution.workplaces import folder_of, set_out, tidy
from runs.files import StoreError
from runs.identity import Document
from runs.store import Store

Group = Sequence[Document]

POLL_SECONDS = 5.0
"""Time between two looks at the queue."""

SILENT_SECONDS = 600.0
"""Time for which Slurm may give no answer while jobs are followed."""

ROUNDS = 3
"""How often a command submits what is missing, as long as something comes of it."""


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
        for name in ("partition", "account", "time"):
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
        memory = asked.memory_mebibytes or int(memory_bytes / 2**20 * 1.5) + 256
        named = {"partition": asked.partition, "account": asked.account}
        given = {name: value for name, value in named.items() if value is not None}
        lines = [
            f"--job-name={PREFIX}{job.name}-{level}",
            f"--array=0-{tasks - 1}",
            "--ntasks=1",
            "--cpus-per-task=1",
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
        job = Job.of(store, levels, self._training)
        memory = _memory(trainer, levels) if levels else 0.0
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
        began = time.monotonic()
        tidy(store)
        wanted = {run for level in generations(documents) for run in level}
        execution = Execution(found=sum(map(store.has, wanted)))
        watch = _Watch(store, wanted, report)
        with stop_on_signals(watch.stop):
            running = self._follow(documents, store, trainer, watch)
        execution.by_others = watch.saved() - execution.found
        execution.skipped = lost_starts(documents, store)
        undone = wanted - watch.there() - execution.skipped.keys()
        execution.interrupted = bool(undone)
        execution.seconds = time.monotonic() - began
        execution.elsewhere = "by jobs of Slurm"
        if watch.stop.is_set():
            names = [f"{PREFIX}{job.name}-{at}" for job in running for at in range(len(job.ids))]
            execution.goes_on = f"the jobs go on; `scancel --me --name={','.join(names)}` ends them"
        elif undone:
            raise StoreError(
                f"{len(undone)} runs are missing, and no job is left in the queue; what the last "
                f"ones printed is in {store.path / 'jobs'}. What was saved is not lost: the same "
                "command submits the rest again"
            )
        return execution

    def _follow(
        self, documents: Sequence[Document], store: Store, trainer: Trainer, watch: _Watch
    ) -> list[Job]:
        """Submit what no job has and follow all, until nothing is missing or nothing comes of it.

        Returns:
            The jobs that were followed last.
        """
        saved_at_submission: list[int] = []
        running: list[Job] = []
        while not watch.stop.is_set():
            if watch.wanted <= watch.there() | lost_starts(documents, store).keys():
                break
            noted = jobs(store)
            there = queue(noted)
            running = [job for job in noted if job.name in there]
            if levels := _besides(running, plan(documents, store, trainer), store):
                now = watch.saved()
                if now in saved_at_submission or len(saved_at_submission) == ROUNDS:
                    break  # what came of it last time would come of it again
                saved_at_submission.append(now)
                running.append(self._submit(levels, store, trainer))
            elif not running:
                break
            if self._detach:
                raise Submitted([job.name for job in running])
            watch.follow(running)
        return running

    def _submit(self, levels: Sequence[Sequence[Group]], store: Store, trainer: Trainer) -> Job:
        """Submit what is to train; return it as noted."""
        store.require_writable()
        for group in (group for groups in levels for group in groups):
            set_out(store, group)
        job = Job.of(store, levels, self._training)
        job.write(store)
        ids: list[str] = []
        for level in range(len(levels)):
            # After any end: what a task could not do, the next round does.
            after = [f"--dependency=afterany:{ids[-1]}"] if ids else []
            script = self.script(job, level, store, _memory(trainer, levels))
            said = ask(["sbatch", "--parsable", *after], script)
            ids.append(said.strip().split(";")[0])
            job = replace(job, ids=tuple(ids))
            job.write(store)  # before the next: whoever is killed here finds it again
        return job


def _besides(
    running: Sequence[Job], levels: Sequence[Sequence[Group]], store: Store
) -> list[list[Group]]:
    """Return those groups of a plan that no running job has, without empty generations."""
    theirs = {name for job in running for groups in job.levels for name in groups}
    left = [[one for one in level if folder_of(store, one).name not in theirs] for level in levels]
    return [level for level in left if level]


def _memory(trainer: Trainer, levels: Sequence[Sequence[Group]]) -> float:
    return max(trainer.memory_bytes([group]) for groups in levels for group in groups)


class _Watch:
    """Sees what comes of jobs."""

    def __init__(
        self,
        store: Store,
        wanted: set[str],
        report: Callable[[Progress], None],
    ) -> None:
        self.stop = threading.Event()
        self.wanted, self._store, self._report = wanted, store, report
        self._found: set[str] = set()

    def there(self) -> set[str]:
        """Return which of the wanted runs the store has."""
        folder = self._store.path / "runs"
        listed = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        self._found |= {run for run in self.wanted & listed - self._found if self._store.has(run)}
        return self._found

    def saved(self) -> int:
        """Return how many they are."""
        return len(self.there())

    def follow(self, running: Sequence[Job]) -> None:
        """Report until nothing of jobs is left in the queue, or until asked to stop."""
        begun, first = time.monotonic(), self.saved()
        counts: Counter[str] = Counter()
        heard = begun
        while not self.stop.is_set():
            try:
                counts = sum(queue(running).values(), Counter())
                heard = time.monotonic()
            except StoreError as error:
                if time.monotonic() > heard + SILENT_SECONDS:
                    raise
                counts = Counter({f"not known ({error})": 1})
            done = self.saved()
            self._report(
                Progress(
                    runs_done=done - first,
                    runs_total=len(self.wanted) - first,
                    seconds_done=float(done - first),
                    seconds_total=float(len(self.wanted) - first),
                    activity=f"Slurm: {in_words(counts) or 'ending'}",
                )
            )
            if not counts:
                return
            self.stop.wait(min(POLL_SECONDS, 0.5 + 0.1 * (time.monotonic() - begun)))
