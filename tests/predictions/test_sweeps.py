"""Sweeps without a claim: what the file says is trained, once, and told in a table."""

from __future__ import annotations

import importlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from efficiency.settings import MLPSettings, OneLayerTransformerSettings, RunSettings
from predictions import sweeps
from runs import Store, identity

EXAMPLES = Path(__file__).parents[2] / "examples"

SMALL = """
[settings]
num_steps = 20
dataset_size = 20
data_seed = 1
init_seed = 2
[settings.task]
size = 7
[settings.network]
d_model = 8
num_heads = 2
d_mlp = 16
"""


@pytest.fixture
def read(tmp_path):
    def read(text: str) -> sweeps.Sweep:
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return sweeps.read(tmp_path / "mine.toml")

    return read


def test_a_file_of_settings_alone_is_one_run(read):
    network = OneLayerTransformerSettings(d_model=8, num_heads=2, d_mlp=16)
    (run,) = read(SMALL).runs
    assert run == RunSettings(
        task={"operation": "addition", "size": 7},
        network=network,
        num_steps=20,
        dataset_size=20,
        data_seed=1,
        init_seed=2,
    )


def test_a_grid_is_every_combination_and_joined_names_change_together(read):
    grid = '[grid]\noptimiser.weight_decay = [0.5, 1.0, 2.0]\n"data_seed, init_seed" = [3, 4]\n'
    sweep = read(SMALL + grid)
    found = [(r.optimiser.weight_decay, r.data_seed, r.init_seed) for r in sweep.runs]
    assert found == [(w, s, s) for w in (0.5, 1.0, 2.0) for s in (3, 4)]
    assert sorted(sweep.varied()) == ["data_seed", "init_seed", "optimiser.weight_decay"]


def test_a_list_says_what_differs_and_each_is_combined_with_the_grid(read):
    listed = (
        "[[runs]]\nregime = 'memorising'\nlabel_seed = 5\n"
        "[[runs]]\n[runs.network]\narchitecture = 'mlp'\nd_model = 4\n[grid]\ndata_seed = [1, 2]\n"
    )
    text = SMALL.replace("[settings.network]\nd_model = 8\nnum_heads = 2\nd_mlp = 16\n", "")
    sweep = read(text + listed)
    assert [(run.regime, run.data_seed) for run in sweep.runs] == [
        ("memorising", 1),
        ("memorising", 2),
        ("natural", 1),
        ("natural", 2),
    ]
    assert sweep.runs[-1].network == MLPSettings(d_model=4)
    # What only one kind of network has tells runs apart too.
    assert {"regime", "label_seed", "data_seed", "network.num_heads"} <= set(sweep.varied())


def test_equal_runs_are_one(read):
    assert len(read(SMALL + "[grid]\ndata_seed = [1, 1, 2]\n").runs) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SMALL + "[gird]\ndata_seed = [1]\n", "did you mean 'grid'"),
        (SMALL + "[grid]\ndata_seed = 1\n", "give a list of values"),
        (SMALL + "[grid]\ndata_seed = []\n", "give a list of values"),
        (SMALL + "[runs]\ndata_seed = 1\n", "write [[runs]] before each"),
        ("grid = 3\n" + SMALL, "settings and grid are tables"),
        (SMALL + "[grid]\ndataset_size = [20, 50]\n", "the run with dataset_size = 50: "),
        (SMALL + "[grid]\noptimiser.decay = [1]\n", "optimiser: there is no decay; choose from"),
        (SMALL + "[[runs]]\ndata_seed = 5\n[grid]\ndata_seed = [1, 2]\n", "data_seed twice"),
        (SMALL + '[grid]\ndata_seed = [1]\n"data_seed, init_seed" = [2]\n', "data_seed twice"),
        (SMALL.replace("num_steps = 20\n", ""), "num_steps: Field required"),
        (
            SMALL + f"[grid]\ndata_seed = {list(range(400))}\ninit_seed = {list(range(400))}\n",
            "160,000 runs",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_with_the_run_that_cannot(read, text, told):
    with pytest.raises(ValueError, match=r"mine\.toml") as error:
        read(text)
    assert told in str(error.value)


def test_the_table_tells_what_the_store_holds_and_what_it_lacks(read, tmp_path, predictions):
    file, place, out = tmp_path / "mine.toml", tmp_path / "store", tmp_path / "out"
    read(SMALL + "[grid]\ndataset_size = [20, 30]\n")
    done = predictions("sweep", str(file), "--store", str(place), "--out", str(out))
    assert done.code == 0, done.err
    assert "2 runs trained" in done.err
    wider = read(SMALL + "[grid]\ndataset_size = [20, 30, 40]\n")
    table = sweeps.table(wider, Store(place))
    assert list(table["dataset_size"]) == [20, 30, 40]
    assert list(table["status"][2:]) == ["absent"]
    assert table["status"][:2].isin(["settled", "not settled"]).all()
    kept = pd.read_csv(out / "mine.csv")
    assert list(kept["run"]) == [identity(run.document()) for run in wider.runs[:2]]
    for name in ("norm", "norm_low", "train_loss"):
        np.testing.assert_allclose(kept[name], table[name][:2].astype(float), rtol=1e-12)
    assert (kept["norm_low"] <= kept["norm"]).all()
    # What never came has no value; it came after the last step, if at all.
    assert kept["step_fitted"].isna().all()
    assert (kept["step_fitted_low"] == 20).all()


def test_giving_it_again_trains_what_was_added_only(read, tmp_path, predictions):
    file, place = tmp_path / "mine.toml", tmp_path / "store"
    words = ("sweep", str(file), "--store", str(place), "--out", str(tmp_path))
    read(SMALL)
    assert "1 runs trained" in predictions(*words).err
    read(SMALL + "[grid]\ndata_seed = [1, 2]\n")
    dry = json.loads(predictions(*words, "--dry-run", "--json").out)
    assert (dry["runs_to_train"], dry["runs_in_store"]) == (1, 1)
    again = predictions(*words, "--json")
    assert "1 runs trained" in again.err
    assert [row["data_seed"] for row in json.loads(again.out)] == [1, 2]


def test_a_table_that_cannot_be_written_is_refused_before_training(read, tmp_path, predictions):
    read(SMALL)
    (tmp_path / "file").write_text("in the way")
    done = predictions(
        "sweep", str(tmp_path / "mine.toml"), "--store", str(tmp_path / "s"), "--out",
        str(tmp_path / "file"),
    )  # fmt: skip
    assert done.code == 2
    assert "choose a folder with --out" in done.err
    assert not os.path.exists(tmp_path / "s")


@pytest.mark.parametrize("name", ["sweep.toml"])
def test_the_examples_can_be_trained(name):
    assert len(sweeps.read(EXAMPLES / name).runs) == 12


def test_a_measure_that_cannot_read_a_network_is_refused_before_anything_is_trained(
    read, tmp_path, monkeypatch, predictions
):
    (tmp_path / "readers.py").write_text(
        "def torn(reading):\n    return reading.weights['of no network']\n"
        "def hardest(reading):\n"
        "    return reading.margins[reading.parts['novel']].min()\n"
        "def whole(reading):\n    return float(reading.margins.min())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file, place = tmp_path / "mine.toml", tmp_path / "store"
    recorded = SMALL.replace("[settings]", "[settings]\nrecording.measures = ['readers:{}']")
    for more in ([], ["--dry-run"]):
        read(recorded.format("torn"))
        refused = predictions("sweep", str(file), "--store", str(place), *more)
        assert refused.code == 2
        assert "the measure 'readers:torn' failed (KeyError: 'of no network')" in refused.err
        read(recorded.format("whole"))
    # One of two runs has no novel pairs.
    read(recorded.format("hardest") + "[grid]\ndataset_size = [49, 20]\n")
    refused = predictions("sweep", str(file), "--store", str(place), "--dry-run")
    assert refused.code == 2
    assert "the measure 'readers:hardest' failed" in refused.err
    read(recorded.format("whole"))
    assert not list(place.rglob("record.json"))
    assert predictions("sweep", str(file), "--store", str(place), "--dry-run").code == 0


def test_a_measure_that_fails_on_the_way_says_where_and_costs_no_run(
    read, tmp_path, monkeypatch, predictions
):
    (tmp_path / "flaky.py").write_text(
        "import math\nMENDED = False\n"
        "def late(reading):\n"
        "    norm = sum((w**2).sum() for w in reading.weights.values())\n"
        "    if not MENDED and reading.run.dataset_size == 20:\n"
        "        FIRST.append(norm)\n"
        "        if norm != FIRST[0]:\n"
        "            raise ArithmeticError('moved')\n"
        "    return norm\n"
        "FIRST = []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    recorded = SMALL.replace("[settings]", "[settings]\nrecording.measures = ['flaky:late']")
    read(recorded + "[grid]\ndataset_size = [30, 20]\n")
    command = ["sweep", str(tmp_path / "mine.toml"), "--store", str(tmp_path / "store")]
    command += ["--out", str(tmp_path / "tables")]
    failed = predictions(*command)
    assert failed.code == 2
    assert "the measure 'flaky:late' failed (ArithmeticError: moved)" in failed.err
    assert re.search(r"after \d+ steps? of a run with D = 20, .*data_seed = 1", failed.err)
    importlib.import_module("flaky").MENDED = True
    assert predictions(*command).code == 0
    (table,) = (tmp_path / "tables").glob("*.csv")
    assert "absent" not in set(pd.read_csv(table)["status"])
