"""The store: one folder a run, complete or absent, never overwritten.

::

    store.json                     what this folder is, and its schema
    runs/<identity>/settings.json  history.parquet  weights.safetensors  outcome.json
                    provenance.json  complete.json (the commit mark: a checksum of every file)
                    snapshots.safetensors, of a run that keeps any
    aside/                         damaged run folders that were moved out of the way
    work/                          checkpoints of runs in training
    jobs/                          what was given to cluster software, and what it printed
    statements/                    plans, looks, and what was foretold

A run folder is written under ``work/`` and moved into place whole. No index is needed: everything
can be read back from the folders.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runs import run_folder
from runs.files import (
    StoreError,
    explain_os_error,
    flush_directory,
    read_json,
    while_folders_vanish,
    write_file,
)
from runs.identity import SCHEMA_VERSION, Document, identity
from runs.record import Record, Result

_FORMAT = "circuit-efficiency store"


class Store:
    """A folder of finished runs.

    Opening writes nothing; the folder is made when the first run is saved.

    Args:
        path: Its place.

    Raises:
        StoreError: The path is not a folder, holds something else, was made by a newer version, or
            may not be used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._verified: set[str] = set()
        self._schemas: dict[str, int] = {}
        try:
            self._check()
        except OSError as error:
            raise StoreError(
                f"cannot use {self.path} as a store: {error.strerror}; choose another with --store"
            ) from error

    def _check(self) -> None:
        if not self.path.exists():
            # A link to nowhere, on which creation would fail later. Anything else that is there
            # now, and was not a moment ago, is a store that another process has just made.
            if self.path.is_symlink():
                raise StoreError(f"{self.path} is a link to nowhere; remove it or choose another")
            parent = next(p for p in self.path.absolute().parents if p.exists())
            if not parent.is_dir():
                raise StoreError(
                    f"{parent} is a file, so {self.path} cannot be a store; choose another"
                )
            return
        if not self.path.is_dir():
            raise StoreError(f"{self.path} is a file, not a store; choose a folder with --store")
        if not os.access(self.path, os.R_OK | os.X_OK):
            raise StoreError(
                f"the store in {self.path} may not be read by this user; "
                "change its permissions or choose another with --store"
            )
        label = self.path / "store.json"
        # Listed before the label is looked for: whoever makes a store writes the label first, so
        # that what is listed here and has none is nobody's store, even while another makes one.
        # A temporary label is that of a process which was cut off, or is about to finish it.
        inside = sorted(
            p.name for p in self.path.iterdir() if not p.name.startswith(".store.json-")
        )
        if not label.exists():
            if inside:
                raise StoreError(
                    f"{self.path} is not a store: it holds {inside[:3]} and no store.json; "
                    "choose an empty or new folder with --store"
                )
            return
        try:
            held = read_json(label)
            schema = held["schema"]
            foreign = held["format"] != _FORMAT or type(schema) is not int or schema < 1
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            foreign, schema = True, 0
        if foreign:
            raise StoreError(
                f"{label} is not the label of a store of this project; choose another with --store"
            )
        if schema > SCHEMA_VERSION:
            raise StoreError(
                f"the store in {self.path} has schema {schema}, and this version reads up to "
                f"{SCHEMA_VERSION}; update this project or choose another store with --store"
            )

    def require_writable(self) -> None:
        """Find out that runs may be saved here before any is trained.

        Raises:
            StoreError: They may not.
        """
        if self.path.exists():
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise StoreError(
                    f"the store in {self.path} may not be written by this user; "
                    "change its permissions or choose another with --store"
                )
            return
        parent = next(p for p in self.path.absolute().parents if p.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            raise StoreError(
                f"the store in {self.path} does not exist and may not be made in {parent}; "
                "choose a folder that you may write to with --store"
            )

    @property
    def exists(self) -> bool:
        """Whether anything has been saved here."""
        return (self.path / "store.json").exists()

    @property
    def work(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "work"

    def folder(self, run: str) -> Path:
        """Return where the run with this identity lies, or would lie."""
        return self.path / "runs" / run

    def create(self) -> None:
        """Make the folders, if they are not there.

        Raises:
            StoreError: They cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self.exists:
                label = {"format": _FORMAT, "schema": SCHEMA_VERSION}
                write_file(self.path / "store.json", json.dumps(label, indent=2) + "\n")
            (self.path / "runs").mkdir(exist_ok=True)
            self.work.mkdir(exist_ok=True)
        except OSError as error:
            raise explain_os_error(error, self.path) from error

    def damage(self, run: str) -> str | None:
        """Return what is wrong with a run folder; ``None`` if it is absent or whole."""
        folder = self.folder(run)
        if run in self._verified or not os.path.lexists(folder):
            return None
        if (problem := run_folder.damage(folder, run)) is not None:
            return problem
        self._verified.add(run)
        return None

    def has(self, run: str) -> bool:
        """Return whether the run is here and whole.

        Raises:
            StoreError: It is here and damaged.
        """
        if (problem := self.damage(run)) is not None:
            raise Record(self.folder(run)).damaged(problem)
        return os.path.lexists(self.folder(run))

    def load(self, run: str) -> Record:
        """Return a run.

        Raises:
            StoreError: It is not here, or damaged.
        """
        if not self.has(run):
            raise StoreError(f"run {run} is not in {self.path}; train it with `predictions run`")
        return Record(self.folder(run))

    def identities(self) -> Iterator[str]:
        """Yield the identity of every run folder, whole or damaged."""
        folder = self.path / "runs"
        if folder.exists():
            yield from sorted(entry.name for entry in folder.iterdir() if entry.is_dir())

    def of_other_schemas(self) -> dict[int, int]:
        """Return how many runs were saved under each other schema: nothing asks for them any more.

        Settings mean something else there; the same experiment is trained anew.
        """
        for run in self.identities():
            if run in self._schemas:
                continue  # of a hundred thousand runs, reading takes seconds
            # One that is damaged is read again: that is said when it is asked for.
            with contextlib.suppress(
                OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError
            ):
                settings = read_json(self.folder(run) / "settings.json")
                self._schemas[run] = int(settings["schema"])
        return dict(Counter(v for v in self._schemas.values() if v != SCHEMA_VERSION))

    def set_aside(self, run: str) -> Path:
        """Move a damaged run folder out of the way and return its new place."""
        aside = self.path / "aside"
        number = 1
        while (place := aside / f"{run}-{number}").exists():
            number += 1
        try:
            aside.mkdir(exist_ok=True)
            os.replace(self.folder(run), place)
            self._schemas.pop(run, None)
        except OSError as error:
            raise explain_os_error(error, aside) from error
        return place

    def save(
        self, document: Document, result: Result, provenance: Mapping[str, Any], staging: Path
    ) -> bool:
        """Save a finished run, unless it is there already: then it stays as it is.

        Args:
            document: Its settings.
            result: What it left behind.
            provenance: Where it comes from.
            staging: A folder on the same file system that only this process writes to.

        Returns:
            Whether it was saved by this call.

        Raises:
            StoreError: It could not be written. Nothing half-written is left.
        """
        run = identity(document)
        if self.has(run):
            return False
        self.create()
        folder = staging / run

        def write() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            run_folder.write(folder, document, result, provenance)
            os.replace(folder, self.folder(run))

        try:
            while_folders_vanish(write)
            flush_directory(self.folder(run).parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
            # Another process may have saved the same run meanwhile; a full folder is not replaced.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and self.has(run):
                return False
            raise explain_os_error(error, self.folder(run)) from error
        return True
