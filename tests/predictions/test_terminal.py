"""What users, terminals and other programs do to the commands, and what they answer."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from predictions.plans import Extent
from predictions.protocol import Prediction
from predictions.registry import PREDICTIONS
from runs import Store, identity
from runs.execution.claims import Claim
from runs.execution.workplaces import lock, note_holder, set_out

NASTY = "[/b][red]<script>alert(1)</script>|`](javascript:1)"


def command(
    *arguments: object, program: str = "predictions", **more
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        **more,
    )


def test_a_fault_in_an_extension_shows_its_trace(tmp_path):
    code = (
        "import sys\n"
        "from predictions.registry import PREDICTIONS\n"
        "def settings(self, size, num_seeds=None): return int('abc')\n"
        "type(PREDICTIONS['ungrokking']).settings = settings\n"
        "from predictions.command import predictions\n"
        "sys.argv = ['predictions', 'run', 'ungrokking', '--store', sys.argv[1]]\n"
        "predictions()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "invalid literal for int() with base 10: 'abc'" in done.stderr


def test_an_error_of_use_is_one_message_and_a_trace_if_asked_for(predictions, tmp_path):
    short = predictions("run", "nonsense", "--store", tmp_path / "store")
    assert (short.code, short.out) == (2, "")
    assert "unknown prediction 'nonsense'" in short.err
    assert "in the groups all, circuits," in short.err
    assert "Traceback" not in short.err
    long = command("run", "nonsense", "--debug", cwd=tmp_path)
    assert long.returncode == 1
    assert "Traceback" in long.stderr
    assert "InvalidInputError: unknown prediction 'nonsense'" in long.stderr


@pytest.mark.parametrize("operation_size", range(5, 10))
def test_networks_that_end_below_chance_never_moved(predictions, tmp_path, operation_size):
    answer = predictions(
        *("run", "grokking", "--size", "smoke", "--seeds", "3"),
        *("--operation-size", operation_size, "--store", tmp_path / "s", "--out", tmp_path / "o"),
    )
    assert answer.code == 0, answer.err
    assert "math domain error" not in answer.out + answer.err


def test_the_report_is_there_though_nothing_can_be_printed(own_store, tmp_path):
    arguments = ("run", "ungrokking", "--size", "smoke", "--store", own_store)
    out = tmp_path / "out"
    ascii_only = command(*arguments, "--out", out, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert ascii_only.returncode == 0, ascii_only.stderr
    assert len(list(out.glob("*.html"))) == 1
    shutil.rmtree(out)
    words = [sys.executable, "-m", "predictions", *map(str, arguments), "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(120)
    assert len(list(out.glob("*.html"))) == 1


@pytest.mark.parametrize("program", ["predictions", "paper_figures"])
def test_a_full_device_is_a_message(program):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", program, "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


DOES_WITHOUT: set[tuple[str, str]] = set()


@pytest.mark.parametrize("program", ["predictions", "paper_figures"])
@pytest.mark.parametrize("loading", ["importlib.util", "cyclopts", "pydantic", "torch", "scipy"])
def test_an_interrupt_while_a_command_is_loaded_is_a_message(program, loading, tmp_path):
    # At the moment when a module is asked for, so that no clock decides what is tested. (Not when
    # torch asks for numpy: it takes an interrupt of that for a numpy that is missing.)
    fired = tmp_path / "fired"
    script = f"""
import os, signal, sys
# Where the tests run in the background of a shell, interrupts are ignored from the start.
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {loading!r}:
            sys.meta_path.remove(self)
            open({str(fired)!r}, "x").close()
            os.kill(os.getpid(), signal.SIGINT)
sys.modules.pop("importlib.util", None)
sys.meta_path.insert(0, Interrupting())
sys.argv = [{program!r}, "list"]
from predictions import command
command.{program}()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    if not fired.exists():
        assert (done.returncode, done.stderr) == (0, "")  # it does without that module
        assert (program, loading) in DOES_WITHOUT
        return
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("Interrupted;")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["predictions", "predictions.cli.app", "paper_figures.cli"])
def test_modules_can_be_run(module):
    done = command("list", program=module)
    assert done.returncode == 0
    assert "ungrokking" in done.stdout


def test_another_package_of_a_name_of_ours_is_named(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "__init__.py").write_text("def run(): ...\n")
    done = command("list", env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path)
    assert done.returncode == 2
    assert "the package 'runs' that Python finds is not this project's" in done.stderr
    assert "PYTHONPATH" in done.stderr


def test_foreign_text_stays_text_wherever_it_is_shown(
    own_store, predictions, monkeypatch, tmp_path
):
    place = tmp_path / "a [red]store"
    shutil.copytree(own_store, place)
    original = Prediction.judge

    def judge(self, size, runs):
        verdict = original(self, size, runs)
        return replace(verdict.saying(sentence=NASTY, notes=(NASTY,)), next_command=NASTY)

    monkeypatch.setattr(Prediction, "judge", judge)
    out = tmp_path / "out"
    answer = predictions("run", "ungrokking", "--size", "smoke", "--store", place, "--out", out)
    assert answer.code == 0, answer.err
    assert NASTY in answer.out
    assert str(place) in answer.err
    (html,), (markdown,) = out.glob("*.html"), out.glob("*.md")
    assert "<script>alert" not in html.read_text()
    assert "&lt;script&gt;alert(1)" in html.read_text()
    shown = markdown.read_text()
    prose = [line for line in shown.splitlines() if "To go on" not in line]
    assert "<script>" not in "\n".join(prose)
    assert "](javascript:" not in "\n".join(prose)
    missing = predictions("judge", "ungrokking", "--store", tmp_path / NASTY.replace("/", ""))
    assert missing.code == 2
    assert NASTY.replace("/", "") in missing.err


def test_a_report_on_everything_has_a_name_that_a_file_can_have(predictions, tmp_path):
    from predictions.groups import FIRST_STUDY, THEORY
    from predictions.report import stem

    everything = [*THEORY.values(), *FIRST_STUDY.values()]
    assert stem(everything, "smoke", Extent()) == "all+first-study-smoke"
    some = [prediction for prediction in everything if prediction.name != "grokking"]
    assert len(stem(some, "smoke", Extent(seeds=12))) < 200
    assert stem(some, "smoke", Extent(seeds=12)) != stem(some[1:], "smoke", Extent(seeds=12))


def test_commands_that_are_named_can_be_given_as_they_are(own_store, predictions, tmp_path):
    out = tmp_path / "other out"
    answer = predictions(
        *("run", "ungrokking", "minimal-example", "--size", "smoke", "--seeds", "5"),
        *("--store", own_store, "--out", out),
    )
    (going_on,) = [line for line in answer.out.splitlines() if line.startswith("to go on: ")]
    assert f"--store {own_store}" in going_on
    assert going_on.endswith(f"--out '{out}'")
    more = [line for line in answer.out.splitlines() if " more: " in line]
    for line in more:
        assert line.endswith(
            f"predictions judge ungrokking --size smoke --seeds 5 --store {own_store}"
        )


def test_a_store_that_may_only_be_read_serves_a_run_that_needs_no_training(
    own_store, predictions, tmp_path, monkeypatch
):
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    arguments = ("--store", own_store, "--out", tmp_path / "out")
    whole = predictions("run", "ungrokking", "--size", "smoke", *arguments)
    assert whole.code == 0, whole.err
    assert "0 runs trained, 51 were in" in whole.err
    more = predictions("run", "ungrokking", "--size", "smoke", "--seeds", "6", *arguments)
    assert more.code == 2
    assert "may not be written" in more.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["addition", "4.6"], "'4.6' is not a whole number"),
        (["division", "97.5"], "'97.5' is not a whole number"),
        (["addition", "7", "--seed", "-1", "--examples", "3"], "--seed"),
        (["addition", "7", "--seed", "5"], "without --examples all are"),
        (["plus", "7"], "unknown operation 'plus'; choose from"),
        (["additon", "7"], "did you mean 'addition'"),
        (["addition", "7", "--picture", "/proc/none/t.png"], "picture cannot be written to"),
    ],
)
def test_a_table_that_cannot_be_shown_says_why(predictions, arguments, message):
    answer = predictions("table", *arguments)
    assert answer.code == 2
    assert message in answer.err


def test_tables_lists_and_descriptions_can_be_read_by_a_machine(predictions):
    table = json.loads(predictions("table", "addition", "3", "--json").out)
    assert table["answers"] == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    blank = json.loads(predictions("table", "addition", "3", "--examples", "1", "--json").out)
    assert sum(cell is not None for row in blank["answers"] for cell in row) == 1
    listed = json.loads(predictions("list", "--json").out)
    assert {one["name"] for one in listed} == set(PREDICTIONS)
    (shown,) = json.loads(predictions("show", "ungrokking", "--json").out)
    assert shown["Name"] == "ungrokking"
    assert {"Claim", "Rule", "Cost"} <= shown.keys()


def test_what_is_shown_fits_the_width_of_a_page(predictions):
    lines = predictions("show", "ungrokking").out.splitlines()
    assert max(map(len, lines)) <= 100


def test_the_status_says_what_is_in_training_and_by_whom(own_store, predictions):
    asked = ("status", "ungrokking", "--size", "smoke", "--store", own_store)
    assert "in training" not in predictions(*asked).out
    store = Store(own_store)
    folder = store.work / set_out(store, [{"value": 1, "start": None}])
    claim = Claim(lock(folder))
    assert claim.take()
    note_holder(folder)
    told = predictions(*asked).out
    assert f"1 ensemble is in training by {platform.node()} (process {os.getpid()})" in told
    claim.give_up()
    assert "in training" not in predictions(*asked).out


def test_the_status_counts_what_is_there_and_what_is_missing(own_store, predictions):
    documents = [s.document() for s in PREDICTIONS["ungrokking"].settings("smoke")]
    (own_store / "runs" / identity(documents[-1]) / "outcome.json").write_text("")
    shutil.rmtree(own_store / "runs" / identity(documents[-2]))
    answer = predictions("status", "--store", own_store, "--json")
    rows = {(row["prediction"], row["size"]): row for row in json.loads(answer.out)}
    row = rows["ungrokking", "smoke"]
    counts = [row[name] for name in ("runs", "in_store", "damaged", "missing")]
    assert counts == [51, 49, 1, 1]
    assert row["seconds"] > 0
    assert ("ungrokking", "quick") not in rows
    shown = predictions("status", "ungrokking", "--store", own_store, "--size", "quick").out
    assert "246" in shown
    nothing = predictions("status", "sharpness", "--store", own_store)
    assert "no run of these predictions" in nothing.out


def test_estimates_are_ranges_in_units_that_a_person_reads():
    from predictions.cli.progress import duration, estimated

    assert duration(90) == "1 min 30 s"
    assert duration(30 * 86400) == "30 days"
    assert duration(400 * 86400) == "400 days"
    assert estimated(0) == "0 s"
    assert estimated(30) == "23 to 39 s"
    assert estimated(72) == "55 s to 1 min 34 s"
    assert estimated(100) == "1 min 17 s to 2 min 10 s"
    assert estimated(30 * 86400) == "23 to 39 days"


def test_an_estimate_goes_by_the_least_time_ever_seen_here(monkeypatch, tmp_path):
    # Whatever runs beside one measurement, the next estimate is no longer, and the one after alike.
    from efficiency.engines import compiled, compiling

    monkeypatch.setattr(compiling, "_cache_folder", lambda: tmp_path)
    measured = [3.0, 2.0, 9.0, 2.5]
    seen = [compiling.least_ever(compiled.CODE.source, seconds) for seconds in measured]
    assert seen == [3.0, 2.0, 2.0, 2.0]
    (kept,) = tmp_path.iterdir()
    kept.write_text("no number")
    assert compiling.least_ever(compiled.CODE.source, 4.0) == 4.0


def test_workers_can_be_chosen_and_limits_of_a_batch_job_count(predictions, monkeypatch, tmp_path):
    from predictions import limits, trainer

    monkeypatch.setattr(limits, "cores", list)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert trainer.usable_cores() == 1
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    monkeypatch.setattr(limits, "cores", lambda: [0.5, 64.0])
    assert trainer.usable_cores() == 1
    answer = predictions(
        *("run", "ungrokking", "--size", "smoke", "--dry-run", "--workers", "7", "--json"),
        *("--store", tmp_path / "none"),
    )
    assert json.loads(answer.out)["workers"] == 7
    refused = predictions("run", "ungrokking", "--workers", "0", "--store", tmp_path / "none")
    assert refused.code == 2
    assert "--workers" in refused.err


def test_a_quota_of_a_control_group_is_found(tmp_path):
    from predictions.limits import _control_groups, cores

    (group, version), *_ = _control_groups("cpu", tmp_path)
    group.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (group / "cpu.max").write_text("150000 100000\n")
    else:
        (group / "cpu.cfs_quota_us").write_text("150000\n")
        (group / "cpu.cfs_period_us").write_text("100000\n")
    assert cores(tmp_path) == [1.5]
