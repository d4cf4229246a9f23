"""Runs in training: who is working on which group, and how far it has come.

``work/<group>/`` holds ``members.json`` (the settings of the group, in order), ``lock``,
``checkpoint`` (an npz file, which holds checksums) and, for moments, run folders that are being
written. The kernel releases a lock when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runs.files import StoreError, explain_os_error, write_file
from runs.identity import Document, digest, identity
from runs.store import Store

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
    """

    def __init__(self, store: Store, documents: Sequence[Document]) -> None:
        self.documents = list(documents)
        self.identities = [identity(document) for document in documents]
        self.folder = store.work / digest(self.identities)
        self._store = store
        self._handle: int | None = None

    @property
    def staging(self) -> Path:
        """Where this process may write run folders before they are moved into place."""
        return self.folder / "staging"

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
                shutil.rmtree(self.staging, ignore_errors=True)
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
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def write(self, state: Mapping[str, np.ndarray], legs: Sequence[Document] = ()) -> None:
        """Replace the checkpoint; arguments as in ``Checkpoint``.

        Raises:
            StoreError: It could not be written; the one before is still there.
        """
        try:
            index = json.dumps({"names": sorted(state), "legs": list(legs)})
            arrays: dict[str, Any] = {**state, _INDEX: np.array(index)}
            # Array by array, so that saving does not need the memory of training again.
            write_file(self.folder / "checkpoint", lambda file: np.savez(file, **arrays))
        except OSError as error:
            raise explain_os_error(error, self.folder) from error

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
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def tidy(store: Store) -> None:
    """Remove workplaces where nothing is left to do: their process was killed at its very end.

    One is left alone while a process holds it, and while any of its runs is not in the store.
    """
    for folder in store.work.glob("*/"):
        try:
            handle = _locked(folder)
            if handle is None:
                continue
            try:
                members = folder / "members.json"
                runs = json.loads(members.read_text("utf-8")) if members.exists() else []
                if all(store.has(identity(run)) for run in runs):
                    shutil.rmtree(folder, ignore_errors=True)
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
            groups.append(json.loads(members.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue  # finished while we looked
    return groups
