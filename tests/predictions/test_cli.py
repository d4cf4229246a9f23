from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from predictions.groups import THEORY
from predictions.registry import PREDICTIONS
from predictions.sizes import SIZES
from runs import SCHEMA_VERSION, Store, identity

pytestmark = pytest.mark.xdist_group("smoke")


def run_smoke(predictions, store, tmp_path, *more):
    return predictions(
        "run", "ungrokking", "--size", "smoke", "--store", store, "--out", tmp_path / "out", *more
    )


def test_help_names_every_command_without_loading_torch():
    code = "import sys; sys.argv = ['predictions', '--help']\n"
    code += "from predictions.command import predictions as main\n"
    code += "try: main()\nfinally: print(sorted({'torch', 'scipy', 'pandas'} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip().endswith("[]")
    for command in ("list", "show", "run", "judge", "report"):
        assert command in answer.stdout


def test_list_names_every_prediction_with_its_claim(predictions):
    answer = predictions("list")
    assert answer.code == 0
    for prediction in PREDICTIONS.values():
        assert prediction.name in answer.out
        assert prediction.claim in answer.out


@pytest.mark.parametrize("command", ["show", "table", "run", "sweep", "judge", "report", "status"])
def test_every_option_has_help(predictions, command):
    text = predictions(command, "--help").out
    options = [line for line in text.splitlines() if "--" in line and line.startswith("│")]
    assert len(options) > 2
    assert "--plugins mymodule" in text
    for line in options:
        words = line.strip("│ ").split("  ")
        assert len([word for word in words if word.strip()]) > 1, line


@pytest.mark.parametrize("size", SIZES)
def test_show_tells_claim_design_rule_refutation_and_cost(predictions, size):
    answer = predictions("show", "ungrokking", "--size", size)
    prediction = PREDICTIONS["ungrokking"]
    assert answer.code == 0
    shown = " ".join(answer.out.split())
    for text in (prediction.claim, prediction.rule, prediction.refutation, prediction.design(size)):
        assert " ".join(text.split()) in shown
    assert re.search(rf"{len(prediction.settings(size))} runs, .* on \d+ CPU core", shown)


def test_all_are_shown_under_their_names_and_what_has_no_runs_says_so(predictions):
    answer = predictions("show", "all", "--size", "smoke")
    assert answer.code == 0
    for prediction in THEORY.values():
        assert f"\n{prediction.name}\n===" in f"\n{answer.out}"
        assert prediction.claim in " ".join(answer.out.split())
    assert answer.out.count("no runs: it is computed while it is judged") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "ungroking"], "did you mean 'ungrokking'"),
        (["run"], "name a prediction; predictions list has all, in the groups all, circuits,"),
        (["show", "x"], "unknown prediction 'x'; predictions list has all, in the groups all,"),
        (["run", "ungrokking", "--seeds", "2.5"], "'2.5' is not a whole number"),
        (["run", "ungrokking", "--store", ""], "the name of a folder is empty"),
        (["run", "ungrokking", "--size", "huge"], '"standard", "replication", "paper"'),
        (["run", "grokking", "--size", "replication"], "choose from smoke, quick, standard, paper"),
        (["run", "ungrokking", "--seeds", "0"], "--seeds 0 is outside 1 … 1000"),
        (["run", "ungrokking", "--seeds", "few"], "--seeds"),
        (["run", "ungrokking", "--sise", "quick"], "Did you mean --size?"),
        (["run", "ungrokking", "--device", "tpu"], '"auto", "cpu", "cuda"'),
        (["rum"], 'Did you mean "run"?'),
        (["judge", "--store", "nowhere"], "there is no store at nowhere"),
        (["report", "--store", "nowhere"], "there is no store at nowhere"),
    ],
)
def test_a_wrong_argument_is_one_message_exit_code_2_and_nothing_written(
    predictions, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    answer = predictions(*arguments)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_refused(predictions, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    answer = predictions("run", "ungrokking", "--device", "cuda", "--store", tmp_path / "s")
    assert answer.code == 2
    assert "sees no CUDA device" in answer.err
    assert not (tmp_path / "s").exists()


def test_a_dry_run_counts_and_writes_nothing(predictions, smoke_store, tmp_path):
    fresh = run_smoke(predictions, tmp_path / "new", tmp_path, "--dry-run")
    assert fresh.code == 0
    assert "runs to train      51" in fresh.out
    assert "runs in the store  0 of 51" in fresh.out
    assert "estimated time" in fresh.out
    assert "MiB" in fresh.out
    assert list(tmp_path.iterdir()) == []
    stored = run_smoke(predictions, smoke_store, tmp_path, "--dry-run")
    assert "runs to train      0" in stored.out
    assert "runs in the store  51 of 51" in stored.out


def test_a_second_run_trains_nothing_and_judges_the_same(predictions, smoke_store, tmp_path):
    first = run_smoke(predictions, smoke_store, tmp_path, "--json")
    second = run_smoke(predictions, smoke_store, tmp_path, "--json")
    assert first.code == second.code == 0
    assert "0 runs trained" in second.err
    assert first.out == second.out
    judged = predictions("judge", "ungrokking", "--size", "smoke", "--store", smoke_store, "--json")
    assert judged.out == first.out


def test_json_is_the_list_of_verdicts_and_nothing_else(predictions, smoke_store, tmp_path):
    answer = run_smoke(predictions, smoke_store, tmp_path, "--json")
    (verdict,) = json.loads(answer.out)
    assert verdict["prediction"] == "ungrokking"
    assert verdict["outcome"] in ("supported", "refuted", "undecided", "invalid")
    assert {r["unit"] for r in verdict["numbers"] if r["name"] == "threshold"} == {"examples"}
    stored = set(Store(smoke_store).identities())
    assert set(verdict["runs"]) == stored


def test_judging_an_incomplete_store_is_undecided_and_says_what_to_run(predictions, own_store):
    shutil.rmtree(next((own_store / "runs").iterdir()))
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    assert answer.code == 0
    assert "UNDECIDED" in answer.out
    assert "1 of the 51 runs are not in the store" in answer.out
    assert f"to go on: predictions run ungrokking --size smoke --store {own_store}" in answer.out


def test_a_damaged_run_is_refused_then_retrained_on_request(predictions, own_store, tmp_path):
    documents = PREDICTIONS["ungrokking"].settings("smoke")
    run = identity(documents[-1].document())
    weights = own_store / "runs" / run / "weights.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:100])
    for command in (["judge", "ungrokking"], ["report", "ungrokking"], ["run", "ungrokking"]):
        answer = predictions(
            *command, "--size", "smoke", "--store", own_store, *(
                [] if command[0] == "judge" else ["--out", tmp_path / "out"]
            )
        )  # fmt: skip
        assert answer.code == 2
        assert run in answer.err
        assert "--retrain-damaged" in answer.err
    answer = run_smoke(predictions, own_store, tmp_path, "--retrain-damaged")
    assert answer.code == 0
    assert "1 runs trained" in answer.err
    assert (own_store / "aside" / f"{run}-1" / "weights.safetensors").stat().st_size == 100
    assert len(weights.read_bytes()) == len(good)


def test_what_continues_a_damaged_run_is_trained_again_with_it(predictions, own_store, tmp_path):
    settings = PREDICTIONS["ungrokking"].settings("smoke")
    start = next(s for s in settings if s.start is None)
    children = [identity(s.document()) for s in settings if s.start == start]
    run = identity(start.document())
    (own_store / "runs" / run / "history.parquet").write_bytes(b"")
    answer = run_smoke(predictions, own_store, tmp_path, "--retrain-damaged")
    assert f"{1 + len(children)} runs trained" in answer.err
    aside = {place.name.split("-")[0] for place in (own_store / "aside").iterdir()}
    assert aside == {run, *children}


def test_a_report_on_a_store_without_any_of_its_runs_is_refused(predictions, smoke_store, tmp_path):
    out = tmp_path / "new"
    asked = ("report", "ungrokking", "--store", smoke_store, "--out", out)
    answer = predictions(*asked)
    assert answer.code == 2
    assert "has no run of what was asked for at quick" in answer.err
    assert f"`predictions status --store {smoke_store}` shows what it has" in answer.err
    assert not out.exists()
    every = predictions("report", *asked[2:])
    assert every.code == 2, "that one claim needs no runs makes no report on others"
    assert not out.exists()
    assert predictions(*asked, "--size", "smoke").code == 0


def test_a_report_at_other_seeds_has_a_name_of_its_own(predictions, smoke_store, tmp_path):
    run_smoke(predictions, smoke_store, tmp_path)
    before = (tmp_path / "out" / "ungrokking-smoke.html").read_bytes()
    answer = run_smoke(predictions, smoke_store, tmp_path, "--seeds", "2")
    assert "decides nothing with fewer than 3 seeds" in answer.err
    assert (tmp_path / "out" / "ungrokking-smoke-2-seeds.html").exists()
    assert (tmp_path / "out" / "ungrokking-smoke.html").read_bytes() == before


def test_a_dry_run_can_be_read_by_a_machine(predictions, smoke_store, tmp_path):
    facts = json.loads(run_smoke(predictions, smoke_store, tmp_path, "--dry-run", "--json").out)
    assert (facts["runs_to_train"], facts["runs_in_store"], facts["runs"]) == (0, 51, 51)


def test_the_version_is_that_of_the_distribution(predictions):
    assert predictions("--version").out.strip() == version("circuit-efficiency")


def test_a_foreign_folder_and_a_newer_store_are_refused(predictions, own_store, tmp_path):
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.png").write_bytes(b"")
    answer = run_smoke(predictions, foreign, tmp_path)
    assert answer.code == 2
    assert "is not a store" in answer.err
    (own_store / "store.json").write_text(
        json.dumps({"format": "circuit-efficiency store", "schema": SCHEMA_VERSION + 1})
    )
    answer = run_smoke(predictions, own_store, tmp_path)
    assert answer.code == 2
    assert "update this project" in answer.err


def test_a_report_that_cannot_be_written_is_refused_before_training(predictions, tmp_path):
    (tmp_path / "file").write_text("")
    answer = predictions(
        "run", "ungrokking", "--store", tmp_path / "s", "--out", tmp_path / "file" / "out"
    )
    assert answer.code == 2
    assert "--out" in answer.err
    assert not (tmp_path / "s").exists()


def test_more_memory_than_is_allowed_is_said_before_training(predictions, tmp_path):
    arguments = ("run", "ungrokking", "--size", "smoke", "--dry-run", "--store", tmp_path / "s")
    tight = predictions(*arguments, "--memory", "0.001")
    assert tight.code == 0
    assert "GiB will be needed, 0.00 GiB are allowed" in tight.err
    assert "51, in 51 ensembles" in tight.out
    assert "warning" not in predictions(*arguments).err


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--memory", "0", 'Invalid value "0'),
        ("--engine", "fast", "unknown engine 'fast'; choose from auto"),
    ],
)
def test_impossible_memory_and_engines_are_refused(predictions, tmp_path, option, value, told):
    answer = predictions("run", "ungrokking", option, value, "--store", tmp_path / "s")
    assert answer.code == 2
    assert told in answer.err


def test_runs_of_two_commits_and_of_another_schema_are_said(predictions, own_store):
    folders = sorted((own_store / "runs").iterdir())
    provenance = folders[0] / "provenance.json"
    origin = json.loads(provenance.read_text())
    origin["code"] |= {"commit": "0" * 40, "dirty": True}
    replace_file(folders[0], "provenance.json", json.dumps(origin))
    old = shutil.copytree(folders[1], own_store / "runs" / ("0" * 32))
    settings = json.loads((old / "settings.json").read_text())
    (old / "settings.json").write_text(json.dumps(settings | {"schema": SCHEMA_VERSION - 1}))
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    assert "do not all come from one program: commit 000000000000 with changes" in answer.out
    assert f"also holds 1 runs of schema {SCHEMA_VERSION - 1}, which were not read" in answer.out


def replace_file(folder, name, text):
    """Change a file of a run and its checksum, as if it had been saved so."""
    mark = folder / "complete.json"
    held = json.loads(mark.read_text())
    (folder / name).write_text(text)
    held["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    held["sizes"][name] = len(text.encode())
    mark.write_text(json.dumps(held))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--on", "slrum"], r"unknown executor 'slrum'; did you mean 'slurm'\?"),
        (["--detach"], r"--profile, --detach and options of jobs are for cluster software"),
        (["--partition", "long"], r"name it with --on"),
        (
            ["--on", "slurm", "--profile", "{profile}"],
            r"no option 'tme' of Slurm; did you",
        ),
        (["--on", "slurm", "--profile", "{none}"], r"none.toml cannot be read"),
        (["--on", "slurm", "--address", "auto"], r"no option 'address' of Slurm"),
        (["--on", "ray", "--partition", "long"], r"no option 'partition' of Ray"),
        (["--on", "ray", "--profile", "{profile}"], r"program is 3; give what runs predictions"),
        (["--on", "ray", "--detach"], r"leave out --detach, and give the command to `ray job"),
        (["--on", "ray", "--max-jobs", "0"], r"0"),
        (["--on", "tests.build:TASK"], r"must be a function from options"),
    ],
)
def test_what_cannot_be_asked_of_a_cluster_is_told(predictions, own_store, tmp_path, options, told):
    profile = tmp_path / "cluster.toml"
    profile.write_text('[slurm]\ntme = "01:00:00"\n[ray]\nprogram = 3\n')
    words = [one.format(profile=profile, none=tmp_path / "none.toml") for one in options]
    answer = run_smoke(predictions, own_store, tmp_path, *words)
    assert answer.code == 2
    assert re.search(told, answer.err)


def test_a_dry_run_prints_the_scripts_of_jobs(predictions, tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text(
        '[slurm]\ntime = "01:00:00"\nsetup = "module load gcc"\nmax_jobs = 3\n'
        'program = "apptainer run --nv /images/c.sif"\n'
    )
    asked = ("--on", "slurm", "--profile", profile, "--partition", "long", "--dry-run")
    answer = run_smoke(predictions, tmp_path / "new", tmp_path, *asked)
    assert answer.code == 0
    assert answer.out.count("#SBATCH --partition=long\nmodule load gcc\n") == 2
    assert answer.out.count("#SBATCH --time=01:00:00\n") == 2
    assert "#SBATCH --array=0-2\n" in answer.out
    assert answer.out.count("\nexec apptainer run --nv /images/c.sif work ") == 2
    assert not (tmp_path / "new").exists()


def test_an_executor_of_ones_own_trains(predictions, tmp_path):
    own = ("--on", "tests.predictions.own_executor:loud")
    foreseen = run_smoke(predictions, tmp_path / "new", tmp_path, *own, "--dry-run")
    assert re.search(r"nobody else is asked for \d+ runs", foreseen.out)
    answer = run_smoke(predictions, tmp_path / "new", tmp_path, *own)
    assert answer.code == 0
    assert re.search(r"\d+ runs are wanted", answer.out)
    assert re.search(r"51 runs trained", answer.err)


def test_a_worker_wants_a_job_that_is_there(predictions, own_store):
    answer = predictions("work", own_store, "abc", "0")
    assert answer.code == 2
    assert re.search(r"there is no job 'abc' in .* submit it again", answer.err)
