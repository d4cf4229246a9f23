"""Runs in training: who is working on which group, and how far it has come.

``work/<group>/`` holds ``members.json`` (the settings of the group, in order), ``lock``,
``checkpoint`` (an npz file, which holds checksums) and, for moments, ``staging-HOST-…`` with
run folders that are being written. The kernel releases a lock when its process ends, however it
ends. Nothing else in ``work`` is ever touched: a folder counts as ours if its name is the hash of
its members.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import logging
import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runs.files import StoreError, explain_os_error, remove_scraps, write_file
from runs.identity import Document, digest, identity
from runs.store import Store

_LOG = logging.getLogger(__name__)

_VERSION = 2
"""Of what a checkpoint means; one of another version is not continued."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What a file system answers that has no locks."""

_HOST = re.sub(r"[^A-Za-z0-9.]", "_", platform.node()) or "host"
_NUMBERS = itertools.count()

_NAME = re.compile(r"[0-9a-f]{32}")
"""Names of the folders of groups."""

_INDEX = "index"
"""The array that lists the others: the checksums of a file that lost one would still be right."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a group has come.

    Attributes:
        state: Its arrays by name, read when asked for.
        legs: Who trained it this far, one document after another.
    """

    state: Mapping[str, np.ndarray]
    legs: Sequence[Document]


class Workplace:
    """The folder of one group in training, held by at most one process.

    Args:
        store: Where the runs will be saved.
        documents: The settings of the group, in order.
        definitions: What the names in them stand for now; a checkpoint of others is not continued.
    """

    def __init__(
        self, store: Store, documents: Sequence[Document], definitions: Sequence[Document] = ()
    ) -> None:
        self.documents = list(documents)
        self._definitions = list(definitions)
        self.identities = [identity(document) for document in documents]
        self.folder = store.work / digest(self.identities)
        self._store = store
        self._handle: int | None = None
        self._number = next(_NUMBERS)

    @property
    def staging(self) -> Path:
        """Where this object alone may write run folders before they are moved into place."""
        return self.folder / f"staging-{_HOST}-{os.getpid()}-{self._number}"

    def claim(self) -> bool:
        """Take the folder for this process; return whether it was free.

        Raises:
            StoreError: It cannot be written.
        """
        self._store.create()
        handle = None
        try:
            self.folder.mkdir(exist_ok=True)
            handle = _locked(self.folder)
            if handle is not None:
                _clear_staging(self.folder)
                members = self.folder / "members.json"
                if not members.exists():
                    write_file(members, json.dumps(self.documents))
                self._handle, handle = handle, None
        except FileNotFoundError:
            pass  # removed between two of our steps: the caller tries again
        except OSError as error:
            raise explain_os_error(error, self.folder) from error
        finally:
            if handle is not None:
                os.close(handle)
        return self._handle is not None

    def release(self, *, finished: bool) -> None:
        """Give the folder back; remove it if the group is finished."""
        if finished:
            shutil.rmtree(self.staging, ignore_errors=True)
            _remove(self.folder)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def write(self, state: Mapping[str, np.ndarray], legs: Sequence[Document] = ()) -> None:
        """Replace the checkpoint; arguments as in ``Checkpoint``.

        Raises:
            StoreError: It could not be written; the one before is still there.
        """
        try:
            index = json.dumps({**self._facts, "legs": list(legs), "names": sorted(state)})
            arrays: dict[str, Any] = {**state, _INDEX: np.array(index)}
            # Where there are no locks, another may have finished the group and removed its folder.
            self.folder.mkdir(exist_ok=True)
            # Array by array, so that saving does not need the memory of training again.
            write_file(self.folder / "checkpoint", lambda file: np.savez(file, **arrays))
        except OSError as error:
            raise explain_os_error(error, self.folder) from error

    @property
    def _facts(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be continued."""
        definitions = digest(self._definitions)
        return {"version": _VERSION, "runs": self.identities, "definitions": definitions}

    def read(self) -> Checkpoint | None:
        """Return the last checkpoint, if there is one that is whole.

        A damaged checkpoint costs time and nothing else: training from the start gives the same.

        Raises:
            MemoryError: As it says; the checkpoint is not to blame.
            PermissionError: Likewise.
        """
        try:
            path = self.folder / "checkpoint"
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
                # Compares every checksum, a piece at a time.
                damaged = held.zip.testzip() is not None
                index = json.loads(held[_INDEX].item())
                if damaged or sorted({*held} - {_INDEX}) != index["names"]:
                    return None
                if any(index[name] != fact for name, fact in self._facts.items()):
                    _LOG.warning(
                        "%s is of other runs, of another operation or network, or of another "
                        "version; they begin anew",
                        path,
                    )
                    return None
            return Checkpoint(state=np.load(path, allow_pickle=False), legs=index["legs"])
        except (MemoryError, PermissionError):
            raise
        except Exception:  # damage may make the reader raise anything
            return None


def _locked(folder: Path) -> int | None:
    """Return an open handle that holds the lock of a workplace, ``None`` if another has it."""
    lock = folder / "lock"
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The holder before us may have finished and removed the folder with this lock.
        if os.stat(lock).st_ino == os.fstat(handle).st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        os.close(handle)
        if error.errno not in _NO_LOCKS:
            raise
        raise StoreError(
            f"the file system of {folder} has no file locks ({error.strerror}), by which processes "
            "that share a store keep out of each other's way: choose a store on a local disk with "
            "--store, or ask for the network file system to be mounted with locks (flock)"
        ) from error
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _clear_staging(folder: Path) -> None:
    """Remove what processes of this machine that have ended were writing into a workplace."""
    for staging in folder.glob("staging-*-*-*"):
        host, process, _ = staging.name.removeprefix("staging-").rsplit("-", 2)
        if host == _HOST and process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(staging, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _remove(folder: Path) -> None:
    """Remove a workplace: what is known of it, and the folder if nothing else was in it."""
    _clear_staging(folder)
    ours = ("checkpoint", "members.json", ".checkpoint-*", ".members.json-*", "lock")
    with contextlib.suppress(OSError):
        for pattern in ours:
            for file in folder.glob(pattern):
                file.unlink(missing_ok=True)
        folder.rmdir()


def _members(folder: Path) -> list[Document] | None:
    """Return the settings of the group that a folder of ``work`` is of, ``None`` if it is of none.

    A list that is not what its folder is named for is set aside.

    Raises:
        FileNotFoundError: There is no such list.
    """
    file = folder / "members.json"
    try:
        members = json.loads(file.read_text(encoding="utf-8"))
        if digest([identity(run) for run in members]) == folder.name:
            return list(members)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        pass
    if _NAME.fullmatch(folder.name):
        aside = file.with_name("members.json.damaged")
        with contextlib.suppress(OSError):
            file.replace(aside)
            _LOG.warning("%s is not what was written; set aside as %s", file, aside.name)
    return None


def _members_or_none_yet(folder: Path) -> list[Document] | None:
    """Return the same, and an empty list where a process was killed before it wrote any."""
    try:
        return _members(folder)
    except FileNotFoundError:
        return [] if _NAME.fullmatch(folder.name) else None


def tidy(store: Store) -> None:
    """Remove what processes that were killed left: files half written, and workplaces without work.

    A workplace is left alone while a process holds it, and while any of its runs is not in the
    store.
    """
    try:
        remove_scraps(store.path / "store.json")
    except OSError as error:
        raise explain_os_error(error, store.path) from error
    for folder in store.work.glob("*/"):
        try:
            members = _members_or_none_yet(folder)
            if members is None:
                continue
            handle = _locked(folder)
            if handle is None:
                continue
            try:
                if all(store.has(identity(run)) for run in members):
                    _remove(folder)
            finally:
                os.close(handle)
        except (FileNotFoundError, StoreError):
            continue  # finished and removed while we looked, or damaged and for others to mend
        except OSError as error:
            raise explain_os_error(error, folder) from error


def unfinished(store: Store) -> list[list[Document]]:
    """Return the groups that some process has begun and none has finished."""
    groups = []
    for members in sorted(store.work.glob("*/members.json")):
        try:
            group = _members(members.parent)
        except FileNotFoundError:
            continue  # finished while we looked
        if group is not None:
            groups.append(group)
    return groups
