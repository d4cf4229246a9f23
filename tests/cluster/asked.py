"""What the tests on clusters ask for, and what must be equal of what comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from runs import Store
from tests.runs.test_kill import contents

ASKED = ("ungrokking", "--size", "quick", "--seeds", "4")
PATIENCE = 900
"""Seconds; Slurm holds a task back for two minutes after each requeue."""


SMOKE = ("ungrokking", "--size", "smoke")


def predictions(
    place: Path, *words: str, asked: tuple[str, ...] = ASKED
) -> subprocess.CompletedProcess[str]:
    where = ("--store", str(place), "--out", str(place.with_suffix(".report")))
    command = [sys.executable, "-m", "predictions", "run", *asked, *where, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def equal_parts(place: Path) -> dict[str, bytes]:
    """Return what must be equal: all but how many trained side by side, and what jobs printed."""
    found = {}
    for name, held in contents(place).items():
        if name.startswith(("jobs/", "statements/")):
            continue
        if name.endswith("provenance.json"):
            origin = json.loads(held)
            del origin["training"]["workers"]
            found[name] = json.dumps(origin, sort_keys=True).encode()
        else:
            found[name] = held
    return found


def resumed(place: Path) -> int:
    """Return how many runs went on from a checkpoint."""
    store = Store(place)
    origins = (store.load(run).provenance for run in store.identities())
    return sum(origin["times"]["resumed_at_step"] > 0 for origin in origins)
