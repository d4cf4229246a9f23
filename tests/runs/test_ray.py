"""Training by tasks of Ray, with a Ray that calls at once; `make test-ray` has a real one."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from runs import Store, StoreError
from runs.execution.ray_tasks import Ray, RayOptions, Stopped, run_worker
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import family, final

WORKER = [sys.executable, "-m", "tests.runs.fake_worker"]


class FakeRay(SimpleNamespace):
    """As much of ``ray`` as is called: a task is done, or has failed, when it is submitted."""

    def __init__(self):
        super().__init__(asked=[], address=None)

    def init(self, address, **how):
        self.address = address

    def shutdown(self):
        self.address = None

    def remote(self, function):
        def submit(*words):
            for _ in range(self.asked[-1]["max_retries"] + 1):
                try:
                    function(*words)
                except Stopped as error:
                    failure = error
                except RuntimeError as error:
                    return error
                else:
                    return None
            return failure

        def options(**asked):
            self.asked.append(asked)
            return SimpleNamespace(remote=submit)

        return SimpleNamespace(options=options)

    def wait(self, tasks, *, num_returns, timeout):
        assert num_returns == len(tasks)
        return tasks, []

    def nodes(self):
        dead = {"Alive": False, "Resources": {"CPU": 99.0, "memory": 1e15, "fast": 1.0}}
        return [dead, {"Alive": True, "Resources": {"CPU": 2.0, "memory": 8e9}}]

    def get(self, task):
        if task is not None:
            raise task


@pytest.fixture
def ray(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def execute(store, wanted, worker=WORKER, **options):
    asked = RayOptions(**({"max_jobs": 1} | options))
    return Ray(asked, worker, {}).execute(wanted, store, FakeTrainer(), report=lambda p: None)


def test_tasks_train_what_is_missing_level_by_level(tmp_path, ray):
    store = Store(tmp_path / "s")
    execution = execute(store, family(), address="here:1")
    assert (execution.found, execution.by_others, execution.interrupted) == (0, 10, False)
    assert final(store, family()[-1]) == 20 * (2 + 40), "its own, after those of its start"
    levels = [asked["name"][-2:] for asked in ray.asked]
    assert levels == ["-0", "-1"]
    assert ray.address is None, "it was left"
    assert execute(store, family()).found == 10
    assert len(ray.asked) == 2


def test_what_is_asked_of_ray_is_shown_before(tmp_path):
    store = Store(tmp_path / "s")
    asked = RayOptions(max_jobs=3, memory_mebibytes=700, resources={"GPU": 1, "fast": 0.5})
    said = Ray(asked, WORKER, {}).preview(family(), store, FakeTrainer())
    assert not store.path.exists()
    first, second = said.splitlines()
    assert first.startswith("level 0: ")
    assert second.startswith("level 1: ")
    assert "'num_gpus': 1, 'memory': 734003200, 'resources': {'fast': 0.5}" in first
    assert Ray(asked, WORKER, {}).preview([], store, FakeTrainer()) == ""


def test_a_task_that_no_node_could_run_is_told_and_not_waited_for(tmp_path, ray):
    store = Store(tmp_path / "s")
    with pytest.raises(StoreError, match=r"no node .* has what a task asks for \(.*fast 1\)"):
        execute(store, family(), resources={"fast": 1})
    with pytest.raises(StoreError, match="no node"):
        execute(store, family(), memory_mebibytes=10**6)
    asked = Ray(RayOptions(), WORKER, {"device": "cuda"}).preview(family(), store, FakeTrainer())
    assert "'num_gpus': 1, 'memory': 8589934592" in asked


def test_a_worker_that_was_told_to_end_is_tried_again(tmp_path, ray):
    once = tmp_path / "once"
    script = tmp_path / "worker"
    words = f'[ -e {once} ] || {{ touch {once}; exit 75; }}\nexec {" ".join(WORKER)} "$@"\n'
    script.write_text(words)
    store = Store(tmp_path / "s")
    execute(store, [document(1)], ["bash", str(script)])
    assert final(store, document(1)) == 20
    assert len(ray.asked) == 1, "by Ray, and not by us"


def test_a_worker_that_fails_is_told_with_its_last_words(tmp_path, ray):
    store = Store(tmp_path / "s")
    with pytest.raises(StoreError, match=r"(?s)ended with 3: no such thing.*submits the rest"):
        execute(store, family(), ["bash", "-c", "echo no such thing; exit 3"])
    (log,) = store.path.glob("jobs/*/ray-0-0.log")
    assert "no such thing" in log.read_text()


def test_what_is_not_trained_is_submitted_while_something_comes_of_it(tmp_path, ray):
    with pytest.raises(StoreError, match="10 runs are missing, and no task is left"):
        execute(Store(tmp_path / "s"), family(), ["true"])
    assert len(ray.asked) == 2, "one round of two levels"


def test_a_machine_without_ray_and_an_address_without_a_cluster_are_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StoreError, match=r"pip install 'circuit-efficiency\[ray\]'"):
        execute(Store(tmp_path / "s"), [document(1)])

    class Deaf(FakeRay):
        def init(self, address, **how):
            raise ConnectionError("nobody there")

    monkeypatch.setitem(sys.modules, "ray", Deaf())
    with pytest.raises(StoreError, match=r"answers at 'auto' \(nobody there\)"):
        execute(Store(tmp_path / "s"), [document(1)])
    assert not (tmp_path / "s").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_worker_ends_with_whatever_began_it(tmp_path, number):
    note = tmp_path / "note"
    worker = [
        "bash",
        "-c",
        f"trap 'echo saved > {note}; exit 130' TERM; echo ready; sleep 60 & wait",
    ]
    log = tmp_path / "log"
    called = f"run_worker({worker}, {str(tmp_path / 'log')!r}, '.')"
    # As a node that a script began in the background ignores it.
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    code = f"{ignored}; from runs.execution.ray_tasks import run_worker; {called}"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as task:
        began = time.monotonic()
        while (
            not children_of(task.pid, "trap") or not log.exists() or "ready" not in log.read_text()
        ):
            assert time.monotonic() < began + 30
            time.sleep(0.1)
        task.send_signal(number)
    while not note.exists():
        assert time.monotonic() < began + 60
        time.sleep(0.1)


def children_of(parent: int, word: str) -> list[int]:
    """Return the children of a process with a word on their command line."""
    told = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(c) for c in told if word in Path(f"/proc/{c}/cmdline").read_text()]


def test_how_a_worker_ended_decides_whether_it_is_tried_again(tmp_path):
    log = str(tmp_path / "log")
    run_worker(["true"], log, "no such folder")
    for ended in (75, 130):
        with pytest.raises(Stopped):
            run_worker(["bash", "-c", f"exit {ended}"], log, ".")
    with pytest.raises(Stopped):
        run_worker(["bash", "-c", "kill $$"], log, ".")
    with pytest.raises(RuntimeError, match="ended with 1: one last word"):
        run_worker(["bash", "-c", "echo one last word; exit 1"], log, ".")


def test_an_exception_in_the_thread_of_a_task_ends_its_worker(tmp_path):
    # As ray.cancel does it: no signal comes, and a wait without an end would not hear of it.
    threading.Timer(1.0, _thread.interrupt_main).start()
    began = time.monotonic()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_worker(["sleep", "60"], str(tmp_path / "log"), ".")
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() < began + 30


@pytest.mark.parametrize(
    ("options", "told"),
    [({"max_jobs": 0}, "max_jobs is 0"), ({"retries": -1}, "retries is -1")],
)
def test_options_that_cannot_be_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        RayOptions(**options)
