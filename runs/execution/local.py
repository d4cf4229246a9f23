"""From a list of settings to a store that holds them all, in threads of this process.

Runs that the store has are dropped, runs that can share a program are trained as one group, groups
are trained side by side, each as soon as the runs that it continues are done, and each run is saved
as its group ends. Several processes with one store divide the groups. Everything that is needed to
go on after an interruption lies in the store; the same call again goes on exactly where the last
one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from runs import provenance
from runs.execution.planning import Trainer, generations, plan
from runs.execution.progress import Execution, Progress
from runs.execution.sharing import Group, Waiting
from runs.execution.stopping import ASKED_AGAIN, stop_on_signals
from runs.execution.work import CHUNK_SECONDS, Work
from runs.execution.workplaces import tidy
from runs.identity import Document, identity
from runs.store import Store


def execute(
    documents: Sequence[Document],
    store: Store,
    trainer: Trainer,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint_seconds: float = 60.0,
) -> Execution:
    """Train what the store lacks.

    SIGINT, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2 lets the updates in hand finish, writes a checkpoint
    of every group in training and returns with ``interrupted`` set.

    Args:
        documents: The runs that are wanted.
        store: Where they go.
        trainer: How to train them.
        report: Called several times a second, always from the calling thread.
        checkpoint_seconds: Time between checkpoints of a group; longer where they take more than
            ``CHECKPOINT_SHARE`` of it.

    Raises:
        StoreError: A wanted run is damaged, or the store cannot be written.
    """
    tidy(store)
    levels = plan(documents, store, trainer)
    wanted = {run for level in generations(documents) for run in level}
    return train(
        levels, wanted, store, trainer, report=report, checkpoint_seconds=checkpoint_seconds
    )


def train(
    levels: Sequence[Sequence[Group]],
    wanted: Set[str],
    store: Store,
    trainer: Trainer,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    checkpoint_seconds: float = 60.0,
    patient: bool = True,
) -> Execution:
    """Train groups that are planned.

    Args:
        levels: The groups by generation, see ``runs.plan``.
        wanted: Identities of the runs that are asked for; groups may have others too.
        store: Where they go.
        trainer: See ``execute``, as the others.
        report: See there.
        checkpoint_seconds: See there.
        patient: Whether to wait for groups that other processes hold, and for what continues them.

    Raises:
        StoreError: See ``execute``.
    """
    began = time.monotonic()
    provenance.code()  # now, not when the first run ends: the files may change meanwhile
    groups = [group for level in levels for group in level]
    work = Work(
        store=store,
        trainer=trainer,
        checkpoint_seconds=checkpoint_seconds,
        total_runs=len({identity(document) for group in groups for document in group}),
        total_seconds=sum(trainer.seconds(group) for group in groups),
    )
    work.execution.found = sum(store.has(run) for run in wanted)
    waiting = Waiting(levels, store, work.left_of, work.place, patient=patient)
    with stop_on_signals(work.stop) as heard:
        _train_all(work, waiting, number=max(1, min(trainer.workers, len(groups))), report=report)
    stored = sum(store.has(run) for run in wanted)
    trained = len(wanted & set(work.execution.trained))
    work.execution.by_others = stored - work.execution.found - trained
    undone = wanted - work.execution.skipped.keys()
    work.execution.interrupted = work.stop.is_set() and not all(store.has(run) for run in undone)
    work.execution.again = bool(heard) and heard[0] in ASKED_AGAIN
    work.execution.begun = len(work.begun)
    work.execution.seconds = time.monotonic() - began
    return work.execution


def _train_all(
    work: Work, waiting: Waiting, *, number: int, report: Callable[[Progress], None]
) -> None:
    """Train groups, some at once, each after those that it continues."""
    work.waiting = waiting

    def train_in_turn() -> None:
        while not work.stop.is_set() and (place := waiting.take()) is not None:
            if work.train(place):
                waiting.done(place)
            else:
                waiting.stop()  # before anybody begins what continues it

    with ThreadPoolExecutor(max_workers=number) as pool:
        busy = {pool.submit(train_in_turn) for _ in range(number)}
        try:
            while busy:
                done, busy = wait(busy, timeout=CHUNK_SECONDS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if work.stop.is_set():
                    waiting.stop()
                report(work.progress())
        except BaseException:
            # One group failed: let the others write their checkpoints, begin no more.
            work.stop.set()
            waiting.stop()
            raise
