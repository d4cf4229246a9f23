"""A store as whoever goes on from it has it: tables, curves and networks."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch

from efficiency import networks
from efficiency.settings import leaves
from predictions import open_store, rows
from predictions.registry import find
from predictions.trainer import NetworkTrainer
from runs import Store, StoreError, execute
from runs.identity import identity
from tests.build import run_settings

pytestmark = pytest.mark.xdist_group("smoke")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A store with two runs of different width, one of which kept its weights on the way."""
    store = Store(tmp_path_factory.mktemp("kept") / "store")
    narrow = run_settings(num_steps=40)
    wide = narrow.model_copy(
        update={
            "network": narrow.network.model_copy(update={"d_mlp": 2 * narrow.network.d_mlp}),
            "recording": narrow.recording.model_copy(update={"snapshots": "even"}),
        }
    )
    execute([narrow.document(), wide.document()], store, NetworkTrainer("cpu"))
    return open_store(store.path), narrow, wide


def test_a_row_for_each_run_with_what_differs_between_them(kept):
    store, narrow, wide = kept
    frame = store.frame().set_index("run")
    assert len(frame) == len(store) == 2
    assert {*frame.index} == {*store} == {identity(s.document()) for s in (narrow, wide)}
    for settings in (narrow, wide):
        row = frame.loc[identity(settings.document())]
        assert row["network.d_mlp"] == settings.network.d_mlp
        assert (row["seed"], row["num_steps"]) == (settings.data_seed, 40)
        history = store.history(row.name)
        assert row["norm"] == pytest.approx(history["norm"].tail(2).median(), rel=0.1)
    assert [one for one in frame.columns if one.startswith("network.")] == ["network.d_mlp"]
    assert frame["network.d_mlp"].dtype == "Int64"


def test_rows_are_chosen_by_what_columns_hold(kept):
    store, narrow, wide = kept
    both = store.frame()
    (one,) = store.frame(**{"network.d_mlp": wide.network.d_mlp})["run"]
    assert one == identity(wide.document())
    widths = [narrow.network.d_mlp, wide.network.d_mlp]
    assert store.frame(**{"network.d_mlp": widths}).equals(both)
    assert store.frame(seed=range(10_000, 10_010)).empty
    for several in (np.array(widths), pd.Series(widths), {*widths}, frozenset(widths)):
        assert len(store.frame(**{"network.d_mlp": several})) == 2
    assert len(store.frame(run=both["run"])) == 2
    with pytest.raises(ValueError, match="'seed' has numbers, and is to be '0', a text"):
        store.frame(seed="0")
    with pytest.raises(ValueError, match="no column 'statos'; did you mean 'status'"):
        store.frame(statos="settled")
    with pytest.raises(ValueError, match="no status is 'not setled'; did you mean 'not settled'"):
        store.frame(status="not setled")
    assert store.frame(status="diverged").empty


def test_a_network_computes_what_was_recorded_of_it(kept):
    store, narrow, wide = kept
    run = identity(wide.document())
    table = wide.task.table
    left, right, answers = map(torch.as_tensor, (table.left, table.right, table.answer))
    train = torch.as_tensor(wide.task.split(wide.dataset_size, wide.data_seed)[0])
    history = store.history(run).set_index("step")
    kept_steps = [*store.snapshots(run)]
    assert kept_steps[-1] == 40
    assert len(kept_steps) > 2
    for step in (*kept_steps, None):
        network = store.network(run, step=step)
        logits = network(networks.tokens(network.reads, left[train], right[train]))
        loss = torch.nn.functional.cross_entropy(logits, answers[train])
        expected = history["train_loss"].loc[40 if step is None else step]
        assert loss.item() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match=r"no weights were kept at step 7; kept: 0, "):
        store.network(run, step=7)
    with pytest.raises(ValueError, match=r"snapshots was not set"):
        store.network(identity(narrow.document()), step=0)


def test_a_run_is_named_by_as_much_of_its_identity_as_tells_it_apart(kept):
    store, narrow, _ = kept
    run = identity(narrow.document())
    assert store.settings(run[:8]) == narrow
    assert store.weights(run[:8]).keys() == store.weights(run).keys()
    for kind in (12345678, store.frame()["run"], None):
        with pytest.raises(ValueError, match="named by its identity, a text"):
            store.history(kind)
    for wrong in ("", "nonsense"):
        with pytest.raises(ValueError, match=f"no run is or begins with '{wrong}'"):
            store.history(wrong)


def test_runs_of_a_prediction_have_their_places(smoke_store):
    store = open_store(smoke_store)
    frame = store.frame("ungrokking", size="smoke")
    assert len(frame) == len(find("ungrokking").cells("smoke"))
    both = store.frame("ungrokking", "weight-decay", size="smoke")
    assert both["prediction"].value_counts()["ungrokking"] == len(frame) < len(both)
    assert {*frame["prediction"]} == {"ungrokking"}
    some = store.frame("ungrokking", size="smoke", role="judged", arm="whole table")
    assert 0 < len(some) < len(frame)
    none = store.frame("ungrokking", size="smoke", first_seed=9000, role="judged", status="settled")
    assert none.empty
    assert {"arm", "run", "dataset_size"} <= {*none.columns}
    with pytest.raises(ValueError, match="unknown prediction 'ungroking'"):
        store.frame("ungroking")
    with pytest.raises(ValueError, match="are of a prediction"):
        store.frame(first_seed=9000)
    with pytest.raises(ValueError, match="are of a prediction"):
        store.frame(size="smoke")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"arm": "whole"}, "no arm is 'whole'; there are .*'whole table'"),
        ({"dataset_size": 1}, "no dataset_size is 1; there are "),
        ({"seed": [1, 2]}, r"no seed is \[1, 2\]; there are 4000, "),
        ({"operation": "multiplication"}, "no run of ungrokking .*--operation multiplication"),
        ({"size": "quick"}, "no run of ungrokking at size quick; size="),
    ],
)
def test_a_table_without_rows_says_what_there_is(smoke_store, caplog, asked, told):
    frame = open_store(smoke_store).frame("ungrokking", **({"size": "smoke"} | asked))
    assert frame.empty
    assert re.search(told, caplog.text)


def test_what_is_damaged_is_left_out_of_the_table_and_named(own_store, caplog):
    store = open_store(own_store)
    first, *_ = store
    (own_store / "runs" / first / "outcome.json").write_text("{}")
    again = open_store(own_store)
    assert len(again.frame()) == len(store) - 1
    assert first[:12] in caplog.text
    with pytest.raises(StoreError, match="cannot be used"):
        again.history(first)


def test_no_store_is_an_error_that_says_what_to_give(tmp_path):
    with pytest.raises(StoreError, match=r"there is no store in .*--store"):
        open_store(tmp_path / "nowhere")


def varied(*runs):
    return rows.varied([dict(leaves(settings)) for settings in runs])


def test_a_setting_that_some_runs_do_not_have_is_none_of_theirs():
    one = run_settings()
    other = one.model_copy(update={"optimiser": one.optimiser.model_copy(update={"beta1": 0.5})})
    found = varied(one, other, one)
    assert found == {"optimiser.beta1": [0.9, 0.5, 0.9]}
    assert varied(one, one) == varied() == {}
    assert [*rows.trained([])][-3:] == ["run", "start", "status"]


def test_what_differs_between_tasks_is_a_column_too():
    one = run_settings()
    other = run_settings(task=one.task.model_copy(update={"operation": "subtraction"}))
    assert varied(one, other) == {"task.operation": ["addition", "subtraction"]}
