"""The weights that runs begin with, where they do not draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np

from runs.given import given
from runs.identity import Document, identity
from runs.store import Store


class Starts(Sequence[Mapping[str, np.ndarray] | None]):
    """The weights that each run of a group begins with, loaded when asked for and not kept.

    The final ones of the run under ``start``, or those that ``given`` stands for. All at once they
    would be another copy of the ensemble.
    """

    def __init__(self, store: Store, documents: Sequence[Document]) -> None:
        self._store, self._documents = store, documents

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, np.ndarray] | None: ...
    @overload
    def __getitem__(self, index: slice) -> Starts: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, np.ndarray] | Starts | None:
        if isinstance(index, slice):
            return Starts(self._store, self._documents[index])
        document = self._documents[index]
        if (parent := document.get("start")) is not None:
            return self._store.load(identity(parent)).weights()
        digest = document.get("given")
        return None if digest is None else given(self._store, digest)
