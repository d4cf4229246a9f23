"""Claims about circuits: on planted courses, and on one network that is trained."""

from __future__ import annotations

import math

import numpy as np
import pytest

from efficiency.settings import RecordingSettings
from efficiency.training.loop import train
from predictions.cells import Cell, Run
from predictions.phase_changes import circuit, progress_claims
from predictions.registry import find
from predictions.testing import check_prediction, finished
from tests.predictions.phase_changes.worlds import LIMITED, cells, on_table

KEYS = {0: (3, 5), 1: (7,), 2: (11, 13, 17)}
PLATEAU = math.log(59)
STEPS = np.geomspace(50, 5000, 40)


def course(falls: float, rises: bool) -> circuit.Course:
    restricted = PLATEAU / (1 + np.exp(np.clip((STEPS - falls) / 20, -50, 50)))
    first = PLATEAU * np.exp(-STEPS / 60)
    late = 6.0 * (STEPS > 800) if rises else np.zeros(len(STEPS))
    return {"step": STEPS, circuit.RESTRICTED: restricted, circuit.EXCLUDED: first + late}


def courses(monkeypatch, own: dict[int, tuple[float, bool]], placebo: tuple[float, bool]) -> None:
    """Plant what keys say: when restricted loss falls, and whether excluded loss rises."""

    def planted(run: Run, keys) -> circuit.Course:
        is_own = tuple(keys) == KEYS[run.seed % 3]
        return course(*(own[run.seed] if is_own else placebo))

    monkeypatch.setattr(circuit, "keys_of", lambda run: KEYS[run.seed % 3])
    monkeypatch.setattr(circuit, "foreign", lambda own, other: KEYS[other.seed % 3][: len(own)])
    monkeypatch.setattr(circuit, "course", planted)


NEVER = 1e9


def world(name: str, num_seeds: int = 12) -> list[Run]:
    return [on_table(cell, train=100, test=2000) for cell in cells(name, num_seeds)]


@pytest.mark.parametrize("name", ["restricted-leads", "excluded-rises"])
def test_claims_conform(name, monkeypatch):
    asked = cells(name, 12)

    def planted(run: Run, keys) -> circuit.Course:
        so = run.found("so") == 1 and tuple(keys) == KEYS[run.seed % 3]
        return course(700 if so else NEVER, so)

    monkeypatch.setattr(circuit, "keys_of", lambda run: KEYS[run.seed % 3])
    monkeypatch.setattr(circuit, "foreign", lambda own, other: KEYS[other.seed % 3][: len(own)])
    monkeypatch.setattr(circuit, "course", planted)
    true, false = (
        [on_table(cell, train=100, test=2000, so=so) for cell in asked] for so in (1.0, 0.0)
    )
    check_prediction(find(name), true=true, false=false)


@pytest.mark.parametrize("name", ["restricted-leads", "excluded-rises"])
def test_what_any_keys_say_is_nothing(name, monkeypatch):
    courses(monkeypatch, dict.fromkeys((c.seed for c in cells(name, 12)), (700, True)), (700, True))
    verdict = find(name).judge("quick", world(name))
    assert verdict.outcome == "refuted"
    assert verdict.numbers[progress_claims.PLACEBO].value == 1


def test_a_restricted_loss_that_falls_with_the_test_loss_leads_nothing(monkeypatch):
    seeds = [cell.seed for cell in cells("restricted-leads", 12)]
    courses(monkeypatch, dict.fromkeys(seeds, (2200, True)), (NEVER, False))
    assert find("restricted-leads").judge("quick", world("restricted-leads")).outcome == "refuted"


def test_an_excluded_loss_that_rises_after_accuracy_says_nothing(monkeypatch):
    seeds = [cell.seed for cell in cells("excluded-rises", 12)]
    courses(monkeypatch, dict.fromkeys(seeds, (700, True)), (NEVER, False))
    early = [on_table(cell, train=100, test=400) for cell in cells("excluded-rises", 12)]
    assert find("excluded-rises").judge("quick", early).outcome == "refuted"


def test_networks_that_never_generalise_are_left_out_and_said(monkeypatch):
    name = "restricted-leads"
    seeds = [cell.seed for cell in cells(name, 12)]
    courses(monkeypatch, dict.fromkeys(seeds, (700, True)), (NEVER, False))
    runs = world(name)
    late = [on_table(run.cell, train=100, test=NEVER, right=0.0) for run in runs[:3]]
    verdict = find(name).judge("quick", [*late, *runs[3:]])
    assert verdict.numbers[progress_claims.SHARE].n == 9
    assert any("3 seeds left out" in note for note in verdict.notes)
    few = [on_table(run.cell, train=100, test=NEVER, right=0.0) for run in runs[:7]]
    assert find(name).judge("quick", [*few, *runs[7:]]).outcome == "undecided"


def trained_run(cell: Cell, num_steps: int = 60) -> tuple[Run, dict]:
    recording = RecordingSettings(
        num_log=0, num_even=16, snapshots=(0, 30, 60), measures=("loss-restricted",)
    )
    settings = cell.settings.model_copy(update={"num_steps": num_steps, "recording": recording})
    (trained,) = train([settings])
    run = finished(Cell(settings=settings), history=trained.history)
    object.__setattr__(run.left, "snapshots", lambda: trained.snapshots)
    return run, trained.history


def test_a_control_has_as_many_frequencies_and_none_of_ones_own():
    one, other = (trained_run(cell)[0] for cell in cells("restricted-leads", 2))
    for own in (circuit.keys_of(one), (3,), circuit.keys_of(other)):
        found = circuit.foreign(own, other)
        assert len(found) == len(set(found)) == len(own)
        assert not set(found) & set(own)
    # The strongest of the other: its own keys, where none of them is excluded.
    theirs = circuit.keys_of(other)
    free = tuple(k for k in range(1, 30) if k not in theirs)[: len(theirs)]
    assert circuit.foreign(free, other) == tuple(sorted(theirs))


def test_what_is_read_off_weights_is_what_progress_measures_record():
    (cell, *_) = cells("restricted-leads", 1)
    assert cell.arm == f"{LIMITED}%"
    run, history = trained_run(cell)
    found = circuit.course(run, circuit.keys_of(run))
    assert list(found["step"]) == [0, 30, 60]
    # What is recorded takes other keys: the same function of them.
    again = circuit.course(run, [])
    assert np.isfinite(found[circuit.RESTRICTED]).all()
    assert (found[circuit.RESTRICTED][-1] != again[circuit.RESTRICTED][-1]).all()
    (last,) = progress_keys(run)
    assert last == pytest.approx(history["loss_restricted"].iloc[-1], rel=1e-4)


def progress_keys(run: Run) -> list[float]:
    """Return the restricted loss at the end by the keys that are recorded by default."""
    snapshots = run.snapshots()
    _, by_answer = circuit._by_answer(run, snapshots[max(snapshots)])
    found = circuit.course(run, by_answer.keys())
    return [float(found[circuit.RESTRICTED][-1])]
