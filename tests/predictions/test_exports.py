"""A store as one file for other programs."""

from __future__ import annotations

import contextlib
import sqlite3

import pandas as pd
import pytest

from efficiency.settings import RunSettings
from predictions import exports, open_store
from predictions.registry import find

pytestmark = pytest.mark.xdist_group("smoke")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_read_back_as_it_was(smoke_store, predictions, tmp_path, ending):
    file = tmp_path / "new" / f"runs.{ending}"
    answer = predictions("export", file, "--store", smoke_store)
    assert answer.code == 0, answer.err
    frame = open_store(smoke_store).frame()
    assert f"{len(frame)} rows of {len(frame)} runs" in answer.out
    found = pd.read_csv(file) if ending == "csv" else pd.read_parquet(file)
    assert [*found] == [*frame]
    assert found["run"].tolist() == frame["run"].tolist()
    assert found["norm"].tolist() == pytest.approx(frame["norm"].tolist())


def test_runs_of_a_prediction_have_their_places(smoke_store, predictions, tmp_path):
    file = tmp_path / "runs.csv"
    answer = predictions(
        *("export", file, "ungrokking", "weight-decay", "--size", "smoke", "--store", smoke_store)
    )
    assert answer.code == 0, answer.err
    counts = pd.read_csv(file)["prediction"].value_counts()
    for name in ("ungrokking", "weight-decay"):
        assert counts[name] == len(find(name).cells("smoke"))


def test_a_database_has_runs_and_histories(smoke_store, predictions, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "MOST_HISTORIES", 7)
    file = tmp_path / "store.sqlite"
    for _ in range(2):  # what was there is replaced
        assert predictions("export", file, "--store", smoke_store).code == 0
    store = open_store(smoke_store)
    with contextlib.closing(sqlite3.connect(file)) as database:
        (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
        assert count == len(store)
        for run in list(store)[::10]:
            history = store.history(run)
            query = "SELECT step, norm FROM history WHERE run = ? ORDER BY step"
            rows = database.execute(query, (run,)).fetchall()
            assert rows == [*zip(history["step"], history["norm"], strict=True)]
        joined = database.execute(
            "SELECT max(history.norm) FROM runs JOIN history USING (run) WHERE runs.seed = ?",
            (int(store.frame()["seed"].min()),),
        ).fetchone()
        assert joined[0] > 0


def test_histories_of_other_measures_have_their_columns_too(tmp_path):
    class Two:
        """Two runs, of which the second recorded something else besides."""

        def history(self, run):
            held = {"step": [0, 1], "norm": [1.0, 2.0]}
            return pd.DataFrame(held | ({"gini": [0.5, 0.6]} if run == "b" else {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports, "MOST_HISTORIES", 1)
        exports.export(Two(), pd.DataFrame({"run": ["a", "b"]}), tmp_path / "x.sqlite")
    with contextlib.closing(sqlite3.connect(tmp_path / "x.sqlite")) as database:
        rows = database.execute("SELECT run, gini FROM history ORDER BY run, step").fetchall()
    assert rows == [("a", None), ("a", None), ("b", 0.5), ("b", 0.6)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("runs.xlsx",), "ends in none of .csv, .parquet, .sqlite"),
        (("runs",), "ends in none of"),
        (("runs.csv", "grokking", "--size", "paper"), "nothing to write"),
        (("runs.csv", "groking"), "did you mean 'grokking'"),
        (("runs.csv", "--first-seed", "9000"), "without a prediction every run is written"),
        (("runs.csv", "ungrokking", "--operation", "multiplication"), "nothing to write"),
    ],
)
def test_what_cannot_be_written_says_why_and_leaves_nothing(
    smoke_store, predictions, tmp_path, asked, message
):
    file, *more = asked
    answer = predictions("export", tmp_path / file, *more, "--store", smoke_store)
    assert answer.code == 2
    assert message in answer.err
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_replaced_is_kept(smoke_store, predictions, tmp_path):
    (tmp_path / "runs.csv").mkdir()
    answer = predictions("export", tmp_path / "runs.csv", "--store", smoke_store)
    assert answer.code == 2
    assert "runs.csv" in answer.err
    assert not list((tmp_path / "runs.csv").iterdir())


def test_where_a_file_cannot_be_written_it_is_the_file_that_must_change(
    smoke_store, predictions, tmp_path
):
    (tmp_path / "file").write_text("")
    for words in ([], ["--to", "tensorboard"]):
        answer = predictions("export", tmp_path / "file" / "x.csv", "--store", smoke_store, *words)
        assert answer.code == 2
        assert "choose a folder that you may write to with FILE" in answer.err


def test_what_cannot_be_read_of_many_runs_is_said_once(smoke_store, monkeypatch, caplog):
    def refuse(document):
        raise ValueError("there is no module 'mine'")

    store = open_store(smoke_store)
    monkeypatch.setattr(RunSettings, "from_document", refuse)
    assert store.frame().empty
    (said,) = [record.message for record in caplog.records]
    first = next(iter(store))
    assert said == (f"{first[:12]} and {len(store) - 1} more: left out: there is no module 'mine'")
