"""Claims: which of several processes, on one machine or on many, does a piece of work.

A claim is a lease: a file that its holder makes exclusively and touches several times before it
would end. That needs exclusive creation and renaming, which the file systems of clusters have;
file locks they may not have at all, or only among the processes of one machine. A lease ends when
its holder, a process of the same machine, has ended, or when nobody has touched it for
``LEASE_SECONDS`` by the clock of whoever wants it, so that clocks need not agree.

A holder that was suspended for longer goes on when it wakes, beside whoever took its place. Work
must be such that this harms nothing.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import final

from filelock import SoftFileLease, Timeout

from runs.files import explain_os_error

_LOG = logging.getLogger(__name__)

LEASE_SECONDS = 120.0
"""Time after which a lease that nobody touches has ended; the same for all that share a store.

Longer than a network file system may show old attributes (a minute, by default).
"""


def is_held(path: Path) -> bool:
    """Return whether a claim seems to be held, for people: clocks of machines may differ."""
    try:
        return time.time() - path.stat().st_mtime < 1.25 * LEASE_SECONDS
    except OSError:
        return False


@final
class Claim:
    """What at most one process holds.

    Args:
        path: The file that stands for it, in a folder that exists when it is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A worker may take it and the thread that stops all give it up.
        self._lease = SoftFileLease(
            path,
            lease_duration=LEASE_SECONDS,
            thread_local=False,
            on_compromise=lambda lost: _LOG.warning(
                "%s was lost (%s): another process does the same now; whichever ends first is kept",
                path,
                lost.reason,
            ),
        )
        self._untouched: tuple[tuple[int, int, int], float] | None = None

    def take(self) -> bool:
        """Take it if it is free, or if the lease of its holder has ended; return whether it was.

        Ask again and again, of the same object: it remembers since when nobody has touched it.

        Raises:
            StoreError: The folder cannot be written.
        """
        try:
            self._lease.acquire(blocking=False)
        except Timeout:
            self._break_if_untouched()
            return False
        except OSError as error:
            raise explain_os_error(error, self.path) from error
        return True

    def give_up(self) -> None:
        """Let others have it."""
        self._lease.release()

    def _break_if_untouched(self) -> None:
        """Remove a claim that nobody has touched for as long as a lease takes.

        ``filelock`` takes over what it can exchange with a file of its own in one step. NFS and SMB
        cannot do that; and it takes an empty file, whose maker was killed before it wrote, for that
        of an old version, and waits for ever.
        """
        try:
            found = self.path.stat()
        except OSError:
            self._untouched = None
            return
        seen, now = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns), time.monotonic()
        if self._untouched is None or self._untouched[0] != seen:
            self._untouched = seen, now
        elif now - self._untouched[1] >= 1.25 * LEASE_SECONDS:
            self._lease.break_lock()
            self._untouched = None
