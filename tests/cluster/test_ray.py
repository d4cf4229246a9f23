"""Training by a real Ray of two nodes on this machine, of which one is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.asked import ASKED, PATIENCE, equal_parts, predictions, resumed

PORT = 46379
ADDRESS = f"127.0.0.1:{PORT}"
ON = ("--on", "ray", "--address", ADDRESS)


def node(*words: str) -> subprocess.Popen[bytes]:
    """Start a node of one core, in a session of its own."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    # What it starts finds this checkout, installed or not.
    return subprocess.Popen(
        [*command, "--disable-usage-stats", "--object-store-memory=80000000", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end(*nodes: subprocess.Popen[bytes]) -> None:
    for one in nodes:
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()


@pytest.fixture
def nodes(local) -> Iterator[list[subprocess.Popen[bytes]]]:
    pytest.importorskip("ray")
    head = node("--head", f"--port={PORT}", "--include-dashboard=false")
    time.sleep(8)
    second = node(f"--address={ADDRESS}")
    time.sleep(8)
    running = [head, second]
    yield running
    end(*reversed(running))


def commands() -> dict[int, list[str]]:
    """Return the words of every process of this machine that can be read."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                found[int(place.name)] = (place / "cmdline").read_text().split("\0")
            except (OSError, UnicodeDecodeError):
                continue
    return found


def workers_of(store: Path) -> list[tuple[int, int]]:
    """Return who keeps each worker on a store, with the process of Ray that began it."""
    return [
        (process, int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]))
        for process, words in commands().items()
        if str(store) in words and any(word.endswith("keeper.py") for word in words)
    ]


@contextmanager
def training(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A driver that has begun, with two workers that have trained for a while."""
    # What a shell begins in the background ignores Ctrl-C, and so does whatever that begins.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from predictions.command import predictions; predictions()"
    command = [sys.executable, "-c", code, "run", *ASKED, *ON, "--store", str(place)]
    command += ["--out", str(place.with_suffix(".report"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        began = time.monotonic()
        while len(workers_of(place)) < 2 or len([*place.glob("work/*/holder.json")]) < 2:
            assert driver.poll() is None
            assert time.monotonic() < began + PATIENCE
            time.sleep(0.5)
        time.sleep(5)
        yield driver


def test_tasks_train_what_threads_train(local, nodes, tmp_path):
    place = tmp_path / "store"
    answer = predictions(place, *ON)
    assert answer.returncode == 0, answer.stderr
    assert equal_parts(place) == equal_parts(local)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_task_whose_process_is_ended_goes_on_from_a_checkpoint(local, nodes, tmp_path, number):
    place = tmp_path / "store"
    with training(place) as driver:
        (worker, task), *_ = workers_of(place)
        os.kill(task, number)
        said = driver.communicate(timeout=PATIENCE)[1]
    assert driver.returncode == 0, said
    assert equal_parts(place) == equal_parts(local)
    assert resumed(place) > 0
    assert not Path(f"/proc/{worker}").exists()
    print(f"{number.name}: {resumed(place)} runs went on from a checkpoint, all equal")


def test_a_node_that_is_lost_costs_what_it_did_since_its_checkpoint(local, nodes, tmp_path):
    place = tmp_path / "store"
    with training(place) as driver:
        before = workers_of(place)
        end(nodes[1])
        nodes[1] = node(f"--address={ADDRESS}")
        assert len(before) == 2
        said = driver.communicate(timeout=PATIENCE)[1]
    assert driver.returncode == 0, said
    assert equal_parts(place) == equal_parts(local)
    assert resumed(place) > 0
    print(f"a node was lost: {resumed(place)} runs went on from a checkpoint, all equal")


def test_who_interrupts_the_driver_ends_its_tasks_and_goes_on_later(local, nodes, tmp_path):
    place = tmp_path / "store"
    with training(place) as driver:
        driver.send_signal(signal.SIGINT)
        said = driver.communicate(timeout=PATIENCE)[1]
        assert driver.returncode == 130, said
    began = time.monotonic()
    while workers_of(place):
        assert time.monotonic() < began + 30
        time.sleep(0.2)
    answer = predictions(place, *ON)
    assert answer.returncode == 0, answer.stderr
    assert equal_parts(place) == equal_parts(local)
    assert resumed(place) > 0
