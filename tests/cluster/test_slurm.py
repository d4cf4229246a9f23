"""Training by a real Slurm, disturbed in all the ways in which a Slurm disturbs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs import Store
from tests.cluster.asked import ASKED, PATIENCE, SMOKE, equal_parts, predictions, resumed


def slurm(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def submitted(place: Path, *words: str) -> str:
    """Submit, wait until the first task has trained for a while, and return the task."""
    answer = predictions(place, "--on", "slurm", "--max-jobs", "2", "--detach", *words)
    assert answer.returncode == 0, answer.stderr
    (noted,) = place.glob("jobs/*/job.json")
    task = json.loads(noted.read_text())["ids"][0] + "_0"
    began = time.monotonic()
    while slurm("squeue", "--noheader", "--format=%T", f"--jobs={task}") != "RUNNING":
        assert time.monotonic() < began + PATIENCE
        time.sleep(0.5)
    while not [*place.glob("work/*/holder.json")]:
        assert time.monotonic() < began + PATIENCE
        time.sleep(0.2)
    time.sleep(3)
    return task


def test_a_smoke_run_by_jobs_is_one_by_threads(tmp_path):
    by_threads, by_jobs = tmp_path / "threads", tmp_path / "jobs"
    for place, on in ((by_threads, ()), (by_jobs, ("--on", "slurm", "--max-jobs", "2"))):
        answer = predictions(place, *on, asked=SMOKE)
        assert answer.returncode == 0, answer.stderr
    assert equal_parts(by_jobs) == equal_parts(by_threads)
    assert [*Store(by_jobs).identities()]


def test_jobs_train_what_threads_train(local, tmp_path):
    place = tmp_path / "store"
    answer = predictions(place, "--on", "slurm", "--max-jobs", "2")
    assert answer.returncode == 0, answer.stderr
    assert equal_parts(place) == equal_parts(local)


DISTURBANCES = {
    "a signal": ["scancel", "--batch", "--signal=USR1", "{task}"],
    "a requeue": ["scontrol", "requeue", "{task}"],
    "a preemption": ["sbatch", "--partition=high", "--exclusive", "--wrap=sleep 5"],
}


@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_a_task_that_is_disturbed_goes_on_from_a_checkpoint(local, tmp_path, disturbance):
    place = tmp_path / "store"
    task = submitted(place)
    slurm(*(word.format(task=task) for word in DISTURBANCES[disturbance]))
    answer = predictions(place, "--on", "slurm", "--max-jobs", "2")
    assert answer.returncode == 0, answer.stderr
    assert len([*place.glob("jobs/*")]) == 1, "it was followed, and not submitted again"
    assert equal_parts(place) == equal_parts(local)
    assert resumed(place) > 0
    print(f"{disturbance}: {resumed(place)} runs went on from a checkpoint, all equal")


def test_a_limit_of_time_costs_nothing_that_was_trained(local, tmp_path):
    place = tmp_path / "store"
    profile = tmp_path / "cluster.toml"
    profile.write_text('[slurm]\ntime = "00:04:00"\nwarning_seconds = 200\nmax_jobs = 1\n')
    answer = predictions(place, "--on", "slurm", "--profile", str(profile))
    assert answer.returncode == 0, answer.stderr
    assert equal_parts(place) == equal_parts(local)
    assert resumed(place) > 0
    print(f"a limit of time: {resumed(place)} runs went on from a checkpoint, all equal")


def test_a_worker_that_is_killed_costs_what_it_did_since_its_checkpoint(local, tmp_path):
    place = tmp_path / "store"
    task = submitted(place)
    slurm("scancel", "--batch", "--signal=KILL", task)
    answer = predictions(place, "--on", "slurm", "--max-jobs", "2")
    assert answer.returncode == 0, answer.stderr
    assert equal_parts(place) == equal_parts(local)


def test_a_driver_that_is_killed_follows_the_same_jobs_again(local, tmp_path):
    place = tmp_path / "store"
    command = [sys.executable, "-m", "predictions", "run", *ASKED, "--on", "slurm"]
    command += ["--max-jobs", "2", "--store", str(place), "--out", str(tmp_path / "report")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as driver:
        began = time.monotonic()
        while not [*place.glob("runs/*")]:
            assert time.monotonic() < began + PATIENCE
            time.sleep(0.5)
        driver.kill()
    answer = predictions(place, "--on", "slurm", "--max-jobs", "2")
    assert answer.returncode == 0, answer.stderr
    assert len([*place.glob("jobs/*")]) == 1
    assert equal_parts(place) == equal_parts(local)
