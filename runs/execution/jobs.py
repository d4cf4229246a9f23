"""Jobs of cluster software that share the work of a store: what they train, and who they are.

``jobs/<name>/job.json`` in the store lists groups by generation, which are written down under
``work/``, what the workers need to know of training, and what the cluster calls the jobs. A worker
needs the store and that name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from runs.execution.workplaces import folder_of, members_of
from runs.files import StoreError, explain_os_error, read_json, write_file
from runs.identity import Document, digest, identity
from runs.store import Store

_FILE = "job.json"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Groups that were given to cluster software.

    Attributes:
        levels: Names of the groups, by generation.
        training: What the workers need to know of training, as JSON types.
        by: What kind of cluster software has it.
        ids: What the cluster calls the parts of the job, one for each level; empty until it is
            submitted.
    """

    levels: Sequence[Sequence[str]]
    training: Mapping[str, Any]
    by: str = "slurm"
    ids: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The same for the same groups, trained in the same way by the same software."""
        levels = [list(level) for level in self.levels]
        return digest([levels, dict(self.training), self.by])[:12]

    @classmethod
    def of(
        cls,
        store: Store,
        levels: Sequence[Sequence[Sequence[Document]]],
        training: Mapping[str, Any],
        by: str,
    ) -> Self:
        """Return a job of some groups."""
        names = [[folder_of(store, group).name for group in groups] for groups in levels]
        return cls(levels=names, training=training, by=by)

    def folder(self, store: Store) -> Path:
        """Return where it is noted, with whatever its workers print."""
        return store.path / "jobs" / self.name

    def write(self, store: Store) -> None:
        """Note it.

        Raises:
            StoreError: It cannot be written.
        """
        folder = self.folder(store)
        store.create()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_file(folder / _FILE, json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise explain_os_error(error, folder) from error

    def groups(self, store: Store, level: int) -> list[list[Document]]:
        """Return the groups of a level that are not finished, and whose starts are there."""
        found = []
        for name in self.levels[level]:
            try:
                members = members_of(store.work / name)
            except FileNotFoundError:
                continue
            starts = [start for run in members or () if (start := run.get("start")) is not None]
            if members and all(store.has(identity(start)) for start in starts):
                found.append(members)
        return found


def read_job(store: Store, name: str) -> Job:
    """Return a job by its name.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    path = store.path / "jobs" / name / _FILE
    try:
        return Job(**read_json(path))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"there is no job {name!r} in {store.path} that can be read "
            f"({type(error).__name__}: {error}); submit it again"
        ) from error


def jobs(store: Store) -> list[Job]:
    """Return all jobs that are noted and can be read."""
    found = []
    for path in sorted(store.path.glob(f"jobs/*/{_FILE}")):
        try:
            found.append(read_job(store, path.parent.name))
        except StoreError:
            continue  # half a job is no job: its groups are still to train
    return found
