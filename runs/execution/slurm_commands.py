"""What is said to Slurm, and what it says."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence

from runs.execution.following import in_words
from runs.execution.jobs import Job, jobs
from runs.files import StoreError
from runs.store import Store

PREFIX = "predictions-"
"""Of the names of jobs."""


def ask(command: Sequence[str], text: str | None = None) -> str:
    """Return what a command of Slurm prints.

    Raises:
        StoreError: It is not there, or it fails.
    """
    try:
        # In a session of its own: Ctrl-C is for us, and not for a command between two of its steps.
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            timeout=120,
        )
    except OSError as error:
        raise StoreError(
            f"{command[0]} cannot be started ({error.strerror}); --on slurm is for machines that "
            "submit jobs of Slurm, leave it out to train here"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"{shlex.join(command)} does not answer") from error
    if done.returncode != 0:
        raise StoreError(
            f"{shlex.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}\n"
            "--on slurm is for a machine on which `sinfo` and `sbatch` work; leave it out to train "
            "here"
        )
    return done.stdout


def queue(noted: Sequence[Job]) -> dict[str, Counter[str]]:
    """Return how many tasks of each job are in which state of Slurm; jobs that have ended left out.

    A task is one of ours if both its name and its number are: numbers begin anew on another
    cluster.

    Raises:
        StoreError: Slurm does not say.
    """
    ours = {(job.name, number): job for job in noted for number in job.ids}
    found: dict[str, Counter[str]] = {}
    said = ask(["squeue", "--noheader", "--array", "--me", "--format=%F|%j|%T|%r"])
    for line in said.splitlines():
        number, name, state, why = line.split("|", 3)
        job = ours.get((name.removeprefix(PREFIX).rpartition("-")[0], number))
        if job is not None:
            told = state.lower() if why == "None" else f"{state.lower()} ({why})"
            found.setdefault(job.name, Counter())[told] += 1
    return found


def in_the_queue(store: Store) -> list[str]:
    """Return a line for each job of a store of which Slurm has something left.

    None where there is no Slurm; one that says so where it gives no answer.
    """
    noted = jobs(store)
    if not noted or shutil.which("squeue") is None:
        return []
    try:
        found = queue(noted)
    except StoreError as error:
        return [f"what is in the queue is not known: {error}"]
    return [f"job {name} of Slurm: {in_words(counts)}" for name, counts in sorted(found.items())]


def requeue() -> None:
    """Have the task of Slurm that this process is of begin again later.

    Raises:
        StoreError: Slurm refuses.
    """
    if (task := os.environ.get("SLURM_JOB_ID")) is None:
        return
    if (array := os.environ.get("SLURM_ARRAY_JOB_ID")) is not None:
        # By its place in the array: one task has the number of the whole, and would requeue all.
        task = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    ask(["scontrol", "requeue", task])
