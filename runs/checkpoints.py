"""Runs in training: who is working on which group, and how far it has come.

``work/<group>/`` holds ``members.json`` (the settings of the group, in order), ``lock``,
``checkpoint`` (a checksum and safetensors) and, for moments, run folders that are being written.
The kernel releases a lock when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from runs.files import explain_os_error, write_file
from runs.identity import Document, digest, identity
from runs.store import Store


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
        lock = self.folder / "lock"
        handle = None
        try:
            self.folder.mkdir(exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before us may have finished and removed the folder with this lock.
            if os.stat(lock).st_ino == os.fstat(handle).st_ino:
                shutil.rmtree(self.staging, ignore_errors=True)
                members = self.folder / "members.json"
                if not members.exists():
                    write_file(members, json.dumps(self.documents))
                self._handle, handle = handle, None
        except (BlockingIOError, FileNotFoundError):
            pass  # held, or removed between two of our steps: the caller tries again
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

    def write(self, state: Mapping[str, np.ndarray]) -> None:
        """Replace the checkpoint.

        Raises:
            StoreError: It could not be written; the one before is still there.
        """
        try:
            content = save(dict(state))
            checksum = hashlib.sha256(content).digest()
            write_file(self.folder / "checkpoint", checksum + content)
        except OSError as error:
            raise explain_os_error(error, self.folder) from error

    def read(self) -> dict[str, np.ndarray] | None:
        """Return the last checkpoint, if there is one that is whole.

        A damaged checkpoint costs time and nothing else: training from the start gives the same.
        """
        try:
            held = (self.folder / "checkpoint").read_bytes()
        except OSError:
            return None
        checksum, content = held[:32], held[32:]
        if hashlib.sha256(content).digest() != checksum:
            return None
        loaded: dict[str, np.ndarray] = load(content)
        return loaded


def unfinished(store: Store) -> list[list[Document]]:
    """Return the groups that some process has begun and none has finished."""
    groups = []
    for members in sorted(store.work.glob("*/members.json")):
        try:
            groups.append(json.loads(members.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue  # finished while we looked
    return groups
