from __future__ import annotations

import errno
import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runs import Store, StoreError, estimated_seconds, execute, generations, identity, plan
from runs.execution.checkpoints import Workplace
from runs.execution.workplaces import unfinished
from runs.files import SCRAP_SECONDS
from tests.runs.fake import FakeTrainer, document


def family() -> list[dict]:
    """Return two parents and four children of each."""
    parents = [document(value) for value in (1, 2)]
    return parents + [document(10 * i, start=p) for p in parents for i in range(1, 5)]


def final(store: Store, wanted: dict) -> float:
    return float(store.load(identity(wanted)).weights()["x"][0])


def test_everything_is_trained_parents_first_and_from_their_weights(tmp_path):
    store, trainer = Store(tmp_path / "s"), FakeTrainer()
    execution = execute(family(), store, trainer)
    assert len(execution.trained) == 10
    assert {identity(d) for d in family()[:2]} == set(trainer.begun[0])
    for child in family()[2:]:
        assert final(store, child) == 20 * child["start"]["value"] + 20 * child["value"]


def test_a_parent_that_was_not_asked_for_is_trained_all_the_same(tmp_path):
    store = Store(tmp_path / "s")
    grandchild = document(3, start=document(2, start=document(1)))
    assert len(execute([grandchild], store, FakeTrainer()).trained) == 3
    assert final(store, grandchild) == 120


def test_what_the_store_has_is_not_trained_again(tmp_path):
    store = Store(tmp_path / "s")
    execute(family()[:4], store, FakeTrainer())
    trainer = FakeTrainer()
    execution = execute(family(), Store(tmp_path / "s"), trainer)
    assert execution.found == 4
    assert len(execution.trained) == 6
    assert not {identity(d) for d in family()[:4]} & {r for g in trainer.begun for r in g}
    assert plan(family(), store, trainer) == []


def test_the_same_run_asked_for_twice_is_trained_once(tmp_path):
    execution = execute([document(1), document(1)], Store(tmp_path / "s"), FakeTrainer())
    assert len(execution.trained) == 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_generations_put_every_ancestor_before_its_children(depths):
    documents = []
    for number, depth in enumerate(depths):
        made = document(number)
        for level in range(depth):
            made = document(100 * number + level, start=made)
        documents.append(made)
    levels = generations(documents)
    seen: set[str] = set()
    for level in levels:
        for run, made in level.items():
            assert run == identity(made)
            assert made["start"] is None or identity(made["start"]) in seen
        seen |= level.keys()
    assert {identity(made) for made in documents} <= seen


@hypothesis_settings(max_examples=15)
@given(st.lists(st.integers(0, 5), max_size=6))
def test_a_sweep_that_fails_again_and_again_still_ends_with_the_same_groups(
    tmp_path_factory, failures
):
    whole, broken = (Store(tmp_path_factory.mktemp("s")) for _ in range(2))
    execute(family(), whole, FakeTrainer())
    for stop_after in failures:
        with pytest.raises(RuntimeError) if stop_after < 5 else _nothing():
            if not plan(family(), broken, FakeTrainer()):
                raise RuntimeError
            execute(family(), broken, FakeTrainer(stop_after=stop_after))
            raise RuntimeError
    execute(family(), Store(broken.path), FakeTrainer())
    for wanted in family():
        run = identity(wanted)
        one, other = whole.load(run), Store(broken.path).load(run)
        assert one.provenance["ensemble"] == other.provenance["ensemble"]
        for name in ("weights.safetensors", "history.parquet", "outcome.json"):
            assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


class _nothing:  # noqa: N801 - stands where pytest.raises stands
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return error[0] is RuntimeError


@pytest.fixture
def interruptible():
    """Hear interrupts for one test, also where a shell's background has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_leaves_a_checkpoint_and_the_same_call_goes_on(tmp_path, interruptible):
    store, trainer = Store(tmp_path / "s"), FakeTrainer(seconds_per_step=0.05)
    handler = signal.getsignal(signal.SIGINT)
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    execution = execute([document(1)], store, trainer)
    assert execution.interrupted
    assert execution.trained == []
    assert signal.getsignal(signal.SIGINT) is handler
    place = Workplace(store, [document(1)], [FakeTrainer().definition(document(1))])
    step = int(place.read().state["step"])
    assert 0 < step < 20
    seen = []
    execution = execute([document(1)], store, FakeTrainer(), report=seen.append)
    assert not execution.interrupted
    assert final(store, document(1)) == 20
    # What the checkpoint had is done, and was not done now: no pace is to be read from it.
    assert seen[-1].seconds_found == seen[-1].seconds_total * step / 20
    origin = store.load(identity(document(1))).provenance
    assert origin["times"]["resumed_at_step"] == step
    (earlier,) = origin["earlier"]
    assert earlier["until_step"] == step
    assert earlier["training"] == origin["training"]
    assert unfinished(store) == []


@pytest.mark.parametrize("attempt", range(5))
def test_an_interrupted_run_is_continued_by_none(tmp_path, interruptible, attempt):
    class Two(FakeTrainer):
        workers = 2

    store, trainer = Store(tmp_path / "s"), Two(seconds_per_step=0.05)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    execution = execute([document(2, start=document(1))], store, trainer)
    assert execution.interrupted
    assert len(trainer.begun) == 1


def test_a_damaged_checkpoint_costs_time_only(tmp_path):
    store = Store(tmp_path / "s")
    place = Workplace(store, [document(1)])
    assert place.claim()
    place.write({"step": np.array(7), "x": np.array([1e9])})
    checkpoint = place.folder / "checkpoint"
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content.replace(np.array([1e9]).tobytes(), np.array([2e9]).tobytes()))
    place.release(finished=False)
    execute([document(1)], store, FakeTrainer())
    assert final(store, document(1)) == 20


def test_no_damaged_byte_of_a_checkpoint_changes_what_is_read(tmp_path):
    place = Workplace(Store(tmp_path / "s"), [document(1)])
    assert place.claim()
    state = {"step": np.array(7), "x": np.array([1e9])}
    place.write(state)
    checkpoint = place.folder / "checkpoint"
    content = checkpoint.read_bytes()
    refused = 0
    for i in range(len(content)):
        checkpoint.write_bytes(content[:i] + bytes([content[i] ^ 0xFF]) + content[i + 1 :])
        found = place.read()
        refused += found is None
        assert found is None or {name: found.state[name] for name in state} == state, i
    checkpoint.write_bytes(content[: len(content) // 2])
    assert place.read() is None
    assert refused > len(content) / 2


@pytest.mark.parametrize("left", ["everything", "the lock"])
def test_what_a_process_killed_at_its_very_end_left_is_removed(tmp_path, left):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    done, undone = Workplace(store, [document(1)]), Workplace(store, [document(2)])
    for place in (done, undone):
        assert place.claim()
        place.write({"step": np.array(7), "x": np.array([7.0])})
    done.release(finished=False)
    if left == "the lock":
        (done.folder / "members.json").unlink()
    execute([document(1)], store, FakeTrainer())
    assert not done.folder.exists()
    assert undone.read() is not None, "it is held, and not done"
    undone.release(finished=False)
    execute([document(1)], store, FakeTrainer())
    assert undone.read() is not None, "it is not done"


def test_a_label_half_written_goes_when_nobody_can_be_writing_it(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    now, then = (store.path / f".store.json-{age}" for age in ("now", "then"))
    for scrap in (now, then):
        scrap.write_text("{")
    os.utime(then, (0, time.time() - SCRAP_SECONDS - 1))
    execute([document(1)], store, FakeTrainer())
    assert now.exists()
    assert not then.exists()


def test_a_group_is_held_by_one_at_a_time(tmp_path):
    store = Store(tmp_path / "s")
    first, second = (Workplace(store, [document(1)]) for _ in range(2))
    assert first.claim()
    assert not second.claim()
    first.release(finished=False)
    assert second.claim()
    second.release(finished=True)
    assert not second.folder.exists()


def test_children_of_a_diverged_run_are_skipped_and_named(tmp_path):
    lost = document(1, ends="diverged")
    child, other = document(2, start=lost), document(3, start=document(4))
    execution = execute([child, other], Store(tmp_path / "s"), FakeTrainer())
    assert execution.skipped == {identity(child): "a run that it starts from diverged"}
    assert not execution.interrupted
    assert final(Store(tmp_path / "s"), other) == 140


def test_the_estimated_time_gives_each_group_to_the_worker_that_is_free_first(tmp_path):
    trainer = FakeTrainer()
    trainer.workers = 2
    groups = [[document(0)] * length for length in (5, 3, 3, 2, 1)]
    assert estimated_seconds([groups], trainer) == 7
    assert estimated_seconds([groups, groups[:1]], trainer) == 12
    assert estimated_seconds([], trainer) == 0


def test_descendants_of_a_diverged_run_are_skipped_and_the_others_trained(tmp_path):
    lost = document(1, ends="diverged")
    child = document(2, start=lost)
    grandchild, other = document(3, start=child), document(5, start=document(4, start=document(6)))
    execution = execute([grandchild, other], Store(tmp_path / "s"), FakeTrainer())
    assert execution.skipped.keys() == {identity(child), identity(grandchild)}
    assert final(Store(tmp_path / "s"), other) == 300


def test_a_group_begun_for_others_is_finished_and_not_counted_as_found(tmp_path):
    store = Store(tmp_path / "s")
    begun = Workplace(store, [document(1), document(2)])
    assert begun.claim()
    begun.release(finished=False)
    execution = execute([document(1)], store, FakeTrainer())
    assert (execution.found, len(execution.trained)) == (0, 2)
    assert execute([document(2)], store, FakeTrainer()).found == 1


def test_a_claim_that_fails_lets_go_of_the_lock(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    store.create()
    monkeypatch.setattr("runs.execution.workplaces.write_file", full)
    with pytest.raises(StoreError, match="no space left"):
        Workplace(store, [document(1)]).claim()
    monkeypatch.undo()
    assert Workplace(store, [document(1)]).claim()


def test_progress_grows_from_nothing_to_everything(tmp_path):
    seen = []
    execute(family(), Store(tmp_path / "s"), FakeTrainer(), report=seen.append)
    done = [progress.seconds_done for progress in seen]
    assert done == sorted(done)
    assert seen[-1].runs_done == seen[-1].runs_total == 10
    assert done[-1] == seen[-1].seconds_total
    assert {progress.seconds_found for progress in seen} == {0.0}


def test_a_process_that_waits_for_another_can_be_interrupted(tmp_path):
    store = Store(tmp_path / "s")
    other = Workplace(store, [document(1)])
    assert other.claim()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    execution = execute([document(1)], store, FakeTrainer())
    assert execution.interrupted
    assert time.monotonic() - began < 10


def test_a_checkpoint_of_another_version_costs_time_only(tmp_path):
    class Stricter(FakeTrainer):
        def begin(self, documents, starts):
            group = super().begin(documents, starts)
            group.restore = refuse
            return group

    def refuse(state):
        raise ValueError("that is not of this ensemble")

    store = Store(tmp_path / "s")
    place = Workplace(store, [document(1)])
    assert place.claim()
    place.write({"step": np.array(7), "x": np.array([1e9])})
    place.release(finished=False)
    execute([document(1)], store, Stricter())
    assert final(store, document(1)) == 20


def test_a_damaged_run_that_nobody_asked_for_is_in_nobodys_way(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    place = Workplace(store, [document(1), document(3)])
    assert place.claim()
    place.release(finished=False)
    damaged = store.folder(identity(document(1))) / "outcome.json"
    damaged.write_text("{")
    execute([document(2)], store, FakeTrainer())
    assert final(store, document(2)) == 40
