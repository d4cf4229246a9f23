"""Training by worker processes of this machine, as `--on gpus` has one for each GPU."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from predictions import executors, limits
from runs import Store, StoreError
from runs import execute as runs_execute
from runs.execution.claims import Claim
from runs.execution.processes import Processes
from runs.execution.workplaces import lock, note_holder, set_out
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import family, final

WORKER = [sys.executable, "-m", "tests.runs.fake_worker"]
MANY = [document(k) for k in range(1, 9)]
TWO = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "3"}]


@pytest.fixture(autouse=True)
def found_by_workers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def execute(store, wanted, worker=WORKER, environments=TWO, report=lambda progress: None):
    return Processes(environments, worker, {}).execute(wanted, store, FakeTrainer(), report=report)


def test_processes_train_what_is_missing_level_by_level(tmp_path):
    store, said = Store(tmp_path / "s"), []
    execution = execute(store, family(), report=said.append)
    assert (execution.found, execution.by_others, execution.interrupted) == (0, 10, False)
    assert final(store, family()[-1]) == 20 * (2 + 40)
    assert any(progress.activity.startswith("processes: 2 workers") for progress in said)
    assert execute(store, family(), ["false"]).found == 10, "nobody is started for nothing"


def test_each_has_an_environment_of_its_own(tmp_path):
    seen = tmp_path / "seen"
    note = f"echo $CUDA_VISIBLE_DEVICES $OPENBLAS_NUM_THREADS >> {seen}"
    worker = ["bash", "-c", f'{note}; exec {" ".join(WORKER)} "$@"', "worker"]
    execute(Store(tmp_path / "s"), MANY, worker)
    assert sorted(seen.read_text().split("\n"))[1:] == ["0 1", "3 1"]


def test_what_would_be_started_is_shown_before(tmp_path):
    store = Store(tmp_path / "s")
    said = Processes(TWO, WORKER, {}).preview(family(), store, FakeTrainer())
    both = "CUDA_VISIBLE_DEVICES=0; CUDA_VISIBLE_DEVICES=3"
    assert said.splitlines() == [
        "level 0: 1 processes, with CUDA_VISIBLE_DEVICES=0",  # one group
        f"level 1: 2 processes, with {both}",
    ]
    assert not store.path.exists()


def test_a_worker_that_fails_is_told_with_its_last_words(tmp_path):
    with pytest.raises(
        StoreError, match=r"ended with 3: no such thing\n.*the same command submits"
    ):
        execute(Store(tmp_path / "s"), family(), ["bash", "-c", "echo no such thing; exit 3"])


def test_a_worker_that_fails_where_others_do_its_work_harms_nothing(tmp_path):
    store = Store(tmp_path / "s")
    broken = f'[ $CUDA_VISIBLE_DEVICES = 3 ] && exit 1; exec {" ".join(WORKER)} "$@"'
    execution = execute(store, MANY, ["bash", "-c", broken, "worker"])
    assert (execution.by_others, execution.interrupted) == (8, False)


def test_what_other_processes_train_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("runs.execution.following.POLL_SECONDS", 0.2)
    store, said = Store(tmp_path / "s"), []
    folder = store.work / set_out(store, MANY[:1])
    claim = Claim(lock(folder))
    assert claim.take()
    note_holder(folder)

    def finish():
        time.sleep(3)
        runs_execute(MANY, Store(tmp_path / "other"), FakeTrainer())
        for run in (tmp_path / "other" / "runs").iterdir():
            shutil.move(run, store.path / "runs" / run.name)
        claim.give_up()

    (store.path / "runs").mkdir(exist_ok=True)
    other = threading.Thread(target=finish)
    other.start()
    execution = execute(store, MANY, ["true"], report=said.append)
    other.join()
    assert (execution.by_others, execution.interrupted) == (8, False)
    assert any(one.activity.startswith("waiting, 1 ensemble is in training") for one in said)


def test_workers_that_do_nothing_are_not_started_for_ever(tmp_path):
    with pytest.raises(StoreError, match="10 runs are missing, and the workers have ended"):
        execute(Store(tmp_path / "s"), family(), ["true"])


def test_who_interrupts_it_ends_its_workers(tmp_path):
    told = tmp_path / "told"
    worker = ["bash", "-c", f"trap 'echo saved >> {told}; exit 130' TERM; sleep 60 & wait"]

    def interrupt():
        time.sleep(2)
        os.kill(os.getpid(), signal.SIGTERM)  # SIGINT may be ignored where tests run

    threading.Thread(target=interrupt).start()
    execution = execute(Store(tmp_path / "s"), MANY, worker)
    assert execution.interrupted
    assert told.read_text().split() == ["saved", "saved"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_workers_end_with_a_command_that_is_killed(tmp_path):
    told = tmp_path / "told"
    worker = [
        "bash",
        "-c",
        f"trap 'echo saved >> {told}; exit 130' TERM; echo ready; sleep 60 & wait",
    ]
    code = (
        "from tests.runs.test_processes import *; from pathlib import Path;"
        f"execute(Store(Path({str(tmp_path / 's')!r})), MANY, {worker!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as command:
        began = time.monotonic()
        while sum("ready" in log.read_text() for log in tmp_path.glob("s/jobs/*/*.log")) < 2:
            assert time.monotonic() < began + 60
            time.sleep(0.1)
        command.kill()
    while not told.exists() or told.read_text().split() != ["saved", "saved"]:
        assert time.monotonic() < began + 90
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("visible", "number", "names"),
    [(None, 2, ["0", "1"]), ("3, 5", 2, ["3", "5"]), ("GPU-ab,1", 2, ["GPU-ab", "1"])],
)
def test_there_is_one_for_each_gpu_that_may_be_used(monkeypatch, visible, number, names):
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr("torch.cuda.device_count", lambda: number)
    assert limits.visible_gpus() == names
    made = executors.EXECUTORS.find("gpus")({}, {"device": "cuda", "engine": "auto"}, False)
    said = made.preview(MANY, Store(Path("nowhere")), FakeTrainer())
    assert (
        said
        == f"level 0: {len(names)} processes, with "
        + "; ".join(f"CUDA_VISIBLE_DEVICES={name}" for name in names)
        + "\n"
    )
