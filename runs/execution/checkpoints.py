"""A group of runs in training: held by one process, with how far it has come."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runs.execution.claims import Claim
from runs.execution.workplaces import (
    PLACE,
    clear_staging,
    folder_of,
    forget_holder,
    lock,
    note_holder,
    remove,
    set_out,
    was_begun,
)
from runs.files import explain_os_error, while_folders_vanish, write_file
from runs.identity import Document, digest, identity
from runs.store import Store

_LOG = logging.getLogger(__name__)

_VERSION = 2
"""Of what a checkpoint means; one of another version is not continued."""

_NUMBERS = itertools.count()

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
        self.definitions = list(definitions)
        self.identities = [identity(document) for document in documents]
        self.folder = folder_of(store, documents)
        self._store = store
        self._claim = Claim(lock(self.folder))
        self._number = next(_NUMBERS)
        self._set_out = self._begun = False

    @property
    def staging(self) -> Path:
        """Where this object alone may write run folders before they are moved into place."""
        return self.folder / f"staging-{PLACE}-{os.getpid()}-{self._number}"

    def claim(self) -> bool:
        """Take the folder for this process; return whether it was free.

        Raises:
            StoreError: It cannot be written.
        """
        if not self._store.work.exists():
            self._store.create()
        if not self._claim.take():
            return False
        try:
            while_folders_vanish(self._set_up)
        except BaseException as error:
            self._claim.give_up()
            if isinstance(error, OSError):
                raise explain_os_error(error, self.folder) from error
            raise
        return True

    def _set_up(self) -> None:
        self._set_out, self._begun = self.folder.exists(), was_begun(self.folder)
        set_out(self._store, self.documents)
        clear_staging(self.folder)
        note_holder(self.folder)

    def release(self, *, finished: bool) -> None:
        """Give the folder back; remove it if the group is finished."""
        if finished:
            shutil.rmtree(self.staging, ignore_errors=True)
            remove(self.folder)
        self._claim.give_up()

    def give_way(self) -> None:
        """Give back a folder in which nothing was done, as it was."""
        if not self._begun:
            forget_holder(self.folder)
        self.release(finished=not self._set_out)

    def write(
        self, state: Mapping[str, np.ndarray], legs: Sequence[Document] = (), step: int = 0
    ) -> None:
        """Replace the checkpoint.

        Args:
            state: See ``Checkpoint``.
            legs: See ``Checkpoint``.
            step: How many steps that is, for whoever asks how far a group has come.

        Raises:
            StoreError: It could not be written; the one before is still there.
        """
        try:
            said = {"legs": list(legs), "step": step, "names": sorted(state)}
            index = json.dumps({**self._facts, **said})
            arrays: dict[str, Any] = {**state, _INDEX: np.array(index)}

            def write() -> None:
                self.folder.mkdir(exist_ok=True)
                # Array by array, so that saving does not need the memory of training again.
                write_file(self.folder / "checkpoint", lambda file: np.savez(file, **arrays))

            # Whoever took over from a process that slept may end, and remove the folder.
            while_folders_vanish(write)
        except OSError as error:
            raise explain_os_error(error, self.folder) from error

    @property
    def _facts(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be continued."""
        definitions = digest(self.definitions)
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


def steps_of(folder: Path, documents: Sequence[Document] = ()) -> int:
    """Return how many steps the checkpoint of a workplace holds, 0 where nobody can say.

    Args:
        folder: The workplace.
        documents: See ``part_of``.
    """
    found = part_of(folder, _INDEX, documents)
    return 0 if found is None else found[0]


def part_of(
    folder: Path, name: str, documents: Sequence[Document] = ()
) -> tuple[int, np.ndarray] | None:
    """Return the step of the checkpoint of a workplace and one array of it.

    Args:
        folder: The workplace.
        name: Of the array, as what trains calls it.
        documents: Runs that it must be of, if it is to be of some.

    Returns:
        ``None`` where there is no checkpoint, a damaged one, or one of another version or of other
        runs: training begins anew.
    """
    try:
        with (
            open(folder / "checkpoint", "rb") as file,
            np.load(file, allow_pickle=False) as held,
        ):
            index = json.loads(held[_INDEX].item())
            runs = [identity(document) for document in documents]
            if index["version"] != _VERSION or (runs and index["runs"] != runs):
                return None
            return int(index.get("step", 0)), held[name]
    except Exception:  # replaced or removed while it is read, too
        return None
