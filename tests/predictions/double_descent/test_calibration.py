"""Error rates and power of the claims about double descent, in all looks together.

Worlds stand at the edge of what a claim may say. `make calibration` runs 500 experiments of each
through four looks; here a few go through two.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from predictions.cells import Run
from predictions.clauses import LEVEL
from predictions.double_descent.epochs import LEAST
from predictions.registry import find
from tests.predictions.double_descent.test_claims import continued, course, world
from tests.predictions.foretelling import SHAPES
from tests.predictions.looking import LOOKS, allowed, looked_at, shares_of

World = Callable[..., list[Run]]
"""Runs of a generator, for ``num_seeds`` and a ``shape``."""


def along(name: str, **others: float) -> World:
    """Return worlds of a claim along an axis."""
    return functools.partial(world, name, **others)


def wide_later(chance: float) -> World:
    """Return worlds in which a seed's wide network has the larger threshold with some chance."""

    def made(rng: np.random.Generator, *, num_seeds: int, shape: str = "normal") -> list[Run]:
        return continued(rng, wide_later=lambda rng: rng.random() < chance, num_seeds=num_seeds)

    return made


def mixed(name: str, near: dict[str, float], far: dict[str, float]) -> World:
    """Return worlds in which half of the seeds, by chance, are of one kind and half of another."""

    def made(rng: np.random.Generator, *, num_seeds: int, shape: str) -> list[Run]:
        kinds = [world(name, rng, num_seeds=num_seeds, shape=shape, **kind) for kind in (near, far)]
        chosen = dict.fromkeys(sorted({run.seed for run in kinds[0]}))
        for seed in chosen:
            chosen[seed] = int(rng.integers(2))
        return [run for k, runs in enumerate(kinds) for run in runs if chosen[run.seed] == k]

    return made


EDGES: dict[str, World] = {
    # As many seeds peak where they just fit as 4 times further.
    "features-peak, place": mixed("features-peak", {}, {"peak": 4.0}),
    "width-peak, place": mixed("width-peak", {}, {"peak": 4.0}),
    "examples-peak, place": mixed("examples-peak", {}, {"peak": 1 / 3}),
    "features-norm, place": mixed("features-norm", {}, {"norm_peak": 1 / 4}),
    "width-norm, place": mixed("width-norm", {}, {"norm_peak": 4.0}),
    "examples-norm, place": mixed("examples-norm", {}, {"norm_peak": 1 / 3}),
    # As much of a peak as of a trough.
    "features-peak, level": along("features-peak", height=0.0, tilt=0.0, unlike=0.3),
    "width-peak, level": along("width-peak", height=0.0, tilt=0.0, unlike=0.3),
    "examples-peak, level": along("examples-peak", height=0.0, tilt=0.0, unlike=0.3),
    # With decay a bump of just a tenth, ln 1.1 = 0.095, over about half and twice.
    "features-decay": along("features-decay", height=2.0, held=0.158, tilt=0.0, unlike=0.1),
    "width-decay": along("width-decay", height=2.0, held=0.152, tilt=0.0, unlike=0.1),
    "epochs-peak, second": functools.partial(course, rise=0.5, second=math.log(LEAST), unlike=0.1),
    "epochs-peak, no rise": functools.partial(course, rise=0.0, second=1.0, unlike=0.1),
    "threshold-width": wide_later(0.5),
}

FALSE = ("level",)
"""Cases in which the claim is false, and to refute it no mistake."""

OF_SHARES = ("threshold-width",)
"""Claims about how many seeds are so: they have no shape."""

MOST = {
    # What seeds are not, no number of looks mends.
    "skewed": 0.12,
    "pairs": 0.08,
}


@pytest.mark.parametrize("case", EDGES)
def test_a_claim_at_its_edge_is_rarely_decided_either_way(case, full_calibration):
    count = 500 if full_calibration else 2
    own = list(SHAPES)[list(EDGES).index(case) % len(SHAPES)]
    for shape in ("normal",) if case in OF_SHARES else SHAPES if full_calibration else (own,):
        told = decided(case, shape, count, LOOKS if full_calibration else LOOKS[:2])
        most = allowed(count, MOST.get(shape, LEVEL))
        assert told["supported"] <= most, shape
        if case.partition(", ")[2] not in FALSE:
            assert told["refuted"] <= most, shape


def decided(case: str, shape: str, count: int, looks: Sequence[int]) -> dict[str, float]:
    """Return how often a claim is supported and refuted in all looks, and the mean seeds."""
    claim, found = find(case.partition(",")[0]), []
    for i in range(count):
        runs = EDGES[case](np.random.default_rng([21, i]), num_seeds=looks[-1], shape=shape)
        first = min(run.seed for run in runs)
        p_values = []
        for num in looks:
            said = claim.find("quick", [run for run in runs if run.seed < first + num])
            p_values.append(tuple(1.0 if p is None else p for p in (said.p_value, said.p_refuted)))
        found.append(looked_at(p_values, looks))
    return shares_of(found, f"{case}, {shape}")


POWER: dict[str, tuple[str, World, int, str]] = {
    # Claim, world, seeds, outcome: as each claim says of its power.
    "features there": ("features-peak", along("features-peak"), 12, "supported"),
    "features elsewhere": ("features-peak", along("features-peak", peak=4.0), 12, "refuted"),
    "width there": ("width-peak", along("width-peak", apart=0.2), 12, "supported"),
    "width elsewhere": ("width-peak", along("width-peak", peak=4.0), 12, "refuted"),
    "examples there": ("examples-peak", along("examples-peak", apart=0.2), 12, "supported"),
    "examples elsewhere": ("examples-peak", along("examples-peak", peak=0.25), 12, "refuted"),
    "norm there": ("width-norm", along("width-norm", apart=0.2), 12, "supported"),
    "norm elsewhere": ("width-norm", along("width-norm", norm_peak=4.0), 12, "refuted"),
    "decay removes": ("width-decay", along("width-decay", held=-0.2, unlike=0.1), 12, "supported"),
    "decay keeps": ("width-decay", along("width-decay", held=0.8, unlike=0.1), 12, "refuted"),
    "twice": ("epochs-peak", functools.partial(course, second=0.3, unlike=0.1), 12, "supported"),
    "wide later": ("threshold-width", wide_later(0.95), 12, "supported"),
    "wide earlier": ("threshold-width", wide_later(0.05), 12, "refuted"),
    "once": ("epochs-peak", functools.partial(course, second=0.0, unlike=0.1), 12, "refuted"),
}


@pytest.mark.parametrize("case", POWER)
def test_power_is_what_claims_say(case, full_calibration):
    name, made, num_seeds, outcome = POWER[case]
    count = 500 if full_calibration else 8
    claim = find(name)
    found = [
        claim.find("quick", made(np.random.default_rng([22, i]), num_seeds=num_seeds)).outcome
        for i in range(count)
    ]
    told = found.count(outcome) / count
    print(f"\n{case}: {outcome} in {told:.3f}")
    assert told >= 1 - allowed(count, 0.2)
