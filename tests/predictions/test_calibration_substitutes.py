"""Error rates and power of the claims about what stands in for weight decay, in all looks together.

Worlds stand at the edge of what a claim may say. `make calibration` runs 500 experiments of each
through four looks; here a few go through two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from predictions.circuit_efficiency.substitutes.claim import Substitute
from predictions.circuit_efficiency.substitutes.judge import Paired
from predictions.circuit_efficiency.weight_decay.claim import RATIO_MARGIN
from predictions.clauses import LEVEL, decide
from predictions.groups import SUBSTITUTES
from tests.predictions.foretelling import SHAPES
from tests.predictions.looking import LOOKS, allowed, looked_at, shares_of
from tests.predictions.test_substitutes import planted

SPREAD = 0.1
"""Of log ratios within start networks."""

World = Callable[[np.random.Generator, str, int], list[tuple[float, float]]]
"""Thresholds of start networks, with decay and in the other way."""


def thresholds(
    rng: np.random.Generator,
    shape: str,
    num: int,
    *,
    ratio: float = 1.0,
    between: float = 0.2,
    own: bool = True,
    middle: float = 180.0,
) -> list[tuple[float, float]]:
    """Return thresholds that differ by a ratio and a spread of this shape."""
    apart = SPREAD * SHAPES[shape](rng, num)
    decayed, fresh = (between * rng.normal(size=num) for _ in range(2))
    other = (decayed if own else fresh) + math.log(ratio) + apart
    return [
        (middle * math.exp(one), middle * math.exp(two))
        for one, two in zip(decayed, other, strict=True)
    ]


EDGES: dict[str, World] = {
    "held-norm-size": lambda rng, shape, num: thresholds(rng, shape, num, ratio=RATIO_MARGIN),
    "held-norm-size, lower": lambda rng, shape, num: thresholds(
        rng, shape, num, ratio=1 / RATIO_MARGIN
    ),
    # Equal in the mean, and nobody's own.
    "held-norm-size, shuffled": lambda rng, shape, num: thresholds(rng, shape, num, own=False),
    # Half of the accuracy at the smallest size is the edge of a fall.
    "held-norm": lambda rng, shape, num: thresholds(rng, shape, num, middle=50.0, between=0.1),
}

MOST = {
    # What seeds are not, no number of looks mends.
    ("held-norm-size", "skewed"): 0.12,
    ("held-norm-size", "pairs"): 0.08,
    ("held-norm", "skewed"): 0.12,
    ("held-norm", "pairs"): 0.08,
}


def experiment(
    name: str, world: World, shape: str, rng: np.random.Generator, looks: Sequence[int]
) -> tuple[str, int]:
    """Return what all looks together say, and at which of them."""
    claim = SUBSTITUTES[name.partition(",")[0]]
    assert isinstance(claim, Substitute)
    runs = planted(claim.name, given=world(rng, shape, looks[-1]))
    seeds = sorted({run.settings.data_seed for run in runs})
    p_values = []
    for num in looks:
        first = [run for run in runs if run.settings.data_seed < seeds[0] + num]
        found = decide(claim.clauses(Paired.of(claim.way, first)))
        p_values.append((found.p_value, found.p_refuted))
    return looked_at(p_values, looks)


def shares(name: str, world: World, shape: str, count: int) -> dict[str, float]:
    """Return how often a claim is supported and refuted, and the mean number of seeds."""
    looks = LOOKS if count >= 500 else LOOKS[:2]
    found = [
        experiment(name, world, shape, np.random.default_rng([18, i]), looks) for i in range(count)
    ]
    return shares_of(found, f"{name}, {shape}")


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("name", list(EDGES))
def test_a_claim_at_its_edge_is_rarely_decided_either_way(name, shape, full_calibration):
    count = 500 if full_calibration else 4
    told = shares(name, EDGES[name], shape, count)
    most = allowed(count, MOST.get((name.partition(",")[0], shape), LEVEL))
    assert told["supported"] <= most
    # Thresholds that are nobody's own are no edge of what refutes the claim.
    if not name.endswith("shuffled"):
        assert told["refuted"] <= most


@pytest.mark.parametrize(
    ("ratio", "own", "outcome"),
    [(1.0, True, "supported"), (1.6, True, "refuted"), (1.0, False, "refuted")],
)
def test_a_claim_is_decided_where_the_world_is_plain(ratio, own, outcome, full_calibration):
    count = 500 if full_calibration else 6

    def world(rng: np.random.Generator, shape: str, num: int) -> list[tuple[float, float]]:
        return thresholds(rng, shape, num, ratio=ratio, own=own)

    told = shares("held-norm-size", world, "normal", count)
    assert told[outcome] >= 1 - allowed(count, 0.2)
