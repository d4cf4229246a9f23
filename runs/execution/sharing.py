"""Groups that wait to be trained: one may begin as soon as the runs that it continues are done."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from runs.identity import Document, identity

Group = Sequence[Document]


class Waiting:
    """Groups in the order in which they should begin, shared by several workers.

    Args:
        levels: Groups by generation, as ``runs.plan`` returns them: parents before children.
    """

    def __init__(self, levels: Sequence[Sequence[Group]]) -> None:
        self._changed = threading.Condition()
        self._groups = [group for groups in levels for group in groups]
        self._parents = [
            {identity(start) for run in group if (start := run.get("start")) is not None}
            for group in self._groups
        ]
        self._undone = {identity(run) for group in self._groups for run in group}
        self._stopped = False

    def take(self) -> Group | None:
        """Return the next group that may begin, once there is one; ``None`` if none is left."""
        with self._changed:
            while self._groups and not self._stopped:
                for at, parents in enumerate(self._parents):
                    if not parents & self._undone:
                        del self._parents[at]
                        return self._groups.pop(at)
                self._changed.wait()
            return None

    def done(self, group: Group) -> None:
        """Say that nothing has to wait for a group any more."""
        with self._changed:
            self._undone -= {identity(run) for run in group}
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nothing more begin."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
