"""The command that cluster software runs: train what is free of a job, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from predictions.cli.options import folder, whole_number
from predictions.command import DONE, INTERRUPTED

AGAIN = 75
"""Exit code of a worker that was told that its time is up: to be tried again (EX_TEMPFAIL)."""


def _again_at_once(number: int, frame: FrameType | None) -> None:
    from runs.execution.slurm_commands import requeue

    requeue()
    os._exit(AGAIN)


def work(
    store: Annotated[Path, Parameter(converter=folder)],
    job: str,
    level: Annotated[int, Parameter(converter=whole_number)],
    /,
) -> int:
    """Train groups of a job: what cluster software runs for --on, and nobody else needs.

    Takes what nobody holds until nothing is free, and ends. SIGTERM lets it write checkpoints and
    end; SIGUSR1 or SIGUSR2, before a limit of time, has it also ask Slurm to begin again.

    Parameters
    ----------
    store:
        The store.
    job:
        The name of the job, a folder of the store's jobs/.
    level:
        Which generation of its groups, from 0.
    """
    # Until training hears them: what is imported first takes seconds.
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, _again_at_once)

    from efficiency.errors import InvalidInputError
    from predictions.cli.progress import Display
    from predictions.cli.running import existing
    from predictions.trainer import NetworkTrainer
    from runs.execution.jobs import read_job
    from runs.execution.local import train
    from runs.execution.slurm_commands import requeue
    from runs.identity import identity

    place = existing(store)
    noted = read_job(place, job)
    if not 0 <= level < len(noted.levels):
        raise InvalidInputError(
            f"the job {job} has the levels 0 … {len(noted.levels) - 1}, and {level} was given"
        )
    groups = noted.groups(place, level)
    wanted = {identity(document) for group in groups for document in group}
    trainer = NetworkTrainer(**noted.training, workers=1)
    with Display() as display:
        done = train([groups], wanted, place, trainer, report=display.update, patient=False)
    print(f"{len(done.trained)} runs trained, {done.by_others} by others", file=sys.stderr)
    if done.interrupted and done.again:
        requeue()
        return AGAIN
    return INTERRUPTED if done.interrupted else DONE
