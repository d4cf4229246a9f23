"""What another package adds is found by every command, and only what it may add."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from efficiency import networks
from efficiency.measures import MEASURES
from efficiency.operations import OPERATIONS, modular
from efficiency.registry import Registry
from efficiency.settings import (
    NETWORK_SETTINGS,
    TASKS,
    NetworkBase,
    RecordingSettings,
    TaskSettings,
)
from efficiency.training.loop import train
from predictions import registry
from predictions.command import taken_out
from predictions.groups import GROUPS
from predictions.registry import PREDICTIONS
from predictions.testing import (
    check_network,
    check_operation,
    check_prediction,
    check_task,
    finished,
)
from tests.build import run_settings

GUIDE = Path(__file__).parents[1] / "docs" / "extending.md"
EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> Path:
    """A folder outside the repository with a copy of the example, its metadata as if installed."""
    place = tmp_path_factory.mktemp("outside")
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    info = place / "site" / "grokking_example-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: grokking-example\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(
        "[circuit_efficiency.plugins]\ngrokking_example = grokking_example\n"
    )
    (place / "mine.py").write_text(
        '"""Loose functions of mine."""\n\nimport numpy as np\n'
        "from efficiency.networks import MLP\n\n\n"
        "def drawn(a, b, p):\n    return np.random.default_rng().integers(0, p, len(a))\n\n\n"
        "class Narrow(MLP):\n    @classmethod\n    def of(cls, num_symbols, settings):\n"
        "        return cls(num_symbols=3, num_layers=1, d_model=4, d_mlp=4)\n"
        "    def write_down(self, layers):\n        return False\n\n\n"
        "class Loose(Narrow):\n    def forward(self, tokens):\n        return tokens\n\n\n"
        'def difference(a, b, p):\n    """(a - 2b) mod p."""\n    return a - 2 * b\n\n\n'
        "def both(a, b, p):\n    return a * b + a + b\n\n\n"
        "def broken(a, b, p):\n    return 3\n\n\n"
        "def torn(a, b, p):\n    return a.plus(b)\n\n\n"
        "def power(a, b, p):\n    return a**b\n\n\n"
        "def tower(a, b, p):\n    return a**(b**b)\n\n\n"
        "def endless(a, b, p):\n    return a.astype(object)**b\n\n\n"
        "def halves(a, b, p):\n    return (a + b) / 2\n\n\n"
        "number = 3\n"
    )
    (place / "torn.py").write_text("import a_module_that_is_not_there\n")
    return place


def command(*words: str, cwd: Path, installed: bool = False) -> subprocess.CompletedProcess[str]:
    path = os.environ.get("PYTHONPATH", "")
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(cwd), str(cwd / "site"), path]) if installed else path,
    }
    program = "from predictions.command import predictions; predictions()"
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def there(outside, monkeypatch):
    """Stand in that folder, and forget afterwards what was found in it."""
    monkeypatch.chdir(outside)
    monkeypatch.setattr(sys, "path", [*sys.path])
    kept = [
        (kind, dict(kind))
        for kind in (OPERATIONS, NETWORK_SETTINGS, networks.ARCHITECTURES, MEASURES, TASKS)
    ]
    yield outside
    for kind, before in kept:
        kind.clear()
        kind.update(before)
    for name in ("mine", "torn"):
        sys.modules.pop(name, None)


def test_the_tests_of_the_example_pass_as_they_stand(outside):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plugin.py"],
        cwd=outside, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(outside)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_each_part_of_the_example_is_short():
    for path in (EXAMPLE / "grokking_example").glob("*.py"):
        most = 70 if path.name == "engine.py" else 40
        assert len(path.read_text().splitlines()) <= most, path


def test_what_an_installed_package_adds_is_listed(outside, predictions):
    assert "faster-fit:\n  faster-fit " in command("list", cwd=outside, installed=True).stdout
    assert "faster-fit" not in predictions("list").out


def test_what_it_adds_is_run_told_drawn_and_asked_again(outside, tmp_path):
    asked = ["--plugins", "grokking_example"]

    def predictions(*words: str) -> subprocess.CompletedProcess[str]:
        return command(*words, *asked, cwd=outside)

    place = ("--store", str(tmp_path / "store"), "--out", str(tmp_path / "report"))
    words = ("run", "faster-fit", "--size", "smoke", "--seeds", "3", *place)
    done = predictions(*words)
    assert done.returncode == 0, done.stderr
    assert "6 runs trained" in done.stderr
    page = next((tmp_path / "report").glob("*.html")).read_text()
    assert "steps until fitted" in page
    going_on = next(x for x in done.stdout.splitlines() if x.startswith("to go on"))
    assert " ".join(asked) in going_on


def test_a_task_of_another_package_is_swept(outside, predictions, tmp_path):
    (tmp_path / "parity.toml").write_text(
        "[settings]\ndataset_size = 200\ndata_seed = 0\nnum_steps = 200\n"
        '[settings.task]\nkind = "sparse-parity"\nnum_bits = 9\n'
        '[settings.network]\narchitecture = "features-mlp"\nd_mlp = 64\n'
        "[settings.optimiser]\nlearning_rate = 0.01\n[grid]\ninit_seed = [0, 1]\n"
    )
    words = ("sweep", str(tmp_path / "parity.toml"), "--plugins", "grokking_example")
    place = ("--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"))
    unknown = predictions("sweep", words[1], *place)
    assert "unknown task 'sparse-parity'" in unknown.err
    done = command(*words, *place, cwd=outside)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(next((tmp_path / "out").rglob("*.csv")))
    assert len(rows) == 2
    assert (rows["train_accuracy"] > 0.9).all()
    again = command(*words, *place, cwd=outside)
    assert "0 runs trained" in again.stderr


def test_loose_functions_are_operations_by_their_own_name(there, predictions):
    told = predictions("table", "mine:difference", "5", "--json")
    assert json.loads(told.out)["answers"][1] == [1, 4, 2, 0, 3]
    shown = predictions("show", "ungrokking", "--operation", "mine:both")
    assert "mine:both at size 31" in shown.out


def test_an_operation_in_whole_numbers_of_any_size_is_exact(there, predictions):
    told = json.loads(predictions("table", "mine:endless", "17", "--json").out)
    assert told["answers"] == [[pow(a, b, 17) for b in range(17)] for a in range(17)]


def test_a_plug_in_that_says_what_is_wrong_is_heard(there, predictions):
    (there / "greedy.py").write_text(
        "from predictions.registry import register\n"
        "from predictions.circuit_efficiency.ungrokking.claim import Ungrokking\n\n\n"
        '@register(group="weight-decay")\nclass Greedy(Ungrokking):\n    name = "greedy"\n'
    )
    done = predictions("list", "--plugins", "greedy")
    assert "the group 'weight-decay'" in done.err
    assert "there is none" not in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("table", "mine:nothing", "5"), "mine has no 'nothing'"),
        (("table", "mine:differense", "5"), "did you mean 'difference'"),
        (("table", "yours:x", "5"), "the module 'yours', and there is none"),
        (("table", "mine:number", "5"), "is no operation but a int"),
        (("table", "mine:broken", "5"), "must be a function (a, b, p)"),
        (("table", "mine:torn", "5"), "it raised AttributeError: 'numpy.ndarray' object has no"),
        (("show", "ungrokking", "--network", "mine:both"), "is no network"),
        (("table", "mine:drawn", "5"), "answers otherwise when it is asked again"),
        (
            ("show", "ungrokking", "--network", "mine:Narrow"),
            "answers one prompt with the shape (1, 3); logits of (1, 31)",
        ),
        (
            ("show", "ungrokking", "--network", "mine:Loose"),
            "takes (D, T) tokens or (D, F) features, and drop",
        ),
        (("list", "--plugins"), "--plugins has no value"),
        (("list", "--plugins", "yours"), "the module 'yours', and there is none"),
        (("list", "--plugins", "yours.py"), "'yours.py' is a path; run it where the file lies, or"),
        (("table", "elsewhere/yours:x", "5"), "and write yours"),
        (("table", "mine:power", "17"), "overflows 64 bits at p = 17, of (16, 16) for one; take"),
        (("table", "mine:tower", "13"), "overflows 64 bits at p = 13"),
        (("table", "mine:halves", "5"), "answers with float64, 0.0 for one; it must return whole"),
        (("show", "ungrokking", "--network", "mpl"), "unknown network 'mpl'"),
    ],
)
def test_what_is_not_there_or_no_such_thing_is_told(there, predictions, words, told):
    done = predictions(*words)
    assert done.code == 2
    assert told in done.err


def test_a_fault_inside_a_plug_in_shows_its_trace_if_it_was_asked_for(outside):
    done = command("list", "--plugins", "torn", cwd=outside)
    assert done.returncode == 1
    assert "a_module_that_is_not_there" in done.stderr
    assert "Traceback" in done.stderr


def test_an_installed_plug_in_that_fails_takes_nothing_with_it(outside, tmp_path):
    shutil.copytree(outside, tmp_path, dirs_exist_ok=True)
    (tmp_path / "grokking_example" / "operation.py").write_text("raise RuntimeError('torn')\n")
    # What it registers before it fails goes with it: a prediction by half answers nothing.
    package = tmp_path / "grokking_example" / "__init__.py"
    package.write_text(
        "from grokking_example import figure, network, prediction\n" + package.read_text()
    )
    done = command("list", cwd=tmp_path, installed=True)
    assert done.returncode == 0
    assert "ungrokking" in done.stdout
    assert "faster-fit" not in done.stdout
    assert "could not be loaded, and is left out: RuntimeError: torn" in done.stderr


def test_what_a_failed_plug_in_had_registered_can_be_registered_again(outside, tmp_path):
    shutil.copytree(outside, tmp_path, dirs_exist_ok=True)
    (tmp_path / "grokking_example" / "__init__.py").write_text(
        "import os, grokking_example.network\n"
        "if os.environ.pop('TORN', ''):\n    raise OSError('torn')\n"
    )
    program = (
        "from predictions import plugins; plugins.load_installed()\n"
        "from efficiency.networks.architectures import ARCHITECTURES\n"
        "assert 'product' not in ARCHITECTURES\n"
        "import grokking_example.network\n"
        "assert 'product' in ARCHITECTURES\n"
    )
    places = os.pathsep.join(map(str, (tmp_path, tmp_path / "site")))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "TORN": "yes", "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "could not be loaded, and is left out: OSError: torn" in done.stderr


def test_a_store_opened_in_python_knows_installed_plug_ins(outside, tmp_path):
    places = os.pathsep.join(map(str, (outside, outside / "site")))
    program = (
        "from runs import Store; Store('store').create()\n"
        "from predictions import open_store\n"
        "print(len(open_store('store').frame('faster-fit', size='smoke')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0"


def test_plug_ins_are_modules_and_not_things_in_them(predictions):
    refused = predictions("list", "--plugins", "mine:Narrow")
    assert refused.code == 2
    assert "'mine:Narrow' is a thing in one; write mine" in refused.err


def test_what_the_guide_shows_works_as_it_stands(there, predictions):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    (there / "shown.py").write_text("\n\n".join(blocks))
    check_operation("shown:weighted")
    check_network("shown:Product", gain=0.5)
    check_task("shown:Majority", num_bits=7)
    check_network("shown:Quadratic", TASKS.find("shown:Majority")(num_bits=7))
    (toml,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    (there / "majority.toml").write_text(toml.replace("mine:", "shown:"))
    done = predictions("sweep", "majority.toml", "--store", "swept", "--out", "swept-report")
    assert done.code == 0, done.err
    assert "smallest_margin" in done.out
    prediction = PREDICTIONS.pop("shown-faster-fit")
    del GROUPS["shown-faster-fit"]
    worlds = [
        [
            finished(cell, step_fitted=100.0 + cell.seed % 7 + 100 * (i % 2 == slower))
            for i, cell in enumerate(prediction.cells("quick"))
        ]
        for slower in (0, 1)
    ]
    check_prediction(prediction, true=worlds[0], false=worlds[1])
    recording = RecordingSettings(measures=("shown:largest_weight",), num_even=16)
    (trained,) = train([run_settings(recording=recording)])
    largest = max(np.abs(value).max() for value in trained.weights.values())
    assert trained.history["shown:largest_weight"].iloc[-1] == pytest.approx(largest)


@pytest.mark.parametrize(
    ("words", "left", "values"),
    [
        (["a", "--plugins", "x,y", "b"], ["a", "b"], ["x", "y"]),
        (["a", "--plugins=x", "--plugins", "y"], ["a"], ["x", "y"]),
        (["a", "--plug", "x"], ["a", "--plug", "x"], []),
    ],
)
def test_the_option_is_taken_out_of_any_command(words, left, values):
    assert taken_out(words, "--plugins") == (left, values)


def test_a_name_stands_for_one_thing():
    held: Registry[int] = Registry("number")
    assert held.register("three", 3) == held.register("three", 3)
    with pytest.raises(ValueError, match="there is another number 'three'"):
        held.register("three", 4)
    with pytest.raises(ValueError, match="names with a colon are of modules"):
        held.register("a:b", 1)
    with pytest.raises(ValueError, match="did you mean 'three'"):
        held.find("tree")
    with pytest.raises(ValueError, match="there is another operation 'addition'"):
        OPERATIONS.register("addition", modular("addition", "a", lambda a, b, p: a))
    with pytest.raises(ValueError, match="there is another architecture 'mlp'"):
        networks.register("mlp", networks.MLP)


def test_no_package_adds_to_our_groups_or_takes_our_names():
    class Mine(type(PREDICTIONS["ungrokking"])):
        name = "mine"

    before = {name: dict(members) for name, members in GROUPS.items()}
    with pytest.raises(ValueError, match="'all' of the prediction 'mine' is ours"):
        registry.register(Mine, group="all")
    Mine.name = "ungrokking"
    with pytest.raises(ValueError, match="another prediction 'ungrokking'"):
        registry.register(Mine, group="mine")
    assert before == GROUPS


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"claim": None}, "needs a text as claim, and has None"),
        ({"refutation": " "}, "needs a text as refutation"),
        ({"min_seeds": 2.5}, "needs a whole number from 1 on as min_seeds"),
        ({"min_seeds": True}, "needs a whole number from 1 on as min_seeds"),
        ({"name": "smaller norm/x"}, "is named 'smaller norm/x', after which files are called"),
    ],
)
def test_a_prediction_that_reports_could_not_print_is_refused_at_once(changes, told):
    before = {name: dict(members) for name, members in GROUPS.items()}, dict(PREDICTIONS)
    mine = type("Mine", (type(PREDICTIONS["ungrokking"]),), {"name": "mine-alone"} | changes)
    with pytest.raises(ValueError, match=re.escape(told)):
        registry.register(mine)
    assert before == (GROUPS, PREDICTIONS)


def test_a_group_is_named_in_the_decorator():
    @registry.register(group="mine-alone", title="Mine")
    class Mine(type(PREDICTIONS["ungrokking"])):
        name = "mine-of-a-group"

    try:
        assert list(GROUPS["mine-alone"]) == ["mine-of-a-group"]
        assert isinstance(PREDICTIONS["mine-of-a-group"], Mine)
    finally:
        del GROUPS["mine-alone"], PREDICTIONS["mine-of-a-group"], registry.TITLES["mine-alone"]


def test_a_class_that_is_no_network_leaves_nothing_behind():
    before = dict(NETWORK_SETTINGS)
    with pytest.raises(ValueError, match="is no network"):
        networks.register("odd", int)
    assert before == NETWORK_SETTINGS
    with pytest.raises(ValueError, match="settings of mlp are of MLPSettings, not NetworkBase"):
        run_settings(network=NetworkBase(architecture="mlp"))


def test_a_task_of_a_module_comes_back_from_its_document(there):
    task = TaskSettings(operation="mine:both", size=7)
    assert TaskSettings.model_validate(task.model_dump(mode="json")) == task
    assert task.mirror is not None  # it commutes, which nobody declared
    assert TaskSettings(operation="mine:difference", size=7).mirror is None
    assert OPERATIONS.find("mine:difference").meaning == "(a - 2b) mod p."
