"""Every claim about representations on planted worlds: true, false, and none that it speaks of."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import pytest

from efficiency.analysis import parallelograms
from predictions.cells import Cell, Run
from predictions.groups import REPRESENTATION
from predictions.ratios import bracket
from predictions.registry import find
from predictions.representation import four_phases, toy
from predictions.representation.structure import NONE, STRONG, WEAK
from predictions.testing import check_prediction, finished

LINE, NO_LINE = 1.0, 0.3


@functools.lru_cache(maxsize=32)
def cells(name: str, num_seeds: int) -> list[Cell]:
    return find(name).cells("quick", num_seeds)


def ended(cell: Cell, line: bool, **more) -> Run:
    closed = LINE if line else NO_LINE
    return finished(cell, parallelograms=closed, parallelograms_read=closed, **more)


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
    """Return networks whose time goes with the theory's as its power; slow ones never come."""
    found = cells("effective-time", num_seeds)
    theory = np.array([toy.flow_time(cell.settings) for cell in found])
    log = together * np.log(theory / np.median(theory)) + noise * rng.normal(size=len(found))
    return [
        ended(cell, step < 6000, history=course(step))
        for cell, step in zip(found, 2500 * np.exp(log), strict=True)
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
    return toy.determined_where_read(toy.TOYS["quick"].task, seed)


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
    "effective-time": (lambda: times(rng()), lambda: times(rng(), together=-1.0)),
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


def test_times_that_know_nothing_of_the_theory_do_not_support_it():
    outcomes = []
    for seed in range(60):
        log = rng(seed).normal(size=40)
        runs = [
            ended(cell, True, history=course(2000 * np.exp(0.5 * one)))
            for cell, one in zip(cells("effective-time", 40), log, strict=True)
        ]
        outcomes.append(find("effective-time").judge("quick", runs).outcome)
    assert "supported" not in outcomes
    assert outcomes.count("refuted") > 20


def test_sizes_beyond_all_that_are_asked_for_refute_though_their_mean_is_not_known():
    for factor in (100.0, 0.01):
        verdict = find("critical-part").judge("quick", part(rng(), factor=factor))
        assert verdict.numbers["found_to_determined"].status == "censored"
        assert (verdict.outcome, verdict.deciding) == ("refuted", "share_far_apart")
    late = find("critical-part").judge("quick", part(rng(), factor=100.0))
    assert "12 of which never do" in late.sentence
    # Strong decay loses the line everywhere, or nowhere.
    for strong in (1000.0, 0.0):
        where = {NONE: 0.0, WEAK: 18.0, STRONG: strong}
        runs = continued(rng(), lambda arm, seed, rng, where=where: where[arm], num_seeds=12)
        assert find("structure-size").judge("quick", runs).outcome == "refuted"
    for at in (0.0, 1000.0):
        runs = continued(
            rng(), lambda arm, seed, rng, at=at: at, num_seeds=12, name="structure-determined"
        )
        assert find("structure-determined").judge("quick", runs).outcome == "refuted"


def test_a_size_that_is_right_on_average_passes_and_the_claims_say_so():
    draw, own = rng(1), {}
    runs = []
    for cell in cells("structure-determined", 12):
        at = own.setdefault(cell.seed, 21.0 * np.exp(0.1 * draw.normal()))
        line = cell.role == "start" or cell.arm == NONE or cell.settings.dataset_size >= at
        runs.append(ended(cell, line))
    claim = find("structure-determined")
    assert claim.judge("quick", runs).outcome == "supported"
    assert "on average" in claim.claim
    assert "on average" in find("critical-part").claim.lower()


def test_a_third_that_never_finds_the_line_keeps_the_claim_open():
    half = part(rng(3), factor=1.0)
    mixed = [ended(run.cell, False) if run.seed % 3 == 0 else run for run in half]
    assert find("critical-part").judge("quick", mixed).outcome == "undecided"


@pytest.mark.parametrize(
    ("so", "low", "high"),
    [
        ([0, 0, 1, 1], 20, 30),
        ([1, 1, 1, 1], None, 10),
        ([0, 0, 0, 0], 40, None),
        ([0, 1, 0, 1], 10, 40),
        ([1, 0, 1, 1], None, 30),
        ([0, 0, 1, 0], 20, None),
    ],
)
def test_brackets_are_as_wide_as_order_is_violated(so, low, high):
    found = bracket({10 * (k + 1): bool(one) for k, one in enumerate(so)})
    assert found == (
        -math.inf if low is None else math.log(low),
        math.inf if high is None else math.log(high),
    )


def test_what_determines_a_training_set_is_that_of_its_examples():
    for seed in range(4000, 4010):
        task = toy.TOYS["quick"].task
        at = toy.determined(task, seed)
        read = toy.determined_where_read(task, seed)
        assert read <= at

        def left(D, seed=seed, task=task):
            pairs = task.inputs[task.split(D, seed)[0]]
            open_left = parallelograms.nullity(pairs, pairs.sum(axis=1), 10)
            return open_left, open_left - (10 - len(np.unique(pairs)))

        assert (left(at - 1)[0], left(at)[0]) == (3, 2)
        assert left(read - 1)[1] > 2
        assert all(left(D)[1] == 2 for D in range(read, 56))


def test_phases_are_those_of_their_table():
    wanted = {
        (np.inf, np.inf): "confusion",
        (np.inf, 100): "confusion",
        (100, np.inf): "memorisation",
        (100, 1000): "comprehension",
        (100, 1100): "grokking",
        (100, 0): "comprehension",
    }
    lucky = pd.DataFrame(
        {
            "step": np.arange(0, 3001, 100),
            "train_accuracy": 0.95,
            "known_answer": [0.95 if k in (7, 8) else 0.2 for k in range(31)],
        }
    )
    run = finished(cells("four-phases", 1)[0], history=lucky)
    assert four_phases.phase(run) == "memorisation", "two records are luck"
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
