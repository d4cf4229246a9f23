"""What controls share: start networks that are continued on few examples, in several ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from efficiency.settings import RunSettings
from predictions.cells import Cell
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS
from predictions.grounds import Ground

NUM_SIZES = 3
"""Of the dataset sizes of ungrokking, the smallest."""

Ways = Mapping[str, Callable[[Ground, RunSettings, int], RunSettings]]
"""The arms, each from a start network and D' to the run that continues it there."""


def continuations(ground: Ground, num_seeds: int | None, ways: Ways) -> list[Cell]:
    """Return start networks, and what continues each at every size in every way."""
    cells = []
    for seed in ground.seeds(num_seeds):
        start = ground.start(seed)
        cells.append(Cell(settings=start, role="start"))
        for D in ground.scaled(DESIGNS.on(ground).sizes[:NUM_SIZES]):
            for arm, way in ways.items():
                cells.append(Cell(settings=way(ground, start, D), arm=arm))
    return cells


def described(ground: Ground, num_seeds: int | None, ways: str) -> str:
    """Return the same in words, from a phrase of how they are continued."""
    sizes = ground.listed(DESIGNS.on(ground).sizes[:NUM_SIZES])
    return (
        f"{ground.describe()}; {len(ground.seeds(num_seeds))} start networks trained on the whole "
        f"table for {ground.start_steps:,} steps, each continued on D' = {sizes} examples {ways}."
    )
