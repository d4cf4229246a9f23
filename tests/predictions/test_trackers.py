"""Runs of a store in programs that track experiments, read back by those programs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

import numpy as np
import pytest

from predictions import open_store
from predictions.registry import find
from predictions.trackers import TRACKERS, track, tracked

pytestmark = pytest.mark.xdist_group("smoke")


@pytest.fixture(scope="module")
def store(smoke_store):
    return open_store(smoke_store)


@pytest.fixture(scope="module")
def frame(store):
    return store.frame("ungrokking", "weight-decay", size="smoke")


def require_curve(told, history, name):
    """Fail unless pairs of a step and a value are what a history has of a quantity."""
    there = np.isfinite(history[name])
    steps, values = zip(*sorted(told), strict=True)
    assert [*steps] == history["step"][there].tolist()
    # TensorBoard keeps 32 bits.
    assert values == pytest.approx(history[name][there].tolist(), rel=1e-6)


def test_a_run_in_several_predictions_is_one(store, frame):
    found = list(tracked(store, frame))
    assert len(found) == frame["run"].nunique() < len(frame)
    cells = find("weight-decay").cells("smoke")
    both = [one for one in found if one.groups == ("ungrokking", "weight-decay")]
    assert len(both) == len({cell.settings for cell in cells})
    assert len({one.title for one in found}) == len(found)


def test_what_was_not_measured_is_left_out(store, frame):
    one = next(tracked(store, frame[frame["novel_accuracy"].notna()]))
    steps = [step for step, _ in one.records()]
    assert steps == one.history["step"].tolist()
    one.history.loc[1, "norm"] = math.nan
    holds = ["norm" in values for _, values in one.records()]
    assert holds == [k != 1 for k in range(len(steps))]


def test_tensorboard_reads_curves_settings_and_final_numbers(store, frame, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    some = frame.head(3)
    asked = track(store, some, tmp_path / "new" / "board", "tensorboard")
    assert asked == f"tensorboard --logdir {tmp_path / 'new' / 'board'}"
    folders = [*(tmp_path / "new" / "board").iterdir()]
    assert len(folders) == some["run"].nunique()
    for run in some["run"]:
        (folder,) = (one for one in folders if run[:8] in one.name)
        read = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        told = [(one.step, one.value) for one in read.Scalars("norm")]
        require_curve(told, store.history(run), "norm")
        (last,) = read.Scalars("final/norm")
        assert last.value == pytest.approx(store.record(run).outcome["numbers"]["norm"]["value"])
        assert "_hparams_/session_start_info" in read.summary_metadata


# Of a library of its own.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_mlflow_reads_curves_settings_and_final_numbers(store, frame, tmp_path):
    pytest.importorskip("mlflow", exc_type=ImportError)
    from mlflow import MlflowClient

    run = frame["run"].iloc[0]
    track(store, frame[frame["run"] == run], tmp_path / "mlflow", "mlflow")
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    (made,) = client.search_runs(
        [client.get_experiment_by_name("circuit-efficiency").experiment_id]
    )
    assert made.data.tags["run"] == run
    assert made.data.params["optimiser.weight_decay"] == str(
        store.settings(run).optimiser.weight_decay
    )
    told = [(one.step, one.value) for one in client.get_metric_history(made.info.run_id, "norm")]
    require_curve(told, store.history(run), "norm")
    # The folder may be moved into place only after it was written.
    assert made.info.artifact_uri.startswith((tmp_path / "mlflow").as_uri())


def of_a_log(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log as LevelDB writes it, which wandb does after a head of 7 bytes."""
    at, record, head, block = 7, b"", 7, 32768
    while at + head <= len(data):
        if (left := block - at % block) < head:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        record += data[at + head : at + head + length]
        at += head + length
        if kind in (1, 4):  # whole, or the last part of one
            yield record
            record = b""


def test_wandb_has_what_it_will_send(store, frame, tmp_path):
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    run = frame["run"].iloc[0]
    track(store, frame[frame["run"] == run], tmp_path / "w", "wandb")
    (file,) = (tmp_path / "w").rglob("*.wandb")
    told = []
    for record in map(Record.FromString, of_a_log(file.read_bytes())):
        if record.WhichOneof("record_type") == "history":
            row = {
                one.key or ".".join(one.nested_key): json.loads(one.value_json)
                for one in record.history.item
            }
            told.append((row["_step"], row["norm"]))
    require_curve(told, store.history(run), "norm")


def test_every_program_can_be_asked_for(predictions, smoke_store):
    refused = predictions("export", "x", "--to", "nobody", "--store", smoke_store)
    assert refused.code == 2
    assert re.findall(r'"(\w+)"', " ".join(refused.err.split()).partition("Choose from")[2]) == [
        *TRACKERS
    ]


def test_what_cannot_be_written_leaves_nothing(predictions, smoke_store, tmp_path, monkeypatch):
    own = ("--store", smoke_store)
    there = predictions("export", tmp_path, "--to", "wandb", *own)
    assert there.code == 2
    assert "is there already; name a folder that is not" in there.err
    monkeypatch.setitem(TRACKERS, "wandb", TRACKERS["wandb"].__class__("no_such", print, ""))
    missing = predictions("export", tmp_path / "w", "--to", "wandb", *own)
    assert missing.code == 2
    assert "pip install 'circuit-efficiency[wandb]'" in missing.err

    def broken(library, runs, folder, final):
        (folder / "half").write_text("half")
        next(iter(runs))
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(TRACKERS, "wandb", TRACKERS["wandb"].__class__("json", broken, ""))
    full = predictions("export", tmp_path / "w", "--to", "wandb", *own)
    assert full.code == 2
    assert "no space left" in full.err
    assert [*tmp_path.iterdir()] == []
