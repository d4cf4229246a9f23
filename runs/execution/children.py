"""Worker processes that another process begins, and that end with it; see ``keeper``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 60.0
"""Time for workers to write their checkpoints."""

_KEEPER = Path(__file__).with_name("keeper.py")


def begin(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    folder: str | None = None,
) -> subprocess.Popen[bytes]:
    """Begin a worker, what it prints added to a file.

    It is in a session of its own: what is sent to all processes of a terminal, or of a task, is not
    for it.

    Args:
        command: What it runs.
        log: The file.
        environment: What it has beside what this process has.
        folder: Where it runs; default: where this process does.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-I", str(_KEEPER), str(os.getpid()), *command],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
            cwd=folder,
            start_new_session=True,
        )


def end(*workers: subprocess.Popen[bytes]) -> None:
    """Have workers that have not ended write checkpoints and end, and wait for it."""
    going = [worker for worker in workers if worker.poll() is None]
    for worker in going:
        worker.terminate()
    until = time.monotonic() + GRACE_SECONDS
    for worker in going:
        try:
            worker.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def last_words(log: Path) -> str:
    """Return the end of what a worker printed."""
    return log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
