"""Real training, killed without warning at random moments, must end as if nothing had happened."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from predictions.trainer import NetworkTrainer
from runs import Store, execute
from runs.files import SCRAP_SECONDS
from tests.build import run_settings

NUM_KILLS = 20


def documents() -> list[dict]:
    """Return a sweep in miniature: parents, children, several ensembles."""
    parents = [
        run_settings(dataset_size=49, init_seed=seed, data_seed=seed, num_steps=1500)
        for seed in range(2)
    ]
    children = [
        run_settings(
            dataset_size=size, data_seed=p.data_seed, start=p, init_seed=None, num_steps=1500
        )
        for p in parents
        for size in (10, 20, 40)
    ]
    return [run.document() for run in children]


def work(path: Path) -> None:
    execute(documents(), Store(path), NetworkTrainer("cpu"), checkpoint_seconds=0.05)


def contents(path: Path) -> dict[str, bytes]:
    """Return every file of a store, provenance without its times and its interruptions."""
    found = {}
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        name = str(file.relative_to(path))
        if file.name == "provenance.json":
            origin = json.loads(file.read_text())
            del origin["times"], origin["earlier"]
            # Noted to the last bit, which depends on where arrays lie; compared with a tolerance.
            meant = origin["definition"]
            for held, what in ((meant, "network"), (meant["parameters"], "logits")):
                held[what] = [f"{value:.9g}" for value in held[what]]
            found[name] = json.dumps(origin, sort_keys=True).encode()
        elif file.name == "complete.json":
            checksums = json.loads(file.read_text())["files"]
            del checksums["provenance.json"]
            found[name] = json.dumps(checksums, sort_keys=True).encode()
        else:
            found[name] = file.read_bytes()
    return found


def test_a_sweep_killed_twenty_times_ends_with_the_same_bits(tmp_path):
    # A server that has imported everything forks children in milliseconds, so that kills fall into
    # training and not into imports.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.test_kill"])
    rng = random.Random(0)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    began = time.monotonic()
    worker = context.Process(target=work, args=(whole,))
    worker.start()
    worker.join(120)
    assert worker.exitcode == 0
    usual = time.monotonic() - began

    kills, progress = 0, []
    # On a busy machine every kill may fall before the next run ends; then more are needed.
    while kills < NUM_KILLS or (len({*progress}) == 1 and kills < 5 * NUM_KILLS):
        worker = context.Process(target=work, args=(broken,))
        worker.start()
        worker.join(rng.uniform(0, usual / 8))
        if worker.exitcode is None:
            os.kill(worker.pid, signal.SIGKILL)
            worker.join(60)
            kills += 1
        else:
            assert worker.exitcode == 0
            # It came to its end between kills: begin again, so that every kill hits live work.
            assert contents(broken) == contents(whole)
            broken.rename(tmp_path / f"finished-{len(progress)}")
        progress.append(sum(1 for _ in Store(broken).identities()))
    # One may have fallen into the writing of a file; what is left of it goes when nobody writes it
    # any more.
    for scrap in broken.glob(".*"):
        os.utime(scrap, (0, time.time() - SCRAP_SECONDS - 1))
    worker = context.Process(target=work, args=(broken,))
    worker.start()
    worker.join(120)
    assert worker.exitcode == 0
    assert contents(broken) == contents(whole)
    assert len({*progress}) > 1, "the kills never fell between finished runs"
