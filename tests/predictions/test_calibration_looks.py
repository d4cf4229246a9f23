"""Error rates of clauses about means, ratios and shares, at their edges, in all looks together.

Rules are clauses about what each seed says, so that what holds of a kind of clause for seeds of any
shape holds of every rule that is made of it, whatever it measures. Clauses of another kind have
simulations beside their rules. `make calibration` simulates 2,000 experiments of each (500 of
brackets) through four looks; here some go through two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from predictions.circuit_efficiency.weight_decay.claim import RATIO_MARGIN
from predictions.clauses import LEVEL, Clause, above, decide, most, within
from predictions.plans import doubling
from predictions.ratios import Ratio
from tests.predictions.foretelling import SHAPES
from tests.predictions.looking import allowed, looked_at, shares_of

Draws = np.ndarray
"""(clauses, seeds) numbers of mean 0 and spread 1."""


def numbered(values: Sequence[float]) -> dict[int, float]:
    return dict(enumerate(map(float, values)))


def ratio(draws: Draws, half_width: float) -> list[Clause]:
    """Return the clause on a ratio whose mean is at its margin, known within brackets."""
    logs = math.log(RATIO_MARGIN) + 0.1 * draws[0]
    # Where a value lies in its bracket is a matter of where the sizes of a design happen to be.
    shift = half_width * np.sin(1e3 * draws[0])
    known = {
        seed: (float(log + by - half_width), float(log + by + half_width))
        for seed, (log, by) in enumerate(zip(logs, shift, strict=True))
    }
    return [Ratio(by_seed=known).near_one("ratio", RATIO_MARGIN)]


EDGES: dict[str, Callable[[Draws], list[Clause]]] = {
    # The mean of each is exactly what separates holding from failing.
    "above": lambda draws: [above("x", numbered(draws[0]), 0.0)],
    "within a wide margin": lambda draws: [within("x", numbered(4 + draws[0]), 4.0)],
    "within a narrow margin": lambda draws: [within("x", numbered(0.5 + draws[0]), 0.5)],
    "a ratio": lambda draws: ratio(draws, 0.04),
    "a ratio in wide brackets": lambda draws: ratio(draws, 0.15),
    "most": lambda draws: [most("x", {i: bool(x > 0) for i, x in enumerate(draws[0])})],
    "one of three": lambda draws: [
        above("x", numbered(draws[0]), 0.0),
        *(above(name, numbered(9 + draws[i]), 0.0) for i, name in ((1, "y"), (2, "z"))),
    ],
    "three at once": lambda draws: [
        above(name, numbered(draws[i]), 0.0) for i, name in enumerate("xyz")
    ],
}

CASES = [
    (edge, first)
    for edge in EDGES
    # Means of brackets take a hundred times as long as others.
    for first in ((12,) if edge.startswith("a ratio") else (6, 12, 24))
]
"""What is simulated, and from how many seeds on a first look."""

# What seeds are not, no number of looks mends: of six skewed ones a t test errs by itself in 11%.
MOST = {"skewed": {6: 0.12, 12: 0.10, 24: 0.08}, "pairs": {6: 0.08, 12: 0.08, 24: 0.08}}
"""What a clause may err with in place of 5%, by shape and seeds of the first look."""

TOO_OFTEN = ("three at once", "skewed")
"""Three clauses at their edges, skewed alike, refute too often: known, see decision 014."""


def experiment(
    edge: str, shape: str, looks: Sequence[int], rng: np.random.Generator
) -> tuple[str, int]:
    """Return what all looks together say, and at which of them."""
    draws = np.stack([SHAPES[shape](rng, looks[-1]) for _ in range(3)])
    if edge == "most" and shape == "skewed":
        draws += 1 - math.log(2)  # its median, and not its mean, is at the edge
    found = [decide(EDGES[edge](draws[:, :num])) for num in looks]
    return looked_at([(one.p_value, one.p_refuted) for one in found], looks)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize(("edge", "first"), CASES)
def test_a_clause_at_its_edge_is_rarely_decided_either_way(
    edge, first, shape, full_calibration, request
):
    if full_calibration and (edge, shape) == TOO_OFTEN:
        request.applymarker(pytest.mark.xfail(strict=True, reason="errs in 16 to 28%"))
    slow = edge.startswith("a ratio")
    count = (500 if slow else 2000) if full_calibration else 2 if slow else 10
    looks = doubling(first) if full_calibration else doubling(first)[:2]
    found = [
        experiment(edge, shape, looks, np.random.default_rng([21, first, i])) for i in range(count)
    ]
    told = shares_of(found, f"{edge}, {shape}, from {first} seeds")
    at_most = allowed(count, MOST.get(shape, {}).get(first, LEVEL))
    assert told["supported"] <= at_most
    assert told["refuted"] <= at_most
