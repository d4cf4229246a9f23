"""From a list of settings to a store that holds them all, in threads of this process.

Runs that the store has are dropped, runs that can share a program are trained as one group, groups
are trained side by side, each as soon as the runs that it continues are done, and each run is saved
as its group ends. Several processes with one store divide the groups. Everything that is needed to
go on after an interruption lies in the store; the same call again goes on exactly where the last
one stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runs import provenance
from runs.execution.checkpoints import Workplace
from runs.execution.planning import Trainable, Trainer, generations, plan
from runs.execution.sharing import Group, Waiting
from runs.execution.starts import Starts
from runs.execution.stopping import ASKED_AGAIN, stop_on_signals
from runs.execution.workplaces import folder_of, tidy, was_begun
from runs.identity import Document, identity
from runs.store import Store

CHECKPOINT_SHARE = 0.01
"""Largest share of the time that goes into checkpoints."""

CHUNK_SECONDS = 0.25
"""Time between two looks at the clock, at requests to stop and at other processes."""


LOST_ITS_START = "a run that it starts from diverged"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an execution has come.

    Attributes:
        runs_done: Runs saved by this call.
        runs_total: Runs that were missing when it began.
        seconds_done: Estimated work that is done, as time of one worker.
        seconds_total: Estimated work in all.
        activity: What is going on now.
    """

    runs_done: int
    runs_total: int
    seconds_done: float
    seconds_total: float
    activity: str


@dataclass(kw_only=True)
class Execution:
    """What an execution did.

    Attributes:
        trained: Identities of the runs that this call trained.
        found: How many of the wanted runs the store had.
        skipped: Runs that could not be trained, by identity, and why.
        interrupted: Whether it was asked to stop before the end.
        begun: Groups whose training has begun, and whose checkpoints were written when it stopped.
        again: Whether the signal meant to go on later (SIGUSR1, SIGUSR2).
        by_others: Wanted runs that another process trained meanwhile.
        seconds: Time it took.
        elsewhere: Who the others are, in words.
        goes_on: What goes on although this was interrupted, in words; empty if nothing does.
    """

    trained: list[str] = field(default_factory=list)
    found: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    begun: int = 0
    again: bool = False
    by_others: int = 0
    seconds: float = 0.0
    elsewhere: str = "by another process"
    goes_on: str = ""


def execute(
    documents: Sequence[Document],
    store: Store,
    trainer: Trainer,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint_seconds: float = 60.0,
) -> Execution:
    """Train what the store lacks.

    SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2 lets the updates in hand finish, writes a checkpoint
    of every group in training and returns with ``interrupted`` set.

    Args:
        documents: The runs that are wanted.
        store: Where they go.
        trainer: How to train them.
        report: Called several times a second, always from the calling thread.
        checkpoint_seconds: Time between checkpoints of a group; longer where they take more than
            ``CHECKPOINT_SHARE`` of it.

    Raises:
        StoreError: A wanted run is damaged, or the store cannot be written.
    """
    tidy(store)
    levels = plan(documents, store, trainer)
    wanted = {run for level in generations(documents) for run in level}
    return train(
        levels, wanted, store, trainer, report=report, checkpoint_seconds=checkpoint_seconds
    )


def train(
    levels: Sequence[Sequence[Group]],
    wanted: Set[str],
    store: Store,
    trainer: Trainer,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint_seconds: float = 60.0,
    patient: bool = True,
) -> Execution:
    """Train groups that are planned.

    Args:
        levels: The groups by generation, see ``runs.plan``.
        wanted: Identities of the runs that are asked for; groups may have others too.
        store: Where they go.
        trainer: See ``execute``, as the others.
        report: See there.
        checkpoint_seconds: See there.
        patient: Whether to wait for groups that other processes hold, and for what continues them.

    Raises:
        StoreError: See ``execute``.
    """
    began = time.monotonic()
    provenance.code()  # now, not when the first run ends: the files may change meanwhile
    groups = [group for level in levels for group in level]
    work = _Work(
        store=store,
        trainer=trainer,
        checkpoint_seconds=checkpoint_seconds,
        total_runs=len({identity(document) for group in groups for document in group}),
        total_seconds=sum(trainer.seconds(group) for group in groups),
    )
    work.execution.found = sum(store.has(run) for run in wanted)
    waiting = Waiting(levels, store, work.left_of, work.place, patient=patient)
    with stop_on_signals(work.stop) as heard:
        _train_all(work, waiting, number=max(1, min(trainer.workers, len(groups))), report=report)
    stored = sum(store.has(run) for run in wanted)
    trained = len(wanted & set(work.execution.trained))
    work.execution.by_others = stored - work.execution.found - trained
    undone = wanted - work.execution.skipped.keys()
    work.execution.interrupted = work.stop.is_set() and not all(store.has(run) for run in undone)
    work.execution.again = bool(heard) and heard[0] in ASKED_AGAIN
    work.execution.begun = len(work.begun)
    work.execution.seconds = time.monotonic() - began
    return work.execution


def _train_all(
    work: _Work, waiting: Waiting, *, number: int, report: Callable[[Progress], None]
) -> None:
    """Train groups, some at once, each after those that it continues."""
    work.waiting = waiting

    def train_in_turn() -> None:
        while not work.stop.is_set() and (place := waiting.take()) is not None:
            if work.train(place):
                waiting.done(place)
            else:
                waiting.stop()  # before anybody begins what continues it

    with ThreadPoolExecutor(max_workers=number) as pool:
        busy = {pool.submit(train_in_turn) for _ in range(number)}
        try:
            while busy:
                done, busy = wait(busy, timeout=CHUNK_SECONDS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if work.stop.is_set():
                    waiting.stop()
                report(work.progress())
        except BaseException:
            # One group failed: let the others write their checkpoints, begin no more.
            work.stop.set()
            waiting.stop()
            raise


def lost_starts(documents: Sequence[Document], store: Store) -> dict[str, str]:
    """Return the runs, of documents and all that they continue, that cannot be trained, and why."""
    lost: dict[str, str] = {}
    for level in generations(documents):
        for run, document in level.items():
            if (start := document.get("start")) is not None:
                parent = identity(start)
                if parent in lost or _diverged(parent, store):
                    lost[run] = LOST_ITS_START
    return lost


def _diverged(run: str, store: Store) -> bool:
    return store.has(run) and store.load(run).outcome["status"] == "diverged"


@dataclass(kw_only=True)
class _Work:
    """One call of ``execute``, shared by its workers."""

    store: Store
    trainer: Trainer
    checkpoint_seconds: float
    total_runs: int
    total_seconds: float
    execution: Execution = field(default_factory=Execution)
    stop: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)
    waiting: Waiting | None = None
    _places: dict[str, Workplace] = field(default_factory=dict)
    _lost: dict[str, bool] = field(default_factory=dict)
    _seconds_done: dict[str, float] = field(default_factory=dict)
    _training: dict[str, int] = field(default_factory=dict)
    _here: str = "preparing"

    def progress(self) -> Progress:
        """Return how far it has come."""
        return Progress(
            runs_done=len(self.execution.trained),
            runs_total=self.total_runs,
            seconds_done=sum(list(self._seconds_done.values())),
            seconds_total=self.total_seconds,
            activity=self._activity(),
        )

    def _activity(self) -> str:
        """Return in words what goes on, here and elsewhere."""
        sizes = sorted({*list(self._training.values())})
        if sizes:
            self._here = f"training ensembles of {' and '.join(map(str, sizes))}"
        elsewhere = "" if self.waiting is None else self.waiting.held()
        if not elsewhere:
            return self._here
        return f"{self._here if sizes else 'waiting'}, {elsewhere}"

    def left_of(self, group: Group) -> Group:
        """Return what of a group is still to train, in its order.

        All of it where it was begun, since its members share a program: what the store has of it
        stays. Nothing of what would continue a run that is lost.
        """
        kept = [document for document in group if not self._has_lost_its_start(document)]
        absent = [document for document in kept if not self.store.has(identity(document))]
        left = kept if absent and was_begun(folder_of(self.store, kept)) else absent
        if len(left) < len(group):
            saved = self.trainer.seconds(group) - (self.trainer.seconds(left) if left else 0.0)
            self._seconds_done[f"of {folder_of(self.store, group).name}"] = saved
        return left

    def _has_lost_its_start(self, document: Document) -> bool:
        """Return whether a run continues one that diverged, or could not be trained for that."""
        if (start := document.get("start")) is None:
            return False
        parent = identity(start)
        if parent not in self._lost:
            if parent not in self.execution.skipped and not self.store.has(parent):
                return False
            self._lost[parent] = parent in self.execution.skipped or _diverged(parent, self.store)
        if self._lost[parent]:
            self.execution.skipped[identity(document)] = LOST_ITS_START
        return self._lost[parent]

    def place(self, group: Group) -> Workplace:
        """Return the workplace of a group, the same at each call."""
        name = folder_of(self.store, group).name
        if name not in self._places:
            definitions = [self.trainer.definition(document) for document in group]
            self._places[name] = Workplace(self.store, group, definitions)
        return self._places[name]

    def train(self, place: Workplace) -> bool:
        """Train the group of a claimed workplace and save it; return whether there was time."""
        finished = False
        try:
            finished = self._train_claimed(place)
        finally:
            place.release(finished=finished)
        if finished:
            self._seconds_done[place.folder.name] = self.trainer.seconds(place.documents)
        self._places.pop(place.folder.name, None)
        return finished

    def _train_claimed(self, place: Workplace) -> bool:
        """Return whether nothing is left to do."""
        if all(self.store.has(run) for run in place.identities):
            return True  # saved by its last holder between our look and our claim
        began, clock = _now(), time.monotonic()
        training, legs = self._begun(place)
        resumed_at = training.step
        leg = {
            "code": provenance.code(),
            "environment": provenance.environment(),
            "training": self.trainer.environment(place.documents),
        }
        self._training[place.folder.name] = len(place.documents)
        try:
            self._advance(training, place, [*legs, leg])
        finally:
            del self._training[place.folder.name]
        if training.step < training.num_steps:
            return False
        origin = {
            **leg,
            "earlier": legs,
            "ensemble": place.identities,
            "times": {
                "began": began,
                "ended": _now(),
                "seconds": round(time.monotonic() - clock, 3),
                "resumed_at_step": resumed_at,
            },
        }
        for document, result, meant in zip(
            place.documents, training.results(), place.definitions, strict=True
        ):
            run = identity(document)
            whole = {**origin, "definition": meant}
            if not self.store.has(run) and self.store.save(document, result, whole, place.staging):
                self.execution.trained.append(run)
        return True

    def _begun(self, place: Workplace) -> tuple[Trainable, Sequence[Document]]:
        """Return the group, as far as its checkpoint has come, and who trained it this far."""
        starts = Starts(self.store, place.documents)
        training = self.trainer.begin(place.documents, starts)
        checkpoint = place.read()
        if checkpoint is None:
            return training, ()
        try:
            training.restore(checkpoint.state)
        except ValueError:  # of another version; training from the start gives the same
            return self.trainer.begin(place.documents, starts), ()
        if training.step >= training.num_steps:  # never written: whoever ends saves its runs
            return self.trainer.begin(place.documents, starts), ()
        # A leg that says until when it went is an earlier one; the last one ended here.
        return training, [{"until_step": training.step, **leg} for leg in checkpoint.legs]

    def _advance(self, training: Trainable, place: Workplace, legs: Sequence[Document]) -> None:
        """Train to the end or to a request to stop, with checkpoints on the way."""
        estimate = self.trainer.seconds(place.documents)
        chunk, saved_at = 1, training.step
        next_checkpoint = time.monotonic() + self.checkpoint_seconds
        while training.step < training.num_steps and not self.stop.is_set():
            before = time.monotonic()
            training.advance(chunk)
            now = time.monotonic()
            # Chunks only decide when we look up; the numbers do not depend on them.
            chunk = max(1, min(2 * chunk, int(chunk * CHUNK_SECONDS / max(now - before, 1e-6))))
            if now >= next_checkpoint:
                place.write(training.state(), legs)
                saved_at, after = training.step, time.monotonic()
                wait = max(self.checkpoint_seconds, (after - now) / CHECKPOINT_SHARE)
                next_checkpoint = after + wait
            share = training.step / training.num_steps
            self._seconds_done[place.folder.name] = estimate * share
        if training.step < training.num_steps:
            if saved_at < training.step:
                place.write(training.state(), legs)
            if training.step > 0:
                self.begun.append(place.folder.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
