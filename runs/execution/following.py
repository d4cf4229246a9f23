"""What all who train by jobs have in common: what is left to submit, and what comes of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import final

from runs.execution.checkpoints import steps_of
from runs.execution.jobs import Job
from runs.execution.planning import Trainer, generations
from runs.execution.progress import Execution, Progress
from runs.execution.stopping import stop_on_signals
from runs.execution.work import lost_starts
from runs.execution.workplaces import folder_of, in_training, set_out, tidy
from runs.files import StoreError
from runs.identity import Document
from runs.store import Store

Group = Sequence[Document]

POLL_SECONDS = 5.0
"""Time between two looks at what is left of jobs."""

SILENT_SECONDS = 600.0
"""Time for which nothing may be said of them while they are followed."""

HOST_MEBIBYTES = 8192
"""Of the machine's memory, for a worker on a GPU: libraries, and what it saves."""


def besides(
    running: Iterable[Job], levels: Sequence[Sequence[Group]], store: Store
) -> list[list[Group]]:
    """Return those groups of a plan that no running job has, without empty generations."""
    theirs = {name for job in running for groups in job.levels for name in groups}
    left = [[one for one in level if folder_of(store, one).name not in theirs] for level in levels]
    return [level for level in left if level]


def memory_of(trainer: Trainer, levels: Sequence[Sequence[Group]]) -> float:
    """Return the bytes that the largest group of a plan takes, 0 if there is none."""
    groups = (group for groups in levels for group in groups)
    return max((trainer.memory_bytes([group]) for group in groups), default=0.0)


def host_mebibytes(memory_bytes: float, *, on_gpu: bool) -> int:
    """Return what to ask for a worker that is estimated to take so many bytes of its device."""
    return HOST_MEBIBYTES if on_gpu else int(memory_bytes / 2**20 * 1.5) + 256


def noted(
    levels: Sequence[Sequence[Group]], store: Store, training: Mapping[str, object], by: str
) -> Job:
    """Write down groups, and the job that they are of, where its workers will look."""
    store.require_writable()
    for group in (group for groups in levels for group in groups):
        set_out(store, group)
    job = Job.of(store, levels, training, by)
    job.write(store)
    return job


def in_words(counts: Mapping[str, int]) -> str:
    """Return how many tasks are in which state."""
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


@final
class Watch:
    """Sees what comes of jobs.

    Args:
        documents: The runs that are wanted.
        store: Where they come to be.
        report: Called at every look.
        who: What trains them, in a word.

    Attributes:
        stop: Set by a signal to end.
        wanted: Identities of the runs and of all that they continue.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        store: Store,
        report: Callable[[Progress], None],
        who: str,
    ) -> None:
        self.stop = threading.Event()
        self.wanted = {run for level in generations(documents) for run in level}
        self._documents, self._store = documents, store
        self._report, self._who = report, who
        self._found: set[str] = set()
        self._submitted_at: tuple[int, int] | None = None

    def there(self) -> set[str]:
        """Return which of the wanted runs the store has."""
        folder = self._store.path / "runs"
        listed = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        self._found |= {run for run in self.wanted & listed - self._found if self._store.has(run)}
        return self._found

    def saved(self) -> int:
        """Return how many they are."""
        return len(self.there())

    def lost(self) -> dict[str, str]:
        """Return the wanted runs that cannot be trained, and why."""
        return lost_starts(self._documents, self._store)

    def done(self) -> bool:
        """Return whether nothing is missing that could be trained."""
        return self.wanted <= self.there() | self.lost().keys()

    def again(self, levels: Sequence[Sequence[Group]]) -> bool:
        """Return whether to submit what is missing: if it came any further since the last time.

        Args:
            levels: What is missing, by generation.
        """
        if not self._came_further(levels):
            self._wait_for_others(levels)
            if not self._came_further(levels) or self.stop.is_set() or self.done():
                return False
        self._submitted_at = self._how_far(levels)
        return True

    def _came_further(self, levels: Sequence[Sequence[Group]]) -> bool:
        """Return whether more is done than ever before something was submitted."""
        return self._submitted_at is None or self._how_far(levels) > self._submitted_at

    def _how_far(self, levels: Sequence[Sequence[Group]]) -> tuple[int, int]:
        """Return how many runs are saved, and how many steps the begun groups have made.

        A limit of time may end every job of a long group before it has saved anything: its steps
        show that one more job is worth it.
        """
        groups = (group for groups in levels for group in groups)
        return self.saved(), sum(steps_of(folder_of(self._store, group)) for group in groups)

    def _wait_for_others(self, levels: Sequence[Sequence[Group]]) -> None:
        """Wait as long as other processes train in this store: they may have what is missing."""
        while (who := in_training(self._store)) and not self.stop.is_set() and not self.done():
            done = self.saved()
            self._report(
                Progress(
                    runs_done=0,
                    runs_total=len(self.wanted) - done,
                    seconds_done=0.0,
                    seconds_total=float(len(self.wanted) - done),
                    activity=f"waiting, {who}",
                )
            )
            if self._came_further(levels):
                return
            self.stop.wait(POLL_SECONDS)

    def complain(self, why: str | None) -> None:
        """Say why something failed, if it matters.

        Raises:
            StoreError: Something failed, runs are missing, and nobody asked to stop.
        """
        if why is not None and not self.stop.is_set() and not self.done():
            raise StoreError(
                f"{why}\nWhat was saved is not lost: the same command submits the rest again"
            )

    def follow(self, look: Callable[[], Mapping[str, int]]) -> None:
        """Report until nothing is left, or until asked to stop.

        Args:
            look: Returns how many tasks are in which state; a ``StoreError`` is no answer.

        Raises:
            StoreError: There was none for ``SILENT_SECONDS``.
        """
        begun, first = time.monotonic(), self.saved()
        heard = begun
        while not self.stop.is_set():
            try:
                counts = look()
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
                    activity=f"{self._who}: {in_words(counts) or 'ending'}",
                )
            )
            if not counts:
                return
            self.stop.wait(min(POLL_SECONDS, 0.5 + 0.1 * (time.monotonic() - begun)))


def level_by_level(
    watch: Watch,
    planned: Callable[[], Sequence[Sequence[Group]]],
    note: Callable[[Sequence[Sequence[Group]]], Job],
    train: Callable[[Job, int], str | None],
) -> None:
    """Have one generation after another trained, until nothing is missing or nothing comes of it.

    Args:
        watch: Sees it.
        planned: Returns what is missing, by generation.
        note: Writes that down, as a job.
        train: Trains a generation of a job, as far as it goes; returns why something failed, if
            something did.

    Raises:
        StoreError: Something failed, and runs are missing.
    """
    why: str | None = None
    while not watch.stop.is_set() and not watch.done():
        levels = planned()
        if not levels or not watch.again(levels):
            break
        job = note(levels)
        for level in range(len(levels)):
            if not watch.stop.is_set():
                why = train(job, level) or why
    watch.complain(why)


def followed(
    watch: Watch,
    store: Store,
    train: Callable[[], str],
    *,
    elsewhere: str,
    nothing_left: str,
) -> Execution:
    """Have jobs train what the store lacks, and return what came of it.

    Args:
        watch: Sees it.
        store: Where the runs come to be.
        train: Submits and follows; returns what becomes of the jobs if this process ends.
        elsewhere: What trains, in a phrase.
        nothing_left: Why nothing more will come if runs are missing at the end.

    Raises:
        StoreError: Runs are missing although nobody asked to stop.
    """
    began = time.monotonic()
    tidy(store)
    execution = Execution(found=watch.saved())
    with stop_on_signals(watch.stop):
        goes_on = train()
    execution.by_others = watch.saved() - execution.found
    execution.skipped = watch.lost()
    undone = watch.wanted - watch.there() - execution.skipped.keys()
    execution.interrupted = bool(undone)
    execution.seconds = time.monotonic() - began
    execution.elsewhere = elsewhere
    if watch.stop.is_set():
        execution.goes_on = goes_on
    elif undone:
        raise StoreError(
            f"{len(undone)} runs are missing, and {nothing_left}; what the last ones printed is in "
            f"{store.path / 'jobs'}{_last_words(store)}. What was saved is not lost: the same "
            "command submits the rest again"
        )
    return execution


def _last_words(store: Store) -> str:
    """Return how the newest log of a job ends, as the end of a clause; empty if there is none."""
    with contextlib.suppress(OSError):
        logs = sorted(store.path.glob("jobs/*/*.log"), key=lambda log: log.stat().st_mtime)
        if logs and (words := logs[-1].read_text(errors="replace").strip()):
            return f"; the newest ends with {words.splitlines()[-1][:200]!r}"
    return ""
