from __future__ import annotations

import errno
import json
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runs import SCHEMA_VERSION, Result, Store, StoreError, execute, files, identity
from tests.runs.fake import FakeTrainer, document

ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(max_side=4),
    elements={"allow_nan": False},
)


def result(snapshots=None, **weights: np.ndarray) -> Result:
    return Result(
        snapshots=snapshots or {},
        history=pd.DataFrame({"step": [0, 1], "x": [0.1, np.inf]}),
        weights=weights or {"x": np.arange(3.0)},
        outcome={"status": "settled", "numbers": {"π": 1 / 3}},
    )


def saved(store: Store, value: int = 1) -> str:
    store.create()
    store.save(document(value), result(), {"code": "here"}, store.work / "staging")
    return identity(document(value))


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(weights=st.dictionaries(st.text(min_size=1, max_size=5), ARRAYS, min_size=1, max_size=3))
def test_a_run_comes_back_as_it_was_saved(tmp_path_factory, weights):
    store = Store(tmp_path_factory.mktemp("store"))
    given_document, given_result = document(1, π="ä"), result(**weights)
    store.save(given_document, given_result, {"commit": None}, store.path / "work" / "s")
    record = Store(store.path).load(identity(given_document))
    assert record.settings == given_document
    assert record.outcome == given_result.outcome
    assert record.provenance == {"commit": None}
    pd.testing.assert_frame_equal(record.history, given_result.history)
    back = record.weights()
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        assert back[name].dtype == value.dtype
        np.testing.assert_array_equal(back[name], value)


KEPT = {0: {"x": np.arange(3.0), "a b": np.ones(2)}, 12: {"x": np.zeros(3), "a b": np.ones(2)}}


def test_snapshots_come_back_by_step_and_name(tmp_path):
    store = Store(tmp_path / "store")
    store.save(document(1), result(KEPT), {}, store.work / "staging")
    found = Store(store.path).load(identity(document(1))).snapshots()
    assert list(found) == [0, 12]
    for step, weights in KEPT.items():
        assert found[step].keys() == weights.keys()
        for name, value in weights.items():
            np.testing.assert_array_equal(found[step][name], value)
    store.save(document(2), result(), {}, store.work / "staging")
    assert store.load(identity(document(2))).snapshots() == {}
    assert not (store.folder(identity(document(2))) / "snapshots.safetensors").exists()


@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_damaged_snapshots_are_damage_of_the_run(tmp_path, harm):
    store = Store(tmp_path / "store")
    store.save(document(1), result(KEPT), {}, store.work / "staging")
    file = store.folder(identity(document(1))) / "snapshots.safetensors"
    file.write_bytes(file.read_bytes()[:-3]) if harm == "cut" else file.unlink()
    assert "snapshots.safetensors" in Store(store.path).damage(identity(document(1)))


def test_a_saved_run_is_never_overwritten(tmp_path):
    store = Store(tmp_path / "store")
    run = saved(store)
    before = (store.folder(run) / "weights.safetensors").read_bytes()
    store.save(document(1), result(x=np.zeros(9)), {}, store.work / "staging")
    assert (store.folder(run) / "weights.safetensors").read_bytes() == before


def test_opening_a_store_writes_nothing(tmp_path):
    store = Store(tmp_path / "a" / "b")
    assert not store.exists
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["history.parquet", "weights.safetensors", "settings.json"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_run_is_named_and_never_used(tmp_path, name, harm):
    run = saved(Store(tmp_path / "store"))
    store = Store(tmp_path / "store")
    file = store.folder(run) / name
    content = file.read_bytes()
    if harm == "cut":
        file.write_bytes(content[:-7])
    elif harm == "flip":
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    else:
        file.unlink()
    with pytest.raises(StoreError, match=f"{run}.*damaged.*{name}.*--retrain-damaged"):
        store.load(run)


def test_a_run_without_its_commit_mark_is_half_written(tmp_path):
    run = saved(Store(tmp_path / "store"))
    store = Store(tmp_path / "store")
    (store.folder(run) / "complete.json").unlink()
    assert "complete.json is missing" in store.damage(run)


def test_a_run_under_the_name_of_another_is_damaged(tmp_path):
    store = Store(tmp_path / "store")
    first, second = saved(store, 1), identity(document(2))
    store.folder(first).rename(store.folder(second))
    assert "describes another run" in Store(store.path).damage(second)


def test_damaged_runs_are_set_aside_one_beside_the_other(tmp_path):
    store = Store(tmp_path / "store")
    places = []
    for _ in range(2):
        run = saved(store)
        places.append(store.set_aside(run))
        assert not store.has(run)
    assert len({*places}) == 2
    assert all((place / "settings.json").exists() for place in places)


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("…")
    with pytest.raises(StoreError, match=r"is not a store: it holds \['thesis.tex'\]"):
        Store(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("label", ["[]", "{}", '{"format": "other", "schema": 1}', "\x00"])
def test_a_foreign_label_is_refused(tmp_path, label):
    (tmp_path / "store.json").write_text(label)
    with pytest.raises(StoreError, match="not the label of a store"):
        Store(tmp_path)


def test_a_store_from_a_newer_schema_is_refused(tmp_path):
    saved(Store(tmp_path / "store"))
    label = tmp_path / "store" / "store.json"
    label.write_text(json.dumps(json.loads(label.read_text()) | {"schema": SCHEMA_VERSION + 1}))
    with pytest.raises(StoreError, match=f"has schema {SCHEMA_VERSION + 1}.*update"):
        Store(tmp_path / "store")


def test_a_file_is_not_a_store_nor_a_place_for_one(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        Store(tmp_path / "file")
    with pytest.raises(StoreError, match="is a file"):
        Store(tmp_path / "file" / "store")


def test_a_store_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(StoreError, match="may not be made"):
        Store(tmp_path / "store").require_writable()


def test_a_store_that_may_only_be_read_can_be_read(tmp_path, monkeypatch):
    run = saved(Store(tmp_path / "store"))
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    assert Store(tmp_path / "store").has(run)
    with pytest.raises(StoreError, match="may not be written"):
        Store(tmp_path / "store").require_writable()


def test_a_disk_that_is_full_from_the_start_leaves_a_place_for_a_store(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runs.store.write_file", full)
    with pytest.raises(StoreError, match="no space left"):
        Store(tmp_path / "store").create()
    monkeypatch.undo()
    (tmp_path / "store" / ".store.json-x1y2").write_text("")
    saved(Store(tmp_path / "store"))


def test_a_full_disk_leaves_no_half_written_run_and_says_what_to_do(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    first = saved(store, 1)

    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runs.run_folder.parquet.write_table", full)
    with pytest.raises(StoreError, match=r"no space left.*free some space"):
        saved(store, 2)
    monkeypatch.undo()
    assert [*store.identities()] == [first]
    assert list((store.work / "staging").iterdir()) == []
    saved(store, 2)
    assert Store(store.path).has(identity(document(2)))


def test_runs_of_other_schemas_are_counted_and_each_is_read_once(tmp_path, monkeypatch):
    store = Store(tmp_path / "s")
    execute([document(value) for value in (1, 2, 3)], store, FakeTrainer())
    old = store.folder(identity(document(1))) / "settings.json"
    held = json.loads(old.read_text())
    old.write_text(json.dumps(held | {"schema": SCHEMA_VERSION - 1}))
    read = []
    usual = files.read_json
    monkeypatch.setattr("runs.store.read_json", lambda path: [read.append(path), usual(path)][1])
    for _ in range(2):
        assert store.of_other_schemas() == {SCHEMA_VERSION - 1: 1}
    assert len(read) == 3
    execute([document(4)], store, FakeTrainer())
    assert store.of_other_schemas() == {SCHEMA_VERSION - 1: 1}
