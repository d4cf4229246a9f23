"""One call of ``runs.execute``: what is left of a group, and training one that is claimed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runs import provenance
from runs.execution.checkpoints import Workplace
from runs.execution.planning import Trainable, Trainer, generations
from runs.execution.progress import Execution, Progress
from runs.execution.sharing import Group, Waiting
from runs.execution.starts import Starts
from runs.execution.workplaces import folder_of, was_begun
from runs.identity import Document, identity
from runs.store import Store

CHECKPOINT_SHARE = 0.01
"""Largest share of the time that goes into checkpoints."""

CHUNK_SECONDS = 0.25
"""Time between two looks at the clock, at requests to stop and at other processes."""

LOST_ITS_START = "a run that it starts from diverged"


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
class Work:
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
    _seconds_found: dict[str, float] = field(default_factory=dict)
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
            seconds_found=sum(list(self._seconds_found.values())),
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
            name = f"of {folder_of(self.store, group).name}"
            self._seconds_done[name] = self._seconds_found[name] = saved
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
        self._seconds_found[place.folder.name] = estimate * training.step / training.num_steps
        next_checkpoint = time.monotonic() + self.checkpoint_seconds
        while training.step < training.num_steps and not self.stop.is_set():
            before = time.monotonic()
            training.advance(chunk)
            now = time.monotonic()
            # Chunks only decide when we look up; the numbers do not depend on them.
            chunk = max(1, min(2 * chunk, int(chunk * CHUNK_SECONDS / max(now - before, 1e-6))))
            if now >= next_checkpoint:
                place.write(training.state(), legs, training.step)
                saved_at, after = training.step, time.monotonic()
                wait = max(self.checkpoint_seconds, (after - now) / CHECKPOINT_SHARE)
                next_checkpoint = after + wait
            share = training.step / training.num_steps
            self._seconds_done[place.folder.name] = estimate * share
        if training.step < training.num_steps:
            if saved_at < training.step:
                place.write(training.state(), legs, training.step)
            if training.step > 0:
                self.begun.append(place.folder.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
