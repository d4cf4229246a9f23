"""What is in training, and what was begun and left, as a store tells it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np

from predictions.view.pages import Pages
from runs.execution.checkpoints import Workplace
from runs.execution.underway import underway
from tests.build import run_settings

TWO = "2 networks, addition at size 7, D 20, λ 1, seed 1 to 2"


def test_what_is_in_training_is_shown_as_far_as_its_checkpoint_has_come(begun):
    store, _, group = begun
    now = Pages(store).now()
    (shown,) = now["groups"]
    assert now["words"].startswith("0 runs; 1 ensemble is in training by ")
    assert f"{TWO}: step 60 of 100" in shown["words"]
    group.advance(40)
    histories = [one.history.set_index("step") for one in group.results()]
    assert shown["steps"] == [step for step in histories[0].index if step <= 60]
    for title, column in (
        ("accuracy on training examples", "train_accuracy"),
        ("accuracy on novel pairs", "novel_accuracy"),
        ("norm of the weights", "norm"),
    ):
        assert len(shown["panels"][title]) == 2
        for curve, history in zip(shown["panels"][title], histories, strict=True):
            np.testing.assert_allclose(curve, history[column].loc[shown["steps"]], rtol=5e-4)


def test_what_is_damaged_or_half_written_is_shown_as_far_as_it_goes(begun, predictions):
    store, place, _ = begun
    before = (place.folder / "checkpoint").read_bytes()
    (place.folder / "checkpoint").write_bytes(before[: len(before) // 2])
    (shown,) = Pages(store).now()["groups"]
    assert "step 0 of 100" in shown["words"]
    assert "steps" not in shown
    told = predictions("status", "ungrokking", "--store", str(store.path))
    assert f"{TWO}: step 0 of 100" in told.out
    list_of_members = place.folder / "members.json"
    list_of_members.write_text("[]")
    assert underway(store) == []
    assert list_of_members.read_text() == "[]"  # looking sets nothing aside


def test_a_checkpoint_of_other_runs_is_not_shown_as_of_these(begun, tmp_path):
    store, place, _ = begun
    documents = [run_settings(data_seed=7, num_steps=100).document()]
    other = Workplace(store, documents)
    assert other.claim()
    shutil.copy(place.folder / "checkpoint", other.folder / "checkpoint")
    groups = {len(one.documents): one for one in underway(store)}
    assert (groups[1].step, groups[2].step) == (0, 60)
    (alone,) = (one for one in Pages(store).now()["groups"] if "1 network," in one["words"])
    assert "steps" not in alone
    other.release(finished=True)


def test_a_group_that_is_not_understood_takes_nothing_from_the_others(
    begun, tmp_path, monkeypatch, predictions
):
    store, _, _ = begun
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn_module.py").write_text("import a_module_that_is_not_there\n")
    document = run_settings(data_seed=8).document()
    document["task"]["operation"] = "torn_module:operation"
    torn = Workplace(store, [document])
    assert torn.claim()
    words = [one["words"] for one in Pages(store).now()["groups"]]
    assert len(words) == 2
    assert sum(f"{TWO}: step 60" in one for one in words) == 1
    assert sum(one.startswith("an ensemble that is not understood here") for one in words) == 1
    told = predictions("status", "ungrokking", "--store", str(store.path))
    assert told.code == 0
    assert f"{TWO}: step 60" in told.out
    torn.release(finished=True)


def test_a_killed_process_of_this_machine_trains_nothing(begun):
    store, place, _ = begun
    held = place.folder / "holder.json"
    said = json.loads(held.read_text())
    assert [one.held for one in underway(store)] == [True]
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    held.write_text(json.dumps(said | {"process": ended.pid}))
    assert [one.held for one in underway(store)] == [False]
    assert "1 begun and left" in Pages(store).now()["words"]
    # Of another machine nobody can say.
    held.write_text(json.dumps(said | {"process": ended.pid, "place": "elsewhere.1"}))
    assert [one.held for one in underway(store)] == [True]
