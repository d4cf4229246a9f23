"""What trains a list of runs: threads of this process, or jobs elsewhere that share the store."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from runs.execution.local import execute
from runs.execution.planning import Trainer
from runs.execution.progress import Execution, Progress
from runs.identity import Document
from runs.store import Store


class Executor(Protocol):
    """Brings runs into a store.

    It plans (``runs.plan``) what the store lacks and has groups trained by whatever it likes, each
    after those that it continues. Whoever trains claims a group first (``Workplace``), so that any
    number of processes may be at it, and none has to be told what the others do.
    """

    @abstractmethod
    def execute(
        self,
        documents: Sequence[Document],
        store: Store,
        trainer: Trainer,
        *,
        report: Callable[[Progress], None],
    ) -> Execution:
        """Train what the store lacks; see ``runs.execute``.

        Raises:
            Submitted: It does not wait for the end.
            StoreError: See ``runs.execute``; or something was not trained.
        """

    @abstractmethod
    def preview(self, documents: Sequence[Document], store: Store, trainer: Trainer) -> str:
        """Return what would be asked of others to do this, empty if nothing."""


class Submitted(Exception):  # noqa: N818 - nothing went wrong
    """Others train now; nobody waits for it.

    Attributes:
        jobs: What they are called.
    """

    def __init__(self, jobs: Sequence[str]) -> None:
        super().__init__(", ".join(jobs))
        self.jobs = tuple(jobs)


class Threads:
    """Threads of this process, as many as the trainer has workers."""

    def execute(
        self,
        documents: Sequence[Document],
        store: Store,
        trainer: Trainer,
        *,
        report: Callable[[Progress], None],
    ) -> Execution:
        """See ``Executor``."""
        return execute(documents, store, trainer, report=report)

    def preview(self, documents: Sequence[Document], store: Store, trainer: Trainer) -> str:
        """See ``Executor``."""
        return ""


THREADS = Threads()
