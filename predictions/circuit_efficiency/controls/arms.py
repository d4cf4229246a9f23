"""What controls share: start networks that are continued on few examples, in several ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from efficiency.settings import RunSettings
from predictions.circuit_efficiency.ungrokking.claim import DESIGNS
from predictions.grounds import Ground

NUM_SIZES = 3
"""Of the dataset sizes of ungrokking, the smallest."""

Arms = Callable[[Ground, RunSettings, int], Sequence[RunSettings]]
"""From a start network and D' to the runs that continue it there."""


def continuations(ground: Ground, num_seeds: int | None, arms: Arms) -> list[RunSettings]:
    """Return start networks, and what continues each at every size."""
    runs = []
    for seed in ground.seeds(num_seeds):
        start = ground.start(seed)
        runs.append(start)
        for D in ground.scaled(DESIGNS.on(ground).sizes[:NUM_SIZES]):
            runs.extend(arms(ground, start, D))
    return runs


def described(ground: Ground, num_seeds: int | None, ways: str) -> str:
    """Return the same in words, from a phrase of how they are continued."""
    sizes = ground.listed(DESIGNS.on(ground).sizes[:NUM_SIZES])
    return (
        f"{ground.describe()}; {len(ground.seeds(num_seeds))} start networks trained on the whole "
        f"table for {ground.start_steps:,} steps, each continued on D' = {sizes} examples {ways}."
    )
