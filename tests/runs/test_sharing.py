"""Groups of a plan, divided between workers and processes."""

from __future__ import annotations

import multiprocessing
import os
import platform
import re
import signal
import threading
import time

import pytest

from runs import Store, execute, identity
from runs.execution import claims
from runs.execution.checkpoints import Workplace
from runs.execution.sharing import Waiting
from runs.execution.workplaces import in_words, set_out, unfinished
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import family, final


def waiting(store, levels, **more) -> Waiting:
    places = {}

    def place(group):
        return places.setdefault(str(group), Workplace(store, group))

    def left(group):
        return [one for one in group if not store.has(identity(one))]

    return Waiting(levels, store, left, place, **more)


def take(groups: Waiting):
    """Return the documents of the next group, and its workplace."""
    place = groups.take()
    return (None if place is None else place.documents), place


def test_a_group_waits_for_those_that_it_continues_and_for_no_other(tmp_path):
    parent, stranger = [document(1)], [document(2)]
    child = [document(3, start=document(1))]
    groups = waiting(Store(tmp_path / "s"), [[parent, stranger], [child]])
    taken, place = take(groups)
    assert taken == parent
    groups.done(place)
    assert take(groups)[0] == stranger
    assert take(groups)[0] == child  # while the stranger is still at it
    assert groups.take() is None


def test_nothing_begins_after_a_stop(tmp_path):
    groups = waiting(Store(tmp_path / "s"), [[[document(1)]], [[document(2, start=document(1))]]])
    assert take(groups)[0] == [document(1)]
    found = []
    thread = threading.Thread(target=lambda: found.append(groups.take()))
    thread.start()
    groups.stop()
    thread.join(5)
    assert found == [None]


def test_what_another_holds_is_passed_over_and_asked_for_again(tmp_path):
    store = Store(tmp_path / "s")
    elsewhere = Workplace(store, [document(1)])
    assert elsewhere.claim()
    groups = waiting(store, [[[document(1)], [document(2)]]])
    assert take(groups)[0] == [document(2)]
    assert groups.held() == f"1 more by {platform.node()} (process {os.getpid()})"
    threading.Timer(0.3, elsewhere.release, kwargs={"finished": False}).start()
    began = time.monotonic()
    assert take(groups)[0] == [document(1)]
    assert time.monotonic() > began + 0.2
    assert groups.take() is None


def test_a_run_that_another_trains_in_another_group_is_waited_for_and_not_trained_twice(tmp_path):
    store = Store(tmp_path / "s")
    elsewhere = Workplace(store, [document(1), document(2)])
    assert elsewhere.claim()
    groups = waiting(store, [[[document(2), document(3)]]])
    found = []
    thread = threading.Thread(target=lambda: found.append(take(groups)))
    thread.start()
    time.sleep(0.6)
    assert found == []
    assert groups.held() == "1 more by another machine or process", "it holds another group"
    assert len([*store.work.glob("*/")]) == 1, "it leaves nothing of what it did not begin"
    for one in FakeTrainer().begin([document(2)], [None]).results():
        store.save(document(2), one, {}, elsewhere.staging)
    elsewhere.release(finished=True)
    thread.join(10)
    assert found[0][0] == [document(3)]
    assert not elsewhere.folder.exists()


def test_a_group_that_another_left_is_taken_up_as_it_is(tmp_path):
    store = Store(tmp_path / "s")
    context = multiprocessing.get_context("spawn")
    groups = waiting(store, [[[document(2), document(3)]]])
    killed = context.Process(target=_claim_and_die, args=(store.path,))
    killed.start()
    killed.join(60)
    taken, place = take(groups)
    assert taken == [document(1), document(2)], "the other's, with its checkpoint"
    for wanted, one in zip(taken, FakeTrainer().begin(taken, [None, None]).results(), strict=True):
        store.save(wanted, one, {}, place.staging)
    place.release(finished=True)
    groups.done(place)
    assert take(groups)[0] == [document(3)]


def test_a_group_that_was_only_set_out_stands_in_nobodys_way(tmp_path):
    store = Store(tmp_path / "s")
    set_out(store, [document(1), document(2)])
    groups = waiting(store, [[[document(2), document(3)]]])
    assert take(groups)[0] == [document(2), document(3)]


def test_who_waits_for_nobody_leaves_what_others_train(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "LEASE_SECONDS", 0.4)
    store = Store(tmp_path / "s")
    elsewhere = Workplace(store, [document(1)])
    assert elsewhere.claim()
    child = [document(3, start=document(1))]
    groups = waiting(store, [[[document(1)], [document(2)]], [child]], patient=False)
    taken, place = take(groups)
    assert taken == [document(2)]
    groups.done(place)
    began = time.monotonic()
    assert groups.take() is None
    assert time.monotonic() > began + 0.5, "not before it would have seen that nobody is there"
    elsewhere.release(finished=False)


def test_who_waits_for_nobody_takes_over_from_a_machine_that_has_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "LEASE_SECONDS", 1.0)
    store = Store(tmp_path / "s")
    context = multiprocessing.get_context("spawn")
    gone = context.Process(target=_claim_and_die, args=(store.path,))
    gone.start()
    gone.join(60)
    (lock,) = store.work.glob("*.lock")
    written = lock.read_text()
    lock.write_text(re.sub("(?m)^host=.*$", "host=elsewhere", written).replace("=120.0", "=1.0"))
    groups = waiting(store, [[[document(1), document(2)]]], patient=False)
    assert take(groups)[0] == [document(1), document(2)]


def _claim_and_die(path):
    place = Workplace(Store(path), [document(1), document(2)])  # one that is dropped lets go
    assert place.claim()
    os.kill(os.getpid(), signal.SIGKILL)


def _execute_beside(path, wanted, begun, ready):
    trainer = FakeTrainer(seconds_per_step=0.02)
    ready.wait()
    execute(wanted, Store(path), trainer)
    begun.put(trainer.begun)


@pytest.mark.parametrize("num_processes", [2, 4])
@pytest.mark.parametrize("same", [True, False])
def test_processes_divide_the_work_of_one_store(tmp_path, num_processes, same):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.warmed"])
    begun, ready = context.Queue(), context.Barrier(num_processes)
    # Of other commands, each lacks one run, so that they pack what is left into other groups.
    wanted = [family()[: None if same else 10 - k] for k in range(num_processes)]
    workers = [
        context.Process(target=_execute_beside, args=(tmp_path / "s", one, begun, ready))
        for one in wanted
    ]
    for worker in workers:
        worker.start()
    shares = [[run for group in begun.get(timeout=60) for run in group] for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    store = Store(tmp_path / "s")
    for child in family()[2:]:
        assert final(store, child) == 20 * child["start"]["value"] + 20 * child["value"]
    trained = [run for share in shares for run in share]
    assert sorted(trained) == sorted(map(identity, family())), "each run once"
    assert sum(bool(share) for share in shares) > 1, "none did it all"
    assert unfinished(store) == []
    assert [*store.work.iterdir()] == []


def test_who_holds_what_is_told_by_machine():
    assert in_words([("b", "job 7"), ("a", "process 1"), ("a", "process 2"), ("b", "job 7")]) == (
        "a (2 processes) and b (job 7)"
    )
    assert in_words([("another machine or process", "")]) == "another machine or process"
