"""Error rates and power of the claims about representations, in all looks together.

Worlds stand at the edge of what a claim may say. `make calibration` runs 500 experiments of each
through four looks; here a few go through two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from predictions.cells import Run
from predictions.clauses import LEVEL
from predictions.registry import find
from predictions.representation import toy
from predictions.representation.critical_part import MARGIN
from predictions.representation.effective_time import LEAST
from predictions.representation.structure import NONE, STRONG
from tests.predictions.foretelling import SHAPES
from tests.predictions.looking import LOOKS, allowed, looked_at, shares_of
from tests.predictions.representation import test_claims as worlds

World = Callable[[np.random.Generator, str, int], list[Run]]
"""Runs of that many seeds, of a shape."""


def sizes(name: str, ratio: float, spread: float) -> World:
    """Return worlds in which one size is another, times a ratio and a spread of some shape."""

    def world(rng: np.random.Generator, shape: str, num: int) -> list[Run]:
        seeds = sorted({cell.seed for cell in worlds.cells(name, num)})
        drawn = dict(zip(seeds, ratio * np.exp(spread * SHAPES[shape](rng, num)), strict=True))
        own = dict(zip(seeds, np.exp(0.1 * rng.normal(size=num)), strict=True))
        task = toy.TOYS["quick"].task
        runs = []
        for cell in worlds.cells(name, num):
            if cell.role == "start":
                runs.append(worlds.ended(cell, True))
                continue
            at = {
                "critical-part": toy.determined(task, cell.seed),
                "structure-determined": toy.determined_where_read(task, cell.seed),
                "structure-size": 19.0 * own[cell.seed] / np.sqrt(ratio),
            }[name]
            if name != "structure-size" or cell.arm == STRONG:
                at *= drawn[cell.seed]
            line = cell.arm == NONE or cell.settings.dataset_size >= at
            runs.append(worlds.ended(cell, line))
        return runs

    return world


def timed(rho: float) -> World:
    """Return worlds in which times have a rank correlation of ρ with the theory's."""

    def world(rng: np.random.Generator, shape: str, num: int) -> list[Run]:
        found = worlds.cells("effective-time", num)
        theory = [toy.flow_time(cell.settings) for cell in found]
        # Of normal variables with a correlation r ranks have 6/π · arcsin(r/2).
        r = 2 * np.sin(np.pi * rho / 6)
        x = stats.norm.ppf(stats.rankdata(theory) / (num + 1))
        y = r * x + np.sqrt(1 - r**2) * SHAPES[shape](rng, num)
        steps = 1500 * np.exp(0.5 * y)
        return [
            worlds.ended(cell, True, history=worlds.course(step))
            for cell, step in zip(found, steps, strict=True)
        ]

    return world


def kept(chance: float) -> World:
    """Return worlds in which a network keeps the line everywhere with one chance, or nowhere."""

    def world(rng: np.random.Generator, shape: str, num: int) -> list[Run]:
        seeds = sorted({cell.seed for cell in worlds.cells("structure-kept", num)})
        keeps = {seed: rng.random() < chance for seed in seeds}
        return worlds.continued(
            rng,
            lambda arm, seed, rng: 0.0 if keeps[seed] else 1000.0,
            num_seeds=num,
            name="structure-kept",
        )

    return world


def phases(chance: float, others: float = 1.0) -> World:
    """Return worlds in which a seed has grokking with one chance, and the rest with another."""

    def world(rng: np.random.Generator, shape: str, num: int) -> list[Run]:
        seeds = {cell.seed for cell in worlds.cells("four-phases", num)}
        has = {
            seed: [one for one in worlds.OF_PHASE if rng.random() < others and one != "grokking"]
            + (["grokking"] if rng.random() < chance else [])
            for seed in sorted(seeds)
        }
        return worlds.phased(
            lambda seed, place: has[seed][place % len(has[seed])] if has[seed] else "memorisation",
            num,
        )

    return world


EDGES: dict[str, World] = {
    "critical-part": sizes("critical-part", MARGIN, 0.15),
    "critical-part, lower": sizes("critical-part", 1 / MARGIN, 0.15),
    "structure-size": sizes("structure-size", MARGIN, 0.1),
    "structure-determined": sizes("structure-determined", MARGIN, 0.1),
    "effective-time": timed(LEAST),
    "four-phases": phases(0.5),
    "structure-kept": kept(0.5),
}

MOST = {
    # What seeds are not, no number of looks mends.
    ("critical-part", "skewed"): 0.12,
    ("critical-part", "pairs"): 0.08,
    ("structure-size", "skewed"): 0.12,
    ("structure-size", "pairs"): 0.08,
    ("structure-determined", "skewed"): 0.12,
    ("structure-determined", "pairs"): 0.08,
    ("effective-time", "pairs"): 0.08,
}


def shares(name: str, world: World, shape: str, count: int) -> dict[str, float]:
    """Return how often a claim is supported and refuted in all looks, and the mean seeds."""
    looks = LOOKS if count >= 500 else LOOKS[:2]
    claim, found = find(name.partition(",")[0]), []
    for i in range(count):
        runs = world(np.random.default_rng([19, i]), shape, looks[-1])
        first = min(run.seed for run in runs)
        p_values = []
        for num in looks:
            said = claim.find("quick", [run for run in runs if run.seed < first + num])
            p_values.append(tuple(1.0 if p is None else p for p in (said.p_value, said.p_refuted)))
        found.append(looked_at(p_values, looks))
    return shares_of(found, f"{name}, {shape}")


OF_SHARES = ("four-phases", "structure-kept")
"""Claims about how many seeds are so: they have no shape."""


@pytest.mark.parametrize(
    ("name", "shape"),
    [(name, shape) for name in EDGES for shape in (["normal"] if name in OF_SHARES else SHAPES)],
)
def test_a_claim_at_its_edge_is_rarely_decided_either_way(name, shape, full_calibration):
    count = 500 if full_calibration else 3
    told = shares(name, EDGES[name], shape, count)
    most = allowed(count, MOST.get((name.partition(",")[0], shape), LEVEL))
    assert told["supported"] <= most
    assert told["refuted"] <= most


POWER: dict[str, tuple[str, World, int, str]] = {
    # Claim, world, seeds, outcome: as each claim says of its power.
    "equal": ("critical-part", sizes("critical-part", 1.0, 0.15), 12, "supported"),
    "more": ("critical-part", sizes("critical-part", 1.6, 0.3), 12, "refuted"),
    "together": ("effective-time", timed(0.7), 40, "supported"),
    "apart": ("effective-time", timed(-0.2), 40, "refuted"),
    "all four": ("four-phases", phases(0.95, 0.95), 12, "supported"),
    "three": ("four-phases", phases(0.05), 12, "refuted"),
    "kept": ("structure-kept", kept(0.99), 6, "supported"),
    "lost": ("structure-kept", kept(0.01), 6, "refuted"),
    "one size": ("structure-size", sizes("structure-size", 1.0, 0.1), 8, "supported"),
    "determined": (
        "structure-determined",
        sizes("structure-determined", 1.0, 0.1),
        8,
        "supported",
    ),
}


@pytest.mark.parametrize("case", POWER)
def test_power_is_what_claims_say(case, full_calibration):
    name, world, num_seeds, outcome = POWER[case]
    count = 500 if full_calibration else 10
    claim = find(name)
    found = [
        claim.find("quick", world(np.random.default_rng([20, i]), "normal", num_seeds)).outcome
        for i in range(count)
    ]
    told = found.count(outcome) / count
    print(f"\n{case}: {outcome} in {told:.3f}")
    assert told >= 1 - allowed(count, 0.2)
