"""What is changed under the commands: operations, networks, runs of a store; what they answer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from efficiency import operations, tasks
from efficiency.operations import Operation, Table
from predictions import stored
from predictions.registry import PREDICTIONS
from runs import identity


def circle(body, *, commutes: bool = True) -> Operation:
    """Return an operation mod p as somebody might write one."""

    def build(p: int) -> Table:
        left, right = (side.ravel() for side in np.divmod(np.arange(p * p), p))
        return Table(left=left, right=right, answer=body(left, right, p), num_symbols=p)

    return Operation(
        name="circle",
        meaning="a + b + ab",
        size_name="p",
        sizes=range(2, 60),
        num_symbols=lambda p: p,
        num_pairs=lambda p: p * p,
        build=build,
        commutes=commutes,
    )


@pytest.fixture
def register(monkeypatch):
    def registered(operation: Operation) -> None:
        monkeypatch.setitem(operations.OPERATIONS, operation.name, operation)
        for cached in (tasks.table, tasks.mirror, tasks.differences):
            cached.cache_clear()
        from predictions import meaning

        meaning.task_digest.cache_clear()
        meaning.network_probe.cache_clear()

    yield registered
    for cached in (tasks.table, tasks.mirror, tasks.differences):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("body", "commutes", "message"),
    [
        (lambda a, b, p: a + b + a * b, True, "is a remainder .% p. missing"),
        (lambda a, b, p: (a + b) * 10**6, True, r"circle.* = \d+000000: the answer is not among"),
        (lambda a, b, p: -((a + b) % p), True, r"the answer is not among the symbols 0 … 6"),
        (
            lambda a, b, p: (a + b) % p / 1.0,
            True,
            "as answer what is no whole number",
        ),
        (lambda a, b, p: (a - b) % p, True, r"counts as commuting, .* and 0 ∘ 1 = 6, 1 ∘ 0 = 1"),
        (lambda a, b, p: ((a + b) % p)[:-1], True, "declares 7 symbols and 49 pairs"),
    ],
)
def test_an_operation_that_is_not_what_it_declares_is_refused(register, body, commutes, message):
    register(circle(body, commutes=commutes))
    with pytest.raises(ValueError, match=message):
        tasks.table("circle", 7)


def test_an_operation_with_a_pair_twice_is_refused(register):
    def build(p):
        zeros = np.zeros(p * p, dtype=int)
        return Table(left=zeros, right=zeros, answer=zeros, num_symbols=p)

    register(replace(circle(None), build=build))
    with pytest.raises(ValueError, match="a pair of operands twice"):
        tasks.table("circle", 7)


def test_an_edited_operation_does_not_get_the_verdict_of_the_old_one(
    register, predictions, tmp_path
):
    asked = ["--operation", "circle", "--operation-size", "11", "--size", "smoke", "--seeds", "1"]
    places = ["--store", tmp_path / "store", "--out", tmp_path / "out"]
    register(circle(lambda a, b, p: (a + b + a * b) % p))
    first = predictions("run", "ungrokking", *asked, *places)
    assert first.code == 0, first.err
    register(circle(lambda a, b, p: (a + b + 2 * a * b) % p))
    again = predictions("run", "ungrokking", *asked, *places)
    assert again.code == 2
    assert "what circle at size 11 stands for was another thing when it was trained" in again.err
    assert "--retrain-damaged" in again.err
    judged = predictions("judge", "ungrokking", *asked, *places[:2])
    assert judged.code == 2
    assert "It could not be judged" in judged.out
    anew = predictions("run", "ungrokking", *asked, *places, "--retrain-damaged")
    assert anew.code == 0, anew.err
    assert "0 runs trained" not in anew.err
    # What was read of the old runs is forgotten: the verdict is that of a process that never did.
    told = predictions("judge", "ungrokking", *asked, *places[:2], "--json").out
    stored._outcome_in.cache_clear()
    afresh = predictions("judge", "ungrokking", *asked, *places[:2], "--json").out
    assert json.loads(told) == json.loads(afresh)


@pytest.mark.parametrize(
    "change", [{"commutes": False}, {"differences": lambda p: np.zeros((p, p), dtype=int)}]
)
def test_another_declaration_is_another_operation(register, change):
    from efficiency.settings import TaskSettings
    from predictions.meaning import task_digest

    operation = circle(lambda a, b, p: (a + b) % p)
    register(operation)
    before = task_digest(TaskSettings(operation="circle", size=11))
    register(replace(operation, **change))
    assert task_digest(TaskSettings(operation="circle", size=11)) != before


def test_a_slip_in_an_operation_does_not_make_its_runs_damaged(register, predictions, tmp_path):
    asked = ["--operation", "circle", "--operation-size", "11", "--size", "smoke", "--seeds", "1"]
    places = ["--store", tmp_path / "store", "--out", tmp_path / "out"]
    register(circle(lambda a, b, p: (a + b + a * b) % p))
    assert predictions("run", "ungrokking", *asked, *places).code == 0
    register(circle(lambda a, b, p: a + b + a * b))
    again = predictions("run", "ungrokking", *asked, *places, "--retrain-damaged")
    assert again.code == 2
    assert "is a remainder (% p) missing?" in again.err
    assert not (tmp_path / "store" / "aside").exists()


def test_an_error_of_use_is_none_of_code_when_judging(own_store, predictions):
    answer = predictions(
        "judge", "ungrokking", "--size", "smoke", "--seeds", "100000", "--store", own_store
    )
    assert answer.code == 2
    assert answer.err.strip().endswith("--seeds 100000 is outside 1 … 1000")


def test_the_outcome_of_another_run_is_not_believed(own_store, predictions):
    settings = PREDICTIONS["ungrokking"].settings("smoke")
    one, other = (identity(settings[i].document()) for i in (-1, -2))
    text = json.loads((own_store / "runs" / other / "outcome.json").read_text())
    resealed(own_store, one, "outcome.json", lambda outcome: text)
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    assert answer.code == 2
    assert "its outcome is not that of its history" in answer.err


def test_an_edited_network_is_noticed(own_store, predictions, monkeypatch):
    from efficiency.networks import OneLayerTransformer
    from predictions import meaning

    drawn = OneLayerTransformer.initialise

    def otherwise(self, generator):
        drawn(self, generator)
        self.W_U.data.mul_(2)

    monkeypatch.setattr(OneLayerTransformer, "initialise", otherwise)
    meaning.network_probe.cache_clear()
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    meaning.network_probe.cache_clear()
    assert answer.code == 2
    assert "network 'one-layer-transformer' was another one when it was trained" in answer.out


def resealed(store: Path, run: str, name: str, change) -> None:
    """Change a file of a run and all that seals it."""
    folder = store / "runs" / run
    document = json.loads((folder / name).read_text())
    text = json.dumps(change(document))
    (folder / name).write_text(text)
    mark = json.loads((folder / "complete.json").read_text())
    mark["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    mark["sizes"][name] = len(text.encode())
    (folder / "complete.json").write_text(json.dumps(mark))


def with_number(name: str, **changes):
    def change(outcome):
        return outcome | {
            "numbers": outcome["numbers"] | {name: outcome["numbers"][name] | changes}
        }

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda outcome: outcome | {"status": "nonsense"},
        lambda outcome: {},
        lambda outcome: [],
        lambda outcome: outcome | {"numbers": 5},
        lambda outcome: outcome | {"reasons": [3]},
        with_number("novel_accuracy", value=7.5, high=8.0),
        with_number("novel_accuracy", value="0.5"),
        with_number("novel_accuracy", low=0.9, high=0.1),
        with_number("norm", value=-3.0, low=-4.0),
        with_number("norm", n=-1),
        with_number("norm", surplus=1),
    ],
)
def test_an_outcome_that_cannot_be_is_not_judged_whatever_seals_it(
    own_store, predictions, change, tmp_path
):
    run = identity(PREDICTIONS["ungrokking"].settings("smoke")[-1].document())
    resealed(own_store, run, "outcome.json", change)
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    assert answer.code == 2
    assert f"run {run}" in answer.err
    assert "holds what no run leaves behind" in answer.err
    mended = predictions(
        *("run", "ungrokking", "--size", "smoke", "--store", own_store),
        *("--out", tmp_path / "out", "--retrain-damaged"),
    )
    assert mended.code == 0, mended.err
    assert "1 runs trained" in mended.err


@pytest.mark.parametrize("change", [lambda held: {}, lambda held: held | {"code": 5}])
def test_a_provenance_that_is_none_is_named(own_store, predictions, change):
    run = identity(PREDICTIONS["ungrokking"].settings("smoke")[-1].document())
    resealed(own_store, run, "provenance.json", change)
    answer = predictions("judge", "ungrokking", "--size", "smoke", "--store", own_store)
    assert answer.code == 2
    assert f"run {run}" in answer.err


def test_one_damaged_run_does_not_keep_others_from_being_judged(own_store, predictions):
    run = identity(PREDICTIONS["ungrokking"].settings("smoke")[-1].document())
    (own_store / "runs" / run / "outcome.json").write_text("")
    answer = predictions(
        "judge", "ungrokking", "minimal-example", "--size", "smoke", "--store", own_store
    )
    assert answer.code == 2
    assert "minimal-example (smoke): SUPPORTED" in answer.out
    assert "ungrokking (smoke): UNDECIDED. It could not be judged" in answer.out


def test_one_damaged_run_does_not_keep_a_report_from_being_written(own_store, predictions):
    run = identity(PREDICTIONS["ungrokking"].settings("smoke")[-1].document())
    (own_store / "runs" / run / "outcome.json").write_text("")
    out = own_store.parent / "told"
    answer = predictions(
        *("report", "ungrokking", "weight-decay", "--size", "smoke"),
        *("--store", own_store, "--out", out),
    )
    assert answer.code == 2
    (page,) = out.glob("*.html")
    assert "It could not be judged" in page.read_text()
    (table,) = out.glob("*-runs.csv")
    asked = {identity(s.document()) for s in PREDICTIONS["weight-decay"].settings("smoke")}
    assert {*pd.read_csv(table)["run"]} == asked


@pytest.mark.parametrize("words", [["--operation", "multiplicaton"], ["--operation-size", "5000"]])
def test_a_misspelt_variant_is_an_error_of_use_for_every_command(own_store, predictions, words):
    for command_ in ("judge", "report", "status"):
        answer = predictions(
            command_, "ungrokking", "--size", "smoke", "--store", own_store, *words
        )
        assert answer.code == 2
        assert "Traceback" not in answer.err
        assert "did you mean 'multiplication'" in answer.err or "is outside" in answer.err


def test_an_operation_that_is_not_defined_at_every_size_has_a_status(
    register, predictions, own_store
):
    register(circle(lambda a, b, p: (a + b + a * b) % p))
    answer = predictions("status", "ungrokking", "--operation", "circle", "--store", own_store)
    assert answer.code == 0, answer.err


def test_a_figure_with_nothing_to_draw_does_not_take_the_others_with_it(own_store, monkeypatch):
    from paper_figures import build as building
    from paper_figures.base import Source
    from paper_figures.catalogue import FIGURES
    from runs import Store

    def fail(evidence):
        raise ZeroDivisionError("nothing there")

    drawn = FIGURES["figure-04"]
    broken = replace(drawn, name="broken", draw=fail)
    out = own_store.parent / "figures"
    results = building.build([broken, drawn], Source(Store(own_store), "smoke"), "svg", out)
    assert [one.figure.name for one in results.built] == ["figure-04"]
    assert results.failed == {"broken": "ZeroDivisionError: nothing there"}


def test_a_claim_whose_design_fails_takes_nothing_from_the_status_of_others(
    predictions, smoke_store, monkeypatch, caplog
):
    def cells(self, size, num_seeds=None):
        raise ZeroDivisionError("of a plug-in")

    monkeypatch.setattr(type(PREDICTIONS["grokking"]), "cells", cells)
    answer = predictions("status", "all", "--store", smoke_store)
    assert answer.code == 1
    assert "ungrokking" in answer.out
    assert caplog.text.count("grokking does not say what it needs:") == 1
    assert "ZeroDivisionError: of a plug-in" in caplog.text
    alone = predictions("status", "grokking", "--size", "quick", "--store", smoke_store)
    assert (alone.code, alone.out) == (1, "")
