"""Real training, killed without warning at random moments, must end as if nothing had happened."""

from __future__ import annotations

import errno
import fcntl
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from predictions.trainer import NetworkTrainer
from runs import Store, execute
from runs.execution.claims import LEASE_SECONDS, Claim
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


def work_where_all_get_every_claim(path: Path) -> None:
    """The same, as on a file system where claims keep nobody out."""
    Claim.take = lambda self: True
    Claim.give_up = lambda self: None
    work(path)


def work_where_no_file_can_be_locked(path: Path) -> None:
    """The same, as on NFS without its lock daemon: whoever locks a file gets ENOLCK."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = fcntl.lockf = fcntl.fcntl = refuse
    with pytest.raises(OSError, match="No locks available"):
        FileLock(path.with_suffix(".probe")).acquire()
    work(path)


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


def whole_and_broken(context, tmp_path: Path) -> tuple[Path, Path, float]:
    """Return a store that nobody disturbed, the place of another, and how long the first took."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    began = time.monotonic()
    worker = context.Process(target=work, args=(whole,))
    worker.start()
    worker.join(120)
    assert worker.exitcode == 0
    return whole, broken, time.monotonic() - began


def finish(context, broken: Path, target: Callable[[Path], None] = work) -> None:
    """Let one process do what is left, undisturbed."""
    # A kill may have fallen into the writing of a file; what is left of it goes when nobody writes
    # it any more.
    for scrap in (*broken.glob(".*"), *(broken / "work").glob("*.lock.*")):
        os.utime(scrap, (0, time.time() - SCRAP_SECONDS - 1))
    worker = context.Process(target=target, args=(broken,))
    worker.start()
    # Or between the making of a claim and the writing of whose it is: nobody knows then that its
    # holder is dead, and it ends when nobody has touched it for long enough.
    worker.join(120 + 1.25 * LEASE_SECONDS)
    assert worker.exitcode == 0


@pytest.fixture(scope="module")
def forking():
    """A server that is ready: kills, and the time that work usually takes, are of training only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.warmed"])
    first = context.Process(target=int)
    first.start()
    first.join(120)
    assert first.exitcode == 0
    return context


def test_a_sweep_killed_twenty_times_ends_with_the_same_bits(forking, tmp_path):
    rng = random.Random(0)
    whole, broken, usual = whole_and_broken(forking, tmp_path)
    kills, progress, patience = 0, [], usual / 8
    # Where starting takes long, every kill may fall before the next run ends: then more are needed,
    # and later ones.
    while kills < NUM_KILLS or (len({*progress}) == 1 and kills < 5 * NUM_KILLS):
        worker = forking.Process(target=work, args=(broken,))
        worker.start()
        worker.join(rng.uniform(0, patience))
        if worker.exitcode is None:
            os.kill(worker.pid, signal.SIGKILL)
            worker.join(60)
            kills += 1
        else:
            assert worker.exitcode == 0
            # It came to its end between kills: begin again, so that every kill hits live work.
            finish(forking, broken)
            assert contents(broken) == contents(whole)
            broken.rename(tmp_path / f"finished-{len(progress)}")
        progress.append(sum(1 for _ in Store(broken).identities()))
        if progress[-1] == progress[max(0, len(progress) - 2)]:
            patience = min(1.1 * patience, usual)
    finish(forking, broken)
    assert contents(broken) == contents(whole)
    assert len({*progress}) > 1, "the kills never fell between finished runs"


@pytest.mark.parametrize(
    "target", [work, work_where_all_get_every_claim, work_where_no_file_can_be_locked]
)
def test_eight_processes_killed_at_random_end_with_the_same_bits(
    forking, tmp_path, target, full_calibration
):
    rng = random.Random(1)
    num_kills = 100 if full_calibration else 8
    whole, broken, usual = whole_and_broken(forking, tmp_path)
    workers: list[multiprocessing.Process] = []
    kills = ends = 0
    while kills < num_kills:
        workers += [forking.Process(target=target, args=(broken,)) for _ in range(8 - len(workers))]
        for worker in workers:
            if worker.pid is None:
                worker.start()
        time.sleep(rng.uniform(0, usual / 4))
        victim = workers.pop(rng.randrange(8))
        if victim.exitcode is None:
            os.kill(victim.pid, signal.SIGKILL)
            kills += 1
        victim.join(60)
        assert victim.exitcode in (0, -signal.SIGKILL)
        if all(worker.exitcode is not None for worker in workers):
            # All came to their end: begin again, so that kills hit live work.
            assert [worker.exitcode for worker in workers] == [0] * 7
            workers, ends = [], ends + 1
            finish(forking, broken)
            assert contents(broken) == contents(whole)
            broken.rename(tmp_path / f"finished-{ends}")
    for worker in workers:
        worker.join(240)
        assert worker.exitcode == 0
    finish(forking, broken)
    assert contents(broken) == contents(whole)
    print(f"{kills} kills of one of eight, {ends + 1} stores, all equal")
