"""Groups that wait to be trained, shared by workers of this process and by other processes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

from runs.execution import claims
from runs.execution.begun import Begun
from runs.execution.checkpoints import Workplace
from runs.execution.workplaces import holder, in_words
from runs.identity import Document, identity
from runs.store import Store

Group = Sequence[Document]

LOOK_SECONDS = 0.25
"""Time between two looks at what other processes hold, where nothing else is left to do."""


@final
class Waiting:
    """Groups in the order in which they should begin, each for whoever claims it first.

    A group may begin as soon as the runs that it continues are done, here or elsewhere. One that
    another process holds is passed over and asked for again, as is one of whose runs another
    process trains some in a group of its own; if that one was left, it is taken up as it is.

    Args:
        levels: Groups by generation, as ``runs.plan`` returns them: parents before children.
        store: Where their runs go.
        left: From a group to what of it is still to train, in its order.
        place: From what is to train to its workplace, the same object each time: it remembers
            since when it has not heard of whoever holds it.
        patient: Whether to wait for groups that other processes hold, and for what continues them.
    """

    def __init__(
        self,
        levels: Sequence[Sequence[Group]],
        store: Store,
        left: Callable[[Group], Group],
        place: Callable[[Group], Workplace],
        *,
        patient: bool = True,
    ) -> None:
        self._changed = threading.Condition()
        self._groups = dict(enumerate(group for groups in levels for group in groups))
        self._parents = {
            number: {identity(start) for run in group if (start := run.get("start")) is not None}
            for number, group in self._groups.items()
        }
        self._undone = {identity(run) for group in self._groups.values() for run in group}
        self._stopped = False
        self._left, self._place, self._patient = left, place, patient
        self._begun = Begun(store)
        self._taken: dict[Path, Group] = {}
        self._held: dict[Path, tuple[str, str]] = {}

    def take(self) -> Workplace | None:
        """Return the next group that may begin, claimed; ``None`` if none is left.

        Raises:
            StoreError: The store cannot be written.
        """
        with self._changed:
            nothing_since = time.monotonic()
            while self._groups and not self._stopped:
                looked = time.monotonic()
                if (place := self._next()) is not None:
                    return place
                now = time.monotonic()
                # Whether a holder of another machine has gone shows when its lease has ended.
                long = now > nothing_since + 1.5 * claims.LEASE_SECONDS
                if not self._patient and not self._taken and (long or not self._held):
                    return None
                if self._groups:
                    # By chance, so that two that gave way to each other do not do so again; longer
                    # than a look, so that they do not only see each other look.
                    usual = LOOK_SECONDS + 4 * (now - looked)
                    soon = usual * random.uniform(0.5, 1.5)  # noqa: S311 - keeps no secret
                    self._changed.wait(soon if self._held else None)
            return None

    def _next(self) -> Workplace | None:
        """Return the first group that is free, and forget those of which nothing is left."""
        self._held = {}
        self._begun.look()
        asked: set[int] = set()
        again = True
        while again and not self._stopped:
            again = False
            for number in [one for one in self._groups if one not in asked]:
                if self._stopped or self._parents[number] & self._undone:
                    continue
                group = self._groups[number]
                if not (left := self._left(group)):
                    del self._groups[number]
                    self._finish(group)
                    again = True  # what continues it may begin now
                elif (place := self._claimed(left)) is not None:
                    self._taken[place.folder] = ()
                    if place.documents == list(left):
                        del self._groups[number]
                        self._taken[place.folder] = group
                    return place
                else:
                    asked.add(number)
        return None

    def _claimed(self, group: Group) -> Workplace | None:
        """Return the workplace of a group, or that of another that was left with some of its runs.

        ``None`` if another process trains it, or some of its runs in another group.
        """
        place = self._place(group)
        held, left = self._begun.others_with(place.identities, place.folder)
        if left:
            place = self._place(left)
        if not held and place.claim():
            self._begun.look()
            held, _ = self._begun.others_with(place.identities, place.folder)
            if not held:
                return place
            place.give_way()  # to one that claimed some of them at the same moment
        self._held = {**self._held, place.folder: holder(place.folder)}
        return None

    def _finish(self, group: Group) -> None:
        self._undone -= {identity(run) for run in group}
        self._changed.notify_all()

    def done(self, place: Workplace) -> None:
        """Say that nothing has to wait for a group any more."""
        with self._changed:
            self._finish(self._taken.pop(place.folder))

    def held(self) -> str:
        """Return in words who trains what nobody here can begin, as last looked at."""
        held = self._held
        return f"{len(held)} more by {in_words(held.values())}" if held else ""

    def stop(self) -> None:
        """Let nothing more begin."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
