"""Stores that were harmed: named, never used, never the end of anything else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from runs import Store, StoreError, execute, identity
from runs.execution.checkpoints import Workplace
from runs.execution.stopping import stop_on_signals
from runs.execution.workplaces import unfinished
from tests.runs.fake import FakeTrainer, document
from tests.runs.test_execute import final


def begun(store: Store, value: int, x: float) -> Workplace:
    """Return the workplace of a group that stopped after seven steps."""
    place = Workplace(store, [document(value)], [{"adds": value}])
    assert place.claim()
    place.write({"step": np.array(7), "x": np.array([x])})
    place.release(finished=False)
    return place


def test_a_checkpoint_of_other_runs_is_not_continued(tmp_path):
    store = Store(tmp_path / "s")
    one, other = begun(store, 1, 7.0), begun(store, 2, 14.0)
    a, b = one.folder / "checkpoint", other.folder / "checkpoint"
    content = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(content)
    assert one.read() is None
    execute([document(1), document(2)], store, FakeTrainer())
    assert (final(store, document(1)), final(store, document(2))) == (20, 40)


def test_a_checkpoint_of_what_a_name_stood_for_before_is_not_continued(tmp_path, caplog):
    store = Store(tmp_path / "s")
    before = Workplace(store, [document(1)], [{"adds": 1, "table": "before"}])
    assert before.claim()
    before.write({"step": np.array(7), "x": np.array([700.0])})
    before.release(finished=False)
    execute([document(1)], store, FakeTrainer())
    assert final(store, document(1)) == 20
    assert "of another operation or network" in caplog.text


@pytest.mark.parametrize("step", [20, 25, -5])
def test_a_checkpoint_at_or_past_the_end_is_not_believed(tmp_path, step):
    store = Store(tmp_path / "s")
    place = begun(store, 1, 7.0)
    assert place.claim()
    place.write({"step": np.array(step), "x": np.array([999.0])})
    place.release(finished=False)
    trainer = FakeTrainer()
    execute([document(1)], store, trainer)
    assert final(store, document(1)) == (20 if step > 0 else 999 + 25)


@pytest.mark.parametrize("content", ["", "null", "5", "[1]", "{}", '[{"value": 3}]', "[" * 10_000])
def test_a_list_of_members_that_is_none_is_set_aside_and_training_goes_on(
    tmp_path, content, caplog
):
    store = Store(tmp_path / "s")
    place = begun(store, 1, 7.0)
    (place.folder / "members.json").write_text(content)
    execute([document(2)], store, FakeTrainer())
    assert final(store, document(2)) == 40
    assert "members.json is not what was written; set aside" in caplog.text
    assert (place.folder / "members.json.damaged").read_text() == content
    assert unfinished(store) == []


def test_a_group_of_others_with_a_damaged_run_does_not_block_this_one(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(5)], store, FakeTrainer())
    place = Workplace(store, [document(1), document(5)])
    assert place.claim()
    place.release(finished=False)
    (store.folder(identity(document(5))) / "outcome.json").write_text("")
    execute([document(1)], Store(store.path), FakeTrainer())
    assert final(store, document(1)) == 20


def test_folders_that_are_not_ours_are_left_alone(tmp_path):
    store = Store(tmp_path / "s")
    store.create()
    mine = store.work / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    held = begun(store, 1, 7.0)
    (held.folder / "notes.txt").write_text("to keep")
    execute([document(1)], store, FakeTrainer())
    assert (mine / "thesis.txt").read_text() == "years of work"
    assert [file.name for file in held.folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("looked_for", ["", "store.json"])
def test_a_store_that_another_makes_while_this_one_opens_it_is_a_store(
    tmp_path, monkeypatch, looked_for
):
    path = tmp_path / "s"
    asked = path / looked_for
    asked.parent.mkdir(exist_ok=True)
    look = Path.exists

    def look_and_lose_the_race(this, **options):
        found = look(this, **options)
        if this == asked and not found:
            monkeypatch.setattr(Path, "exists", look)
            Store(path).create()
        return found

    monkeypatch.setattr(Path, "exists", look_and_lose_the_race)
    Store(path)
    assert (path / "store.json").exists()
    assert (path / "runs").exists()


def test_a_run_that_is_a_link_to_nowhere_or_no_folder_is_damaged(tmp_path):
    store = Store(tmp_path / "s")
    store.create()
    run = identity(document(1))
    store.folder(run).symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="no folder, or a link to nowhere"):
        execute([document(1)], store, FakeTrainer())
    store.set_aside(run)
    store.folder(run).write_text("a file")
    assert "no folder" in store.damage(run)


@pytest.mark.parametrize("name", ["history.parquet", "outcome.json", "complete.json"])
def test_a_pipe_in_place_of_a_file_hangs_nobody(tmp_path, name):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    run = identity(document(1))
    (store.folder(run) / name).unlink()
    os.mkfifo(store.folder(run) / name)
    assert name in Store(store.path).damage(run)


def test_a_file_that_has_grown_is_not_read_to_its_end(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    run = identity(document(1))
    os.truncate(store.folder(run) / "weights.safetensors", 2**40)
    began = time.monotonic()
    assert "does not match" in Store(store.path).damage(run)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "label", ['"schema": -1', '"schema": "4"', '"schema": 4.9', '"schema": true', '"schema": 1e999']
)
def test_a_label_that_is_no_number_of_a_schema_is_no_label(tmp_path, label):
    Store(tmp_path / "s").create()
    (tmp_path / "s" / "store.json").write_text(f'{{"format": "circuit-efficiency store", {label}}}')
    with pytest.raises(StoreError, match="not the label of a store"):
        Store(tmp_path / "s")


def test_a_label_nested_without_end_is_no_label(tmp_path):
    Store(tmp_path / "s").create()
    (tmp_path / "s" / "store.json").write_text("[" * 100_000)
    with pytest.raises(StoreError, match="not the label of a store"):
        Store(tmp_path / "s")


@pytest.mark.parametrize("name", ["outcome", "provenance", "settings", "history"])
def test_a_file_that_cannot_be_read_names_the_run(tmp_path, name):
    store = Store(tmp_path / "s")
    execute([document(1)], store, FakeTrainer())
    record = store.load(identity(document(1)))
    ending = "parquet" if name == "history" else "json"
    (record.folder / f"{name}.{ending}").write_text("[" * 10_000)
    with pytest.raises(StoreError, match=rf"run {record.identity} .* cannot be used"):
        getattr(record, name)


def test_what_was_ignored_from_the_start_stays_ignored():
    code = (
        "import os, signal, threading, time\n"
        "from runs.execution.stopping import stop_on_signals\n"
        "stop = threading.Event()\n"
        "with stop_on_signals(stop):\n"
        "    for number in (signal.SIGHUP, signal.SIGINT):\n"
        "        os.kill(os.getpid(), number)\n"
        "    time.sleep(0.2)\n"
        "    print(stop.is_set())\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(0.2)\n"
        "    print(stop.is_set())\n"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", 'trap "" HUP INT; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"]


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals(threading.Event()):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_is_in_the_provenance_says_who_and_what(tmp_path):
    store = Store(tmp_path / "s")
    execute([document(5)], store, FakeTrainer())
    held = store.load(identity(document(5))).provenance
    assert held["definition"] == {"adds": 5}
    assert {"host", "processor", "machine", "python"} <= held["environment"].keys()
    assert json.dumps(held)
