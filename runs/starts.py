"""The weights that runs start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np

from runs.identity import Document, identity
from runs.store import Store


class Starts(Sequence[Mapping[str, np.ndarray] | None]):
    """The weights that each run of a group starts from, loaded when asked for and not kept.

    All at once they would be another copy of the ensemble.
    """

    def __init__(self, store: Store, parents: Sequence[Document | None]) -> None:
        self._store, self._parents = store, parents

    def __len__(self) -> int:
        return len(self._parents)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, np.ndarray] | None: ...
    @overload
    def __getitem__(self, index: slice) -> Starts: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, np.ndarray] | Starts | None:
        if isinstance(index, slice):
            return Starts(self._store, self._parents[index])
        parent = self._parents[index]
        return None if parent is None else self._store.load(identity(parent)).weights()
