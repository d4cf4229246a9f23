"""What simulated experiments say in all their looks, and how often chance lets them err."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from predictions.clauses import LEVEL, outcome_by
from predictions.plans import Plan, doubling

LOOKS = doubling(12)
PLAN = Plan(prediction="x", size="quick", options=(), looks=LOOKS, rule="", design="")


def looked_at(
    p_values: Sequence[tuple[float, float]], looks: Sequence[int] = LOOKS
) -> tuple[str, int]:
    """Return what all looks together say, and at which of them, from both p-values of each."""
    for k, both in enumerate(p_values, start=1):
        outcome = outcome_by(*(PLAN.factor(k) * p for p in both))
        if outcome != "undecided":
            return outcome, looks[k - 1]
    return "undecided", looks[-1]


def shares_of(found: Sequence[tuple[str, int]], what: str) -> dict[str, float]:
    """Return how often experiments supported and refuted, and their mean seeds; print it."""
    outcomes = [outcome for outcome, _ in found]
    told = {one: outcomes.count(one) / len(found) for one in ("supported", "refuted")}
    told["seeds"] = float(np.mean([n for _, n in found]))
    print(f"\n{what}: {told}")
    return told


def allowed(count: int, level: float = LEVEL) -> float:
    """Return the largest share that chance allows once in a thousand at this level."""
    return float(stats.binom.ppf(0.999, count, level)) / count
