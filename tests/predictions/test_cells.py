"""Designs say what each run is there for, and judges read that and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from predictions.cells import Cell, Role, Run, by_arm, by_seed, in_order, of_arm, starts
from predictions.protocol import Prediction
from predictions.registry import PREDICTIONS, find, register
from predictions.verdicts import Finding
from tests.build import run_settings
from tests.predictions.planted import ended
from tests.predictions.test_controls import planted as controls
from tests.predictions.test_stages import Longer

EVERY = sorted(PREDICTIONS)


@pytest.mark.parametrize("name", EVERY)
def test_no_place_in_a_design_is_there_twice_and_what_a_run_continues_is_there(name):
    prediction = find(name)
    for size in prediction.sizes:
        cells = prediction.cells(size, 2)
        assert len(set(cells)) == len(cells)
        there = {cell.settings for cell in cells}
        assert {cell.settings.start for cell in cells} - {None} <= there
        continued = {cell.settings.start for cell in cells}
        first = {cell.settings for cell in cells if cell.role == "start"}
        assert first <= continued, "a start network that nothing begins from"
        assert all(one.start is None for one in first)


@pytest.mark.parametrize("name", EVERY)
def test_arms_are_those_of_every_seed(name):
    prediction = find(name)
    of_seed: dict[int, set[tuple[str, Role]]] = {}
    for cell in prediction.cells("quick", 2):
        of_seed.setdefault(cell.seed, set()).add((cell.arm, cell.role))
    assert len(of_seed) == (2 if prediction.min_seeds else 0)
    assert len({frozenset(arms) for arms in of_seed.values()}) <= 1


def exchanged(runs: list[Run], one: str, other: str) -> list[Run]:
    """Return runs with the labels of two arms exchanged, and all settings as they were."""
    names = {one: other, other: one}
    return [replace(r, cell=replace(r.cell, arm=names.get(r.arm, r.arm))) for r in runs]


def test_a_judge_reads_labels_and_guesses_nothing_from_settings():
    runs = controls()
    claim = find("without-decay")
    assert claim.judge("quick", runs).outcome == "supported"
    swapped = claim.judge("quick", exchanged(runs, "with decay", "without decay"))
    assert swapped.outcome == "refuted"


class Twice(Longer):
    """A run that is compared as two things."""

    name: ClassVar[str] = "twice"

    def cells_of(self, size: str, seed: int) -> list[Cell]:
        (cell,) = super().cells_of(size, seed)[:1]
        return [cell, replace(cell, arm="again")]

    def find(self, size: str, runs: Sequence[Run]) -> Finding:
        arms = " ".join(run.arm for run in runs)
        return Finding(outcome="undecided", sentence=arms)


def test_a_run_in_two_places_is_trained_once_and_judged_in_both():
    claim = Twice()
    cells = claim.cells("quick", 2)
    assert len(cells) == 4
    assert len(claim.settings("quick", 2)) == 2
    verdict = claim.judge("quick", [ended(cell) for cell in reversed(cells)])
    assert verdict.sentence == "again first again first"
    assert len(verdict.runs) == 2


def test_runs_are_found_by_arm_and_seed_whatever_their_order():
    cells = find("staying-grokked").cells("quick", 2)
    runs = in_order(ended(cell, norm=20.0 + i) for i, cell in enumerate(cells))
    assert in_order(reversed(runs)) == runs
    assert {run.seed for run in starts(runs).values()} == {4000, 4001}
    arms = by_arm(runs)
    assert list(arms) == [4000, 4001]
    for name in {run.arm for run in runs if not run.is_start}:
        mine = of_arm(runs, name)
        assert by_seed(runs, name, "norm") == {run.seed: run.number("norm") for run in mine}
        assert [run for seed in arms for run in arms[seed][name]] == sorted(
            mine, key=lambda run: run.seed
        )
    main = [ended(cell) for cell in find("ungrokking").cells("quick", 1)]
    assert by_arm(main)[4000]["whole table"] == sorted(
        of_arm(main, "whole table"), key=lambda run: (run.dataset_size, run.identity)
    )
    assert by_seed([], "no arm", "no number") == {}
    with pytest.raises(ValueError, match=r"no run has the arm 'strnog'; there are '.*', '"):
        by_seed(runs, "strnog", "norm")
    with pytest.raises(ValueError, match=r"no run has the number 'nrom'; there are .*norm"):
        by_seed(runs, name, "nrom")


def test_two_runs_of_one_seed_are_no_number_of_that_seed():
    runs = [ended(cell, norm=20.0) for cell in find("table-size").cells("quick", 1)]
    with pytest.raises(ValueError, match="seed 4000 has two runs in the arm ''"):
        by_seed(runs, "", "norm")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"role": "begin"}, r"one of \('start', 'judged'\); given: 'begin'"),
        ({"arm": 3}, "the arm of a cell is a text; given: 3"),
        ({"settings": {}}, "settings of a cell are RunSettings; given: dict"),
    ],
)
def test_a_cell_says_what_it_cannot_be(place, told):
    (cell, *_) = find("grokking").cells("quick", 1)
    with pytest.raises(ValueError, match=told):
        replace(cell, **place)


@pytest.mark.parametrize("returned", [None, [run_settings()], [{"arm": "x"}]])
def test_a_design_that_yields_no_cells_is_told_what_they_are(returned):
    class Wrong(type(find("grokking"))):
        def cells(self, size, num_seeds=None):
            return returned

    with pytest.raises(ValueError, match=r"grokking at smoke: cells\(\) must return .*Cell"):
        Wrong().settings("smoke")


def test_a_prediction_without_a_design_is_refused_by_name():
    with pytest.raises(ValueError, match="the prediction Bare has no cells, no design, no find"):
        register(type("Bare", (Prediction,), {"name": "bare"}))
