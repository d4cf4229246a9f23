"""Designs say what each run is there for, and judges read that and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from predictions.cells import Cell, Role, Run, by_arm, by_seed, in_order, of_arm, starts
from predictions.registry import PREDICTIONS, find
from predictions.verdicts import Finding
from tests.predictions.planted import ended
from tests.predictions.test_controls import planted as controls
from tests.predictions.test_stages import Longer

EVERY = sorted(PREDICTIONS)


@pytest.mark.parametrize("name", EVERY)
def test_each_run_has_one_place_in_a_design_and_what_it_continues_is_there(name):
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
    assert by_seed(runs, "no such arm", "norm") == {}
    assert by_seed(runs, runs[0].arm, "no such number") == {}


def test_two_runs_of_one_seed_are_no_number_of_that_seed():
    runs = [ended(cell, norm=20.0) for cell in find("table-size").cells("quick", 1)]
    with pytest.raises(ValueError, match="seed 4000 has two runs in the arm ''"):
        by_seed(runs, "", "norm")
