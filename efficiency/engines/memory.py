"""Memory that is freed and taken again many times a second."""

from __future__ import annotations

import ctypes
import functools
import sys

# Options of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_NEVER = 2**31 - 1


@functools.lru_cache(maxsize=1)
def keep_what_is_freed() -> bool:
    """Let the C library keep freed memory for the next step; return whether it can.

    By default glibc hands arrays of more than 32 MiB back to the system and asks for them again,
    which clears every page: half of the time of a step of a two-layer transformer. The arena of a
    thread cannot grow beyond 64 MiB; the first one can, so that all threads share it. Affects the
    whole process, in speed and in the memory that it holds on to, and no number: for programs that
    train and do little else, which is why the library never does it of itself.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # a C library without it
        return False
    options = ((_MMAP_THRESHOLD, _NEVER), (_TRIM_THRESHOLD, _NEVER), (_ARENA_MAX, 1))
    taken = [mallopt(*option) == 1 for option in options]  # each, whatever became of the others
    return all(taken)
