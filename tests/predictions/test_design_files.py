"""A design of one's own: what a file says is what is trained, and nothing else changes."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.settings import MLPSettings
from predictions import design_files, looks
from predictions.circuit_efficiency.ungrokking.cells import PAPER_SIZES
from predictions.cli.showing import design_file
from predictions.grounds import ground
from predictions.plans import Look
from predictions.registry import PREDICTIONS, select
from predictions.variants import Variant
from runs import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
CHANGEABLE = [one for one in PREDICTIONS.values() if one.parts]


@pytest.fixture
def written(tmp_path):
    """Return a function from the text of a design to the variant that asks for it."""

    def write(text: str, name: str = "mine.toml", **others) -> Variant:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return Variant(design=design_files.read(tmp_path / name), **others)

    return write


def test_every_design_that_can_be_asked_elsewhere_can_be_written_down():
    assert [one for one in PREDICTIONS.values() if one.varies] == CHANGEABLE


@pytest.mark.parametrize("prediction", CHANGEABLE, ids=lambda one: one.name)
def test_a_design_that_is_printed_and_read_is_the_same(prediction, written):
    for size in prediction.sizes:
        (same,) = select((prediction.name,), written(design_file([prediction], size)), size)
        assert same.settings(size, 2) == prediction.settings(size, 2)
        assert same.design(size, 2) == prediction.design(size, 2)


def other(value):
    """Return another value of the same kind that a design may have."""
    if isinstance(value, list):
        whole = all(isinstance(one, int) for one in value)
        return [one + 1 if whole else one if one == 1 else 3 * one for one in value]
    return value + 1 if isinstance(value, int) else value / 2


PARTS = {part.name: part for one in CHANGEABLE for part in one.parts}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_value_of_a_part_is_read_by_a_claim(name):
    part = PARTS[name]
    readers = [one for one in CHANGEABLE if part in one.parts]
    for key, value in part.table(ground("quick")).items():
        tables = {name: {key: other(value)}}
        file = design_files.DesignFile(
            path="x.toml", size="quick", canonical=json.dumps(tables, sort_keys=True)
        )
        asked = [type(one)(Variant(design=file)).settings("quick") for one in readers]
        assert asked != [one.settings("quick") for one in readers], key


@pytest.mark.parametrize("key", ["start_learning_rate", "start_steps", "learning_rate"])
def test_every_claim_on_start_networks_reads_the_ground(key, written):
    value = getattr(ground("quick"), key) * 2
    asked = written(f'size = "quick"\n[ground]\n{key} = {value}\n')
    for name in ("ungrokking", "weight-decay", "without-decay"):
        (claim,) = select((name,), asked, "quick")
        assert not set(claim.settings("quick", 1)) & set(
            PREDICTIONS[name].settings("quick", 1)
        ) or (key == "learning_rate")
        assert claim.settings("quick", 1) != PREDICTIONS[name].settings("quick", 1)


def test_decays_so_near_that_nothing_could_refute_the_claim_are_refused(written):
    near = written('size = "quick"\n[ungrokking]\nweight_decays = [1.0, 1.0001]\n')
    with pytest.raises(ValueError, match="cannot refute weight-decay"):
        select(("weight-decay",), near, "quick")[0].settings("quick")
    without_one = written('size = "quick"\n[ungrokking]\nweight_decays = [0.5, 2.0]\n')
    with pytest.raises(ValueError, match="larger-part reads continuations at weight decay 1"):
        select(("larger-part",), without_one, "quick")[0].settings("quick")


def test_a_design_that_is_changed_after_a_look_confirms_nothing(written, tmp_path):
    store, looked = Store(tmp_path / "store"), FIGURE_7.replace("num_seeds = 4", "num_seeds = 3")
    first, second = (
        select(("ungrokking",), written(text, first_seed=6000), "standard")[0]
        for text in (looked, looked.replace("900", "901"))
    )
    looks.write_plan(store, first, "standard", (3,))
    (plan,) = looks.planned(store)
    seen = first.judge("standard", [])
    look = Look(standing="confirmatory", why="", plan=plan.statement.name, number=1, of=1, seeds=3)
    looks.write_look(store, replace(seen, look=look))
    looks.write_plan(store, second, "standard", (3,))
    assert [one.before for one in looks.planned(store)] == [0, 1]
    assert [one.others for one in looks.planned(store)] == [0, 0]


FIGURE_7 = """
size = "standard"

[ground]
num_seeds = 4

[ground.network]
d_model = 48

[ungrokking]
sizes = [106, 133, 166, 208, 260, 325, 407]
weight_decays = [1.0, 3]
steps_at_one = 900
held_out_sizes = []
"""


def test_a_file_decides_sizes_decays_steps_widths_and_seeds(written):
    (claim,) = select(("ungrokking",), written(FIGURE_7), "standard")
    runs = claim.settings("standard")
    continued = [run for run in runs if run.start is not None]
    assert sorted({run.dataset_size for run in continued}) == [106, 133, 166, 208, 260, 325, 407]
    steps = {(run.optimiser.weight_decay, run.num_steps) for run in continued}
    assert steps == {(1.0, 900), (3.0, 300)}
    assert {run.network.d_model for run in runs} == {48}
    assert {run.network.d_mlp for run in runs} == {256}  # as the size has it
    assert sorted({run.data_seed for run in runs}) == [4000, 4001, 4002, 4003]


def test_another_kind_of_network_has_its_own_settings(written):
    text = 'size = "quick"\n[ground.network]\narchitecture = "mlp"\nd_model = 24\n'
    assert ground("quick", written(text)).network == MLPSettings(d_model=24)


@given(
    st.lists(st.integers(1, 864), min_size=1, max_size=8, unique=True).map(sorted),
    st.lists(st.floats(0.01, 10), min_size=1, max_size=4, unique=True),
    st.integers(1, 10**6),
)
def test_whatever_can_be_written_is_what_runs_have(sizes, decays, steps):
    tables = {"ungrokking": {"sizes": sizes, "weight_decays": decays, "steps_at_one": steps}}
    text = design_files.as_toml("quick", tables)
    canonical = json.dumps(tomllib.loads(text), sort_keys=True)
    held = json.loads(canonical)
    assert held == {"size": "quick", **tables}
    file = design_files.DesignFile(
        path="x.toml", size="quick", canonical=json.dumps(tables, sort_keys=True)
    )
    (part,) = PREDICTIONS["ungrokking"].parts
    found = part.on(ground("quick", Variant(design=file)))
    assert found.sizes == tuple(sizes)
    assert found.weight_decays == tuple(decays)
    assert found.steps_at_one == steps


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no size; write size"),
        ('size = "huge"', "size = 'huge'; write"),
        ('size = "quick"', "no table; write values into"),
        ('size = "quick"\nsteps = 3', "steps outside of any table"),
        ('size = "quick"\nday = 2020-01-01', "has a date"),
        ('size = "quick"\n[ungrokking]\nsizes = [nan]', "a NaN"),
        ("size = ", "is no TOML"),
        ('size = "quick"\n[ungroking]\nsizes = [1]', "did you mean 'ungrokking'"),
        ('size = "quick"\n[ungrokking]\nsteps = 1', "[ungrokking] has no steps; choose from sizes"),
        ('size = "quick"\n[ungrokking]\nsteps_at_one = 0', "greater than 0"),
        ('size = "quick"\n[ungrokking]\nsteps_at_one = "x"', "valid integer"),
        ('size = "quick"\n[ungrokking]\nweight_decays = [0.0]', "greater than 0"),
        ('size = "quick"\n[ungrokking]\nsizes = []', "at least 1 item"),
        ('size = "quick"\n[ungrokking]\nsizes = [9, 5]', "in rising order"),
        ('size = "quick"\n[ungrokking]\nsizes = [5, 865]', "90% of the 961 pairs"),
        ('size = "quick"\n[ungrokking]\nheld_out_sizes = [9, 5]', "in rising order"),
        ('size = "quick"\n[ungrokking]\nweight_decays = [1, 2, 1.0]', "a value twice"),
        ('size = "quick"\n[ground]\nnum_seeds = true', "true or false"),
        ('size = "quick"\n[ground.task]\nsize = 59', "are of another table"),
        ('size = "quick"\n[ground.task]\nsize = 1', "outside 2"),
        ('size = "quick"\n[ground]\nfirst_seed = 9', "--first-seed"),
        ('size = "quick"\n[ground]\nd_model = 9', "[ground] has no d_model"),
        ('size = "quick"\n[ground.network]\nd_model = 9\nnum_heads = 2', "d_model"),
    ],
)
def test_what_a_file_cannot_say_is_told(written, text, told):
    with pytest.raises(ValueError, match=r"mine\.toml") as error:
        select(("ungrokking",), written(text), "quick")[0].settings("quick")
    assert told in str(error.value)


def test_what_changes_nothing_is_said_and_what_the_size_has_is_not(written, predictions):
    text = (
        'size = "quick"\n[ground]\ncalm_learning_rate = 1.0\nstart_steps = 9000\n'
        "[scratch]\nnum_steps = 3\n[ungrokking]\nsteps_at_one = 10\n"
    )
    path = written(text).design.path
    told = predictions("show", "ungrokking", "--design", path).err
    assert "calm_learning_rate of [ground], [scratch] in" in told
    assert "changes no run of ungrokking" in told
    assert "warning" not in predictions("show", "ungrokking", "--toml").err
    (claim,) = select(("ungrokking",), written(text), "quick")
    assert {run.num_steps for run in claim.settings("quick", 1)} == {9000, 5, 10, 20}


def test_what_the_file_decides_is_not_asked_for_beside_it(written):
    with pytest.raises(ValueError, match="--network mlp beside --design"):
        written(FIGURE_7, network="mlp")


def test_a_plan_holds_what_the_file_said_wherever_it_lies(written, tmp_path):
    store = Store(tmp_path / "store")
    asked = written(FIGURE_7, first_seed=6000)
    (claim,) = select(("ungrokking",), asked, "standard")
    looks.write_plan(store, claim, "standard", (4,))
    (planned,) = looks.planned(store)
    assert planned.statement.says["design_file"]["ungrokking"]["steps_at_one"] == 900
    moved = written(f"# elsewhere\n{FIGURE_7}", "moved.toml", first_seed=6000)
    changed = written(FIGURE_7.replace("900", "901"), first_seed=6000)
    usual = Variant(first_seed=6000)
    asks = [
        planned.plan.asks(select(("ungrokking",), variant, "standard")[0], "standard")
        for variant in (asked, moved, changed, usual)
    ]
    assert asks == [True, True, False, False]


def test_a_verdict_names_its_file_and_can_be_asked_again(written):
    (claim,) = select(("ungrokking",), written(FIGURE_7), "standard")
    verdict = claim.judge("standard", [])
    assert Variant.asked(verdict.options) == claim.variant
    assert any("mine.toml" in note and "steps_at_one = 900" in note for note in verdict.notes)
    assert f"--design {claim.variant.design.path}" in claim.command("standard")


def test_the_command_prints_reads_and_judges(tmp_path, predictions, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = predictions("show", "ungrokking", "--size", "smoke", "--toml").out
    text = text.replace("steps_at_one = 1000", "steps_at_one = 20")
    text = text.replace("start_steps = 6000", "start_steps = 20")
    Path("short.toml").write_text(text)
    words = ("run", "ungrokking", "--design", "short.toml", "--seeds", "1")
    told = predictions(*words, "--size", "quick")
    assert told.code == 2
    assert "leave out --size" in told.err
    done = predictions(*words, "--json")
    assert done.code == 0, done.err
    (verdict,) = json.loads(done.out)
    assert (verdict["size"], verdict["options"]) == ("smoke", "--design short.toml")
    (page,) = Path("report").glob("*.html")
    assert re.fullmatch(r"ungrokking-smoke-short-[0-9a-f]{8}-1-seeds.html", page.name)
    assert "0 runs trained" in predictions(*words).err


def test_the_example_is_the_papers_grid_on_its_table():
    file = design_files.read(EXAMPLES / "figure-7-at-59.toml")
    (claim,) = select(("ungrokking",), Variant(design=file), file.size)
    there = sorted({r.dataset_size for r in claim.settings(file.size, 1) if r.start is not None})
    assert there == [round(D * 59**2 / 113**2) for D in PAPER_SIZES]
