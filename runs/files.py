"""Files that are complete or absent, and what to say when they cannot be written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


class StoreError(ValueError):
    """The store cannot be used as asked; the message says why and what to do."""


def explain_os_error(error: OSError, path: Path, *, named_by: str = "--store") -> StoreError:
    """Return the error of a failed write in the user's terms.

    Args:
        error: The error.
        path: What could not be written.
        named_by: The option or argument that says where.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"no space left for {path}; what was saved before is not lost: free some space, or "
            f"take a larger disk (a store can be copied) with {named_by}, then repeat the command"
        )
    return StoreError(
        f"cannot write to {path}: {error.strerror or error}; "
        f"choose a folder that you may write to with {named_by}"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _umask() -> int:
    """Return the process's file mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _umask()  # once, before there are threads


def write_file(path: Path, content: bytes | str | Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, flush it to disk and move it in.

    A reader sees the old file or the new one, whole; an error leaves the old one.

    Args:
        path: Its place.
        content: What to write, or what writes it to an open file.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; give it the usual permissions.
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def while_folders_vanish(write: Callable[[], None]) -> None:
    """Do what makes a folder and writes into it, again if another process removes it meanwhile.

    Raises:
        OSError: It cannot be done; a folder that still vanishes after some tries is no accident.
    """
    for _ in range(20):
        try:
            return write()
        except OSError as error:
            # ESTALE is what NFS says of a folder that another machine has removed.
            if error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            time.sleep(0.001)
    return write()


SCRAP_SECONDS = 3600.0
"""Age from which a file that was never moved to its place has no writer any more."""


def remove_scraps(path: Path) -> None:
    """Remove what processes that were killed while they wrote a file left beside its place."""
    for scrap in path.parent.glob(f".{path.name}-*"):
        remove_if_old(scrap)


def remove_if_old(scrap: Path) -> None:
    """Remove a file whose writer has ended long ago."""
    with contextlib.suppress(FileNotFoundError):  # another process removes it too
        if scrap.stat().st_mtime < time.time() - SCRAP_SECONDS:
            scrap.unlink()


def flush_directory(path: Path) -> None:
    """Flush the entries of a directory to disk, so that a rename survives a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
