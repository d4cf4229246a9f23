"""Every claim about representations on planted worlds: true, false, and none that it speaks of."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from efficiency.analysis import parallelograms
from predictions.cells import Cell, Run
from predictions.registry import REPRESENTATION, find
from predictions.representation import four_phases, toy
from predictions.representation.structure import NONE, STRONG, WEAK
from predictions.testing import check_prediction, finished

LINE, NO_LINE = 1.0, 0.3


@functools.lru_cache(maxsize=32)
def cells(name: str, num_seeds: int) -> list[Cell]:
    return find(name).cells("quick", num_seeds)


def ended(cell: Cell, line: bool, **more) -> Run:
    return finished(cell, parallelograms=LINE if line else NO_LINE, **more)


def part(rng, factor=1.0, spread=0.1, num_seeds=12) -> list[Run]:
    """Return networks that find the line from some factor times as many pairs as determine it."""
    by_seed: dict[int, float] = {}
    runs = []
    for cell in cells("critical-part", num_seeds):
        at = toy.determined(cell.settings.task, cell.seed)
        where = by_seed.setdefault(cell.seed, at * factor * np.exp(spread * rng.normal()))
        runs.append(ended(cell, cell.settings.dataset_size >= where))
    return runs


def course(steps_at: float, last: int = 6000) -> pd.DataFrame:
    """Return a history whose embeddings are a line from some step on."""
    steps = np.linspace(0, last, 121)
    return pd.DataFrame(
        {"step": steps, "parallelograms": np.where(steps >= steps_at, LINE, NO_LINE)}
    )


def times(rng, together=1.0, noise=0.1, num_seeds=40) -> list[Run]:
    """Return networks whose time goes with 1/λ₃ as its power ``together``; slow ones never come."""
    found = cells("slowest-mode", num_seeds)
    scale = np.array([1 / toy.slowest_rate(cell.settings) for cell in found])
    log = together * (np.log(scale) - np.log(scale).mean()) + noise * rng.normal(size=len(found))
    return [
        ended(cell, step < 6000, history=course(step))
        for cell, step in zip(found, 2500 * np.exp(2 * log), strict=True)
    ]


OF_PHASE = {
    "confusion": (np.inf, np.inf),
    "memorisation": (300, np.inf),
    "grokking": (300, 5000),
    "comprehension": (300, 700),
}


def phased(choose, num_seeds=12) -> list[Run]:
    """Return runs in the phases that ``choose`` says for (seed, place in the grid)."""
    runs, places = [], {}
    for cell in cells("four-phases", num_seeds):
        o = cell.settings.optimiser
        place = places.setdefault((o.learning_rate, o.weight_decay), len(places))
        fitted, knew = OF_PHASE[choose(cell.seed, place)]
        steps = np.arange(0, 10_001, 100)
        history = pd.DataFrame(
            {
                "step": steps,
                "train_accuracy": np.where(steps >= fitted, 1.0, 0.2),
                "known_answer": np.where(steps >= knew, 1.0, 0.2),
            }
        )
        runs.append(finished(cell, history=history))
    return runs


def all_four(seed, place):
    return list(OF_PHASE)[(seed + place) % 4]


def without_grokking(seed, place):
    return list(OF_PHASE)[(seed + place) % 2]


def continued(rng, at, num_seeds=8, found=lambda seed: True, name="structure-size") -> list[Run]:
    """Return what becomes of start networks that keep the line from ``at(arm, seed)`` pairs on."""
    where: dict[tuple[str, int], float] = {}
    runs = []
    for cell in cells(name, num_seeds):
        if cell.role == "start":
            runs.append(ended(cell, found(cell.seed)))
            continue
        point = where.setdefault((cell.arm, cell.seed), at(cell.arm, cell.seed, rng))
        runs.append(ended(cell, cell.settings.dataset_size >= point))
    return runs


def determined(seed: int) -> int:
    return toy.determined(toy.TOYS["quick"].task, seed)


def efficient(arm, seed, rng):
    """Lost below one size with any decay, and never without."""
    return 0.0 if arm == NONE else 20 * np.exp(0.05 * rng.normal())


def faster_with_more(arm, seed, rng):
    """Lost by drift: where decay is strong from a larger size on."""
    return {NONE: 0.0, WEAK: 14.0, STRONG: 24.0}[arm] * np.exp(0.05 * rng.normal())


def lost_anyway(arm, seed, rng):
    return 20.0


def never_lost(arm, seed, rng):
    return 0.0


def where_determined(arm, seed, rng):
    return 0.0 if arm == NONE else determined(seed) * np.exp(0.05 * rng.normal())


def earlier(arm, seed, rng):
    return 0.0 if arm == NONE else 0.6 * determined(seed)


def rng(seed=0):
    return np.random.default_rng(seed)


WORLDS = {
    "critical-part": (lambda: part(rng()), lambda: part(rng(), factor=1.7)),
    "slowest-mode": (lambda: times(rng()), lambda: times(rng(), together=-1.0)),
    "four-phases": (lambda: phased(all_four), lambda: phased(without_grokking)),
    "structure-kept": (
        lambda: continued(rng(), never_lost, name="structure-kept"),
        lambda: continued(rng(), efficient, name="structure-kept"),
    ),
    "structure-size": (
        lambda: continued(rng(), efficient),
        lambda: continued(rng(), faster_with_more),
    ),
    "structure-determined": (
        lambda: continued(rng(), where_determined, name="structure-determined"),
        lambda: continued(rng(), earlier, name="structure-determined"),
    ),
}


def test_every_claim_has_worlds():
    assert WORLDS.keys() == REPRESENTATION.keys()


@pytest.mark.parametrize("name", WORLDS)
def test_claims_conform(name):
    true, false = (world() for world in WORLDS[name])
    check_prediction(find(name), true=true, false=false)


def test_structure_that_is_lost_without_decay_too_or_never_is_not_what_efficiency_says():
    for world in (lost_anyway, never_lost):
        verdict = find("structure-size").judge("quick", continued(rng(), world))
        assert verdict.outcome == "refuted", world.__name__


def test_start_networks_that_found_no_line_do_not_count():
    runs = continued(rng(), efficient, found=lambda seed: seed % 4 != 0, num_seeds=12)
    verdict = find("structure-size").judge("quick", runs)
    assert "of 12 start networks 9 had found the line" in verdict.sentence
    runs = continued(rng(), efficient, found=lambda seed: seed % 4 == 0, num_seeds=12)
    verdict = find("structure-size").judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert "3 networks are too few" in verdict.sentence


def test_times_that_know_nothing_of_the_examples_do_not_support_the_slowest_mode():
    outcomes = []
    for seed in range(60):
        log = rng(seed).normal(size=40)
        runs = [
            ended(cell, True, history=course(2000 * np.exp(0.5 * one)))
            for cell, one in zip(cells("slowest-mode", 40), log, strict=True)
        ]
        outcomes.append(find("slowest-mode").judge("quick", runs).outcome)
    assert "supported" not in outcomes
    assert outcomes.count("refuted") > 20


def test_networks_that_never_find_the_line_bound_the_ratio_and_do_not_vanish():
    runs = part(rng(), factor=100.0)
    verdict = find("critical-part").judge("quick", runs)
    assert verdict.outcome != "supported"
    assert "12 of which never do" in verdict.sentence
    half = part(rng(3), factor=1.0)
    stuck = {run.seed for run in half if run.seed % 2}
    mixed = [ended(run.cell, False) if run.seed in stuck else run for run in half]
    assert find("critical-part").judge("quick", mixed).outcome != "supported"


def test_what_determines_a_training_set_is_that_of_its_examples():
    for seed in (4000, 4001):
        task = toy.TOYS["quick"].task
        at = toy.determined(task, seed)
        for D, left in ((at - 1, 3), (at, 2)):
            pairs = task.inputs[task.split(D, seed)[0]]
            assert parallelograms.nullity(pairs, pairs.sum(axis=1), 10) == left


def test_phases_are_those_of_their_table():
    wanted = {
        (np.inf, np.inf): "confusion",
        (np.inf, 100): "confusion",
        (100, np.inf): "memorisation",
        (100, 1000): "comprehension",
        (100, 1100): "grokking",
        (100, 0): "comprehension",
    }
    for (fitted, knew), phase in wanted.items():
        steps = np.arange(0, 3001, 100)
        history = pd.DataFrame(
            {
                "step": steps,
                "train_accuracy": np.where(steps >= fitted, 0.9, 0.89),
                "known_answer": np.where(steps >= knew, 0.9, 0.89),
            }
        )
        run = finished(cells("four-phases", 1)[0], history=history)
        assert four_phases.phase(run) == phase
    diverged = finished(cells("four-phases", 1)[0], status="diverged", history=history)
    assert four_phases.phase(diverged) == "confusion"


@pytest.mark.parametrize("name", REPRESENTATION)
def test_designs_are_told_and_grow_with_their_seeds(name):
    prediction = find(name)
    for size in prediction.sizes:
        runs = prediction.settings(size)
        assert f"{len(runs)} runs." in prediction.design(size)
        if size != "smoke":
            assert len({run.data_seed for run in runs}) >= prediction.min_seeds
