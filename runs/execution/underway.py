"""Groups that were begun and are not finished, as far as their last checkpoints tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runs.execution.checkpoints import steps_of
from runs.execution.workplaces import NAME, holder, is_trained, read_members, was_begun
from runs.identity import Document
from runs.store import Store


@dataclass(frozen=True, kw_only=True)
class Underway:
    """One of them.

    Attributes:
        documents: The settings of its runs, in order.
        step: Of its last checkpoint, 0 if there is none or none that can be read.
        held: Whether a process trains it now; else it was left, and the next one goes on with it.
        by: The machine that trained it last, and by what.
        folder: Where its checkpoint is.
    """

    documents: Sequence[Document]
    step: int
    held: bool
    by: tuple[str, str]
    folder: Path = field(repr=False)


def underway(store: Store) -> list[Underway]:
    """Return all groups of a store that some process has begun and none has finished.

    Nothing is changed: not even a damaged list is set aside.
    """
    found = []
    for folder in sorted(store.work.glob("*")):
        if not NAME.fullmatch(folder.name) or not was_begun(folder):
            continue
        try:
            documents = read_members(folder)
        except FileNotFoundError:
            continue  # finished while we looked
        if documents:
            one = Underway(
                documents=documents,
                step=steps_of(folder, documents),
                held=is_trained(folder),
                by=holder(folder),
                folder=folder,
            )
            found.append(one)
    return found
