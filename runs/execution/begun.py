"""Which groups other processes have begun, and with which runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import final

from runs.execution.claims import Claim
from runs.execution.workplaces import NAME, lock, members_of, was_begun
from runs.identity import Document, identity
from runs.store import Store


@final
class Begun:
    """Groups that some process has begun, as they were when last looked at.

    Args:
        store: Where they go.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._there: set[str] = set()
        self._runs: dict[str, frozenset[str]] = {}
        self._with: dict[str, set[str]] = {}
        self._claims: dict[str, Claim] = {}

    def look(self) -> None:
        """Look which groups there are now."""
        with contextlib.suppress(FileNotFoundError):
            self._there = {name for name in os.listdir(self._store.work) if NAME.fullmatch(name)}
        for name in self._there - self._runs.keys():
            try:
                members = members_of(self._store.work / name)
            except FileNotFoundError:
                continue  # not written down yet
            self._runs[name] = frozenset(map(identity, members or ()))
            for run in self._runs[name]:
                self._with.setdefault(run, set()).add(name)

    def others_with(self, runs: Collection[str], folder: Path) -> tuple[bool, list[Document]]:
        """Return what is known of other groups than a folder's that have some runs.

        Returns:
            Whether somebody holds such a group; and if nobody does, the members of one that was
            begun and left, none if there is none.
        """
        names = {name for run in runs for name in self._with.get(run, ())} - {folder.name}
        left: list[Document] = []
        for name in sorted(names & self._there):
            other = self._store.work / name
            claim = self._claims.setdefault(name, Claim(lock(other)))
            if not claim.take():
                return True, []
            try:
                if was_begun(other) and not left:
                    left = self._unfinished(other)
            finally:
                claim.give_up()
        return False, left

    def _unfinished(self, folder: Path) -> list[Document]:
        """Return the members of a group that can go on: not all there, and none damaged."""
        try:
            members = members_of(folder) or []
        except FileNotFoundError:
            return []
        runs = {identity(run) for run in members}
        starts = {identity(start) for run in members if (start := run.get("start")) is not None}
        if any(self._store.damage(run) is not None for run in runs | starts):
            return []
        here = all(map(self._store.has, starts)) and not all(map(self._store.has, runs))
        return members if here else []
