"""Every claim about training without decay on planted worlds."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from predictions.cells import Cell, Run
from predictions.groups import NUMERICAL_STABILITY
from predictions.numerical_stability.ways import DECAY, ORTHOGONAL
from predictions.registry import find
from predictions.testing import check_prediction, finished
from tests.predictions.looking import LOOKS, allowed, looked_at, shares_of


@functools.lru_cache(maxsize=32)
def cells(name: str, num_seeds: int) -> list[Cell]:
    return find(name).cells("quick", num_seeds)


def ended(cell: Cell, at: float | None, collapsed: float = 0.0, **others) -> Run:
    """Return a network that generalises at a step, or never."""
    steps = np.arange(0, 12_001, 200)
    there = np.zeros(len(steps)) if at is None else (steps >= at).astype(float)
    history = pd.DataFrame(
        {"step": steps, "novel_accuracy": there, "collapsed_share": np.full(len(steps), collapsed)}
    )
    return finished(
        cell,
        history=history,
        step_generalised=at,
        novel_accuracy=there[-1],
        collapsed_share=collapsed,
        **others,
    )


def world(name: str, so, num_seeds: int = 12) -> list[Run]:
    """Return seeds of which a claim is so, or not, as ``so(seed)`` says."""
    runs = []
    for cell in cells(name, num_seeds):
        true = so(cell.seed)
        if name == "softmax-collapse":
            runs.append(ended(cell, None if true else 500.0, 0.99 if true else 0.0))
        elif cell.arm == DECAY:
            runs.append(ended(cell, 1000.0))
        elif cell.arm == ORTHOGONAL and name == "orthogonal-sooner":
            runs.append(ended(cell, 200.0 if true else 3000.0))
        else:
            runs.append(ended(cell, 800.0 if true else None))
    return runs


@pytest.mark.parametrize("name", NUMERICAL_STABILITY)
def test_claims_conform(name):
    true, false = (world(name, lambda seed, is_so=is_so: is_so) for is_so in (True, False))
    check_prediction(find(name), true=true, false=false)


def test_who_keeps_a_loss_and_does_not_generalise_is_no_collapse():
    runs = [ended(cell, None, 0.2) for cell in cells("softmax-collapse", 12)]
    verdict = find("softmax-collapse").judge("quick", runs)
    assert verdict.outcome == "refuted"
    assert "in 0 of 12 seeds" in verdict.sentence


def test_where_neither_generalises_neither_is_sooner():
    runs = [ended(cell, None) for cell in cells("orthogonal-sooner", 12)]
    assert find("orthogonal-sooner").judge("quick", runs).outcome == "refuted"


def test_a_run_that_diverged_counts_as_one_that_does_not_generalise():
    runs = world("exact-loss", lambda seed: True)
    verdict = find("exact-loss").judge(
        "quick", [finished(run.cell, status="diverged") for run in runs]
    )
    assert verdict.outcome == "refuted"
    assert any("counts as one that does not generalise" in note for note in verdict.notes)


@pytest.mark.parametrize("name", NUMERICAL_STABILITY)
def test_half_of_the_seeds_decide_nothing(name, full_calibration):
    count = 500 if full_calibration else 4
    looks = LOOKS if full_calibration else LOOKS[:2]
    found = []
    for i in range(count):
        drawn = np.random.default_rng([23, i])
        so = {seed: drawn.random() < 0.5 for seed in range(4000, 4000 + looks[-1])}
        runs = world(name, so.__getitem__, looks[-1])
        p_values = []
        for num in looks:
            said = find(name).find("quick", [run for run in runs if run.seed < 4000 + num])
            p_values.append((said.p_value, said.p_refuted))
        found.append(looked_at(p_values, looks))
    told = shares_of(found, name)
    assert told["supported"] <= allowed(count)
    assert told["refuted"] <= allowed(count)


@pytest.mark.parametrize(("chance", "outcome"), [(0.95, "supported"), (0.05, "refuted")])
@pytest.mark.parametrize("name", NUMERICAL_STABILITY)
def test_power_is_what_claims_say(name, chance, outcome, full_calibration):
    count = 500 if full_calibration else 8
    found = []
    for i in range(count):
        drawn = np.random.default_rng([24, i])
        so = {seed: drawn.random() < chance for seed in range(4000, 4012)}
        found.append(find(name).find("quick", world(name, so.__getitem__)).outcome)
    assert found.count(outcome) / count >= 1 - allowed(count, 0.2)
