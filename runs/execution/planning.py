"""Which runs are still to train, in which groups and in which order, and how long that takes."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from runs.execution.workplaces import unfinished
from runs.identity import Document, identity
from runs.record import Result
from runs.store import Store


class Trainable(Protocol):
    """A group of runs in training."""

    @property
    def step(self) -> int:
        """Updates made so far."""

    @property
    def num_steps(self) -> int:
        """Updates in all."""

    def advance(self, num_steps: int) -> None:
        """Make up to ``num_steps`` updates."""

    def state(self) -> Mapping[str, np.ndarray]:
        """Return everything needed to go on exactly from here; valid until the next update."""

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state."""

    def results(self) -> Iterable[Result]:
        """Return what each finished run leaves behind, in the order of the group."""


class Trainer(Protocol):
    """What execution needs to know of training."""

    @property
    def workers(self) -> int:
        """Groups that train side by side, each in a thread of its own."""

    def pack(self, documents: Sequence[Document]) -> list[list[int]]:
        """Return groups of runs that may train together; leaving out groups changes no other."""

    def begin(
        self, documents: Sequence[Document], starts: Sequence[Mapping[str, np.ndarray] | None]
    ) -> Trainable:
        """Return a group ready to train, each run from its start's final weights if it has one."""

    def seconds(self, documents: Sequence[Document]) -> float:
        """Return the estimated time to train a group on one worker."""

    def memory_bytes(self, groups: Sequence[Sequence[Document]]) -> float:
        """Return the estimated peak memory of training groups, as many at once as workers."""

    def definition(self, document: Document) -> dict[str, Any]:
        """Return what the names in a run's settings stand for, for the provenance."""

    def environment(self, documents: Sequence[Document]) -> dict[str, Any]:
        """Return what trains a group, for the provenance."""


def generations(documents: Sequence[Document]) -> list[dict[str, Document]]:
    """Return the documents and all their ancestors by identity, parents before children."""
    levels: dict[int, dict[str, Document]] = {}

    def add(document: Document) -> int:
        parent = document.get("start")
        depth = 0 if parent is None else add(parent) + 1
        levels.setdefault(depth, {}).setdefault(identity(document), document)
        return depth

    for document in documents:
        add(document)
    return [levels[depth] for depth in sorted(levels)]


def _harmed(group: Sequence[Document], store: Store) -> bool:
    """Return whether a group that was begun cannot be taken as it was: a run of it is damaged."""
    return any(store.damage(run) is not None for level in generations(group) for run in level)


def plan(
    documents: Sequence[Document], store: Store, trainer: Trainer
) -> list[list[list[Document]]]:
    """Return the groups still to train, by generation, the longest first.

    Groups that were begun and not finished are taken exactly as they were; the rest is packed anew.
    As packing leaves a group as it is when others are left out, an interrupted plan goes on with
    the groups that it would have had.

    Raises:
        StoreError: A wanted run is damaged.
    """
    absent = [document for document in documents if not store.has(identity(document))]
    begun = unfinished(store)
    levels = []
    for level in generations(absent):
        wanted = {run: document for run, document in level.items() if not store.has(run)}
        groups = []
        for group in begun:
            members = {identity(document) for document in group}
            if members & wanted.keys() and not _harmed(group, store):
                groups.append(group)
                wanted = {run: d for run, d in wanted.items() if run not in members}
        rest = list(wanted.values())
        groups.extend([rest[i] for i in indices] for indices in trainer.pack(rest))
        levels.append(sorted(groups, key=trainer.seconds, reverse=True))
    return levels


def estimated_seconds(levels: Sequence[Sequence[Sequence[Document]]], trainer: Trainer) -> float:
    """Return the estimated time of a plan: workers take the longest group left, level by level.

    A little more than it will be, since a group does not wait for the whole level before it.
    """
    total = 0.0
    for groups in levels:
        busy_until = [0.0] * max(1, trainer.workers)
        for seconds in sorted(map(trainer.seconds, groups), reverse=True):
            heapq.heapreplace(busy_until, busy_until[0] + seconds)
        total += max(busy_until)
    return total
