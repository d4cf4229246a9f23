"""Claims of groups, by processes that end, sleep, and cannot see each other."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from runs import Store, StoreError, execute
from runs.execution import claims
from runs.execution.checkpoints import Workplace
from runs.execution.claims import Claim
from runs.execution.workplaces import tidy
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import final

HOLDER = """
import sys, time
from pathlib import Path
from runs.execution import claims
claims.LEASE_SECONDS = float(sys.argv[2])
claim = claims.Claim(Path(sys.argv[1]))
print(claim.take(), flush=True)
time.sleep(60)
"""
LEASE = 1.5


@pytest.fixture
def short_lease(monkeypatch):
    monkeypatch.setattr(claims, "LEASE_SECONDS", LEASE)


@pytest.fixture
def holder(tmp_path):
    """A process that holds a claim for a minute."""
    path = tmp_path / "group.lock"
    command = [sys.executable, "-c", HOLDER, str(path), str(LEASE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield path, process
        process.kill()


def elsewhere(path):
    """Let a claim be that of a process of another machine, of which nothing can be known."""
    path.write_text(
        "".join(
            "host=elsewhere\n" if line.startswith("host=") else line
            for line in path.read_text().splitlines(keepends=True)
        )
    )


def test_one_at_a_time_holds_it(tmp_path):
    first, second = (Claim(tmp_path / "a.lock") for _ in range(2))
    assert first.take()
    assert not second.take()
    first.give_up()
    assert second.take()
    assert not first.take()
    second.give_up()
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_process_of_this_machine_ends_with_it(short_lease, holder):
    path, process = holder
    claim = Claim(path)
    assert not claim.take()
    process.kill()
    process.wait()
    assert claim.take()
    claim.give_up()


def test_that_of_another_machine_ends_when_nobody_touches_it(short_lease, holder):
    path, process = holder
    elsewhere(path)
    claim, began = Claim(path), time.monotonic()
    while time.monotonic() < began + 3 * LEASE:
        assert not claim.take(), "it was touched while we looked"
        time.sleep(LEASE / 20)
    process.send_signal(signal.SIGSTOP)  # as if the machine had gone
    slept = time.monotonic()
    while not claim.take():
        assert time.monotonic() < slept + 30
        time.sleep(LEASE / 20)
    assert time.monotonic() > slept + LEASE / 2, "not before it had the time to touch it"
    process.send_signal(signal.SIGCONT)
    time.sleep(2 * LEASE)
    assert not Claim(path).take(), "who woke up does not take it back"
    claim.give_up()
    assert not path.exists()


def test_one_that_says_nothing_ends_too(short_lease, tmp_path):
    path = tmp_path / "a.lock"
    path.touch()  # killed between making and writing it
    claim, began = Claim(path), time.monotonic()
    while not claim.take():
        assert time.monotonic() < began + 30
        time.sleep(LEASE / 20)
    assert time.monotonic() > began + LEASE
    claim.give_up()


def test_one_ends_too_where_files_cannot_be_exchanged(short_lease, holder, monkeypatch):
    # As on NFS and SMB: the library then takes nothing over, not even of a process that has ended.
    monkeypatch.setattr("filelock._soft.exchange_names", lambda *names: False)
    path, process = holder
    claim, began = Claim(path), time.monotonic()
    while time.monotonic() < began + 2 * LEASE:
        assert not claim.take(), "it was touched while we looked"
        time.sleep(LEASE / 20)
    process.kill()
    process.wait()
    killed = time.monotonic()
    while not claim.take():
        assert time.monotonic() < killed + 30
        time.sleep(LEASE / 20)
    assert time.monotonic() > killed + LEASE / 2
    claim.give_up()


def test_it_needs_no_file_locks(tmp_path, monkeypatch):
    def refuse(handle, how, *more):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    for name in ("flock", "lockf", "fcntl"):
        monkeypatch.setattr(f"fcntl.{name}", refuse)
    execute([document(1)], Store(tmp_path / "s"), FakeTrainer())
    assert final(Store(tmp_path / "s"), document(1)) == 20


def test_a_file_system_that_makes_no_file_exclusively_is_told(tmp_path, monkeypatch):
    usual = os.open

    def refuse(path, flags, *more, **named):
        if flags & os.O_EXCL and str(path).endswith(".lock"):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return usual(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match=r"cannot write to .*\.lock: Operation not supported"):
        execute([document(1)], Store(tmp_path / "s"), FakeTrainer())


def test_two_that_hold_the_same_harm_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Claim, "take", lambda self: True)
    monkeypatch.setattr(Claim, "give_up", lambda self: None)
    wanted = [document(value) for value in range(1, 9)]
    errors = []

    def train():
        try:
            execute(wanted, Store(tmp_path / "s"), FakeTrainer(seconds_per_step=0.002))
        except BaseException as error:  # whatever it is, the test must see it
            errors.append(error)

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store = Store(tmp_path / "s")
    assert [final(store, run) for run in wanted] == [20.0 * d["value"] for d in wanted]


def test_what_a_takeover_that_was_killed_left_goes_when_it_is_old(tmp_path):
    store = Store(tmp_path / "s")
    place = Workplace(store, [document(1)])
    assert place.claim()
    now, then = (store.work / f"{place.folder.name}.lock.break.1.{age}" for age in ("a", "b"))
    for scrap in (now, then):
        scrap.touch()
    os.utime(then, (0, 0))
    tidy(store)
    assert now.exists()
    assert not then.exists()
    place.release(finished=True)
    assert [*store.work.iterdir()] == [now]
