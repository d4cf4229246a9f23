"""The runs of ungrokking: start networks, and what continues them on fewer examples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import NonNegativeInt, PositiveInt

from efficiency.settings import RunSettings
from predictions.cells import Cell, starting
from predictions.designs import DatasetSizes, Part, WeightDecays
from predictions.grounds import Ground, schedule, steps_at

WHOLE, HELD_OUT = "whole table", "held out"
"""Arms by what start networks were trained on: the whole table, or nine tenths of it."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size of the experiment, on the ground of ``predictions.grounds``.

    Attributes:
        sizes: D', the dataset sizes that start networks are continued on.
        weight_decays: λ of the continuations; start networks have λ = 1.
        steps_at_one: Length of a continuation at λ = 1; at other λ the same in units of η·λ·steps.
        held_out_sizes: D' of the second arm, whose start networks never saw a tenth of the table.
        held_out_seeds: Start networks of the second arm, at most all.
    """

    sizes: DatasetSizes
    weight_decays: WeightDecays = (0.5, 1.0, 2.0)
    steps_at_one: PositiveInt
    held_out_sizes: tuple[PositiveInt, ...] = ()
    held_out_seeds: NonNegativeInt = 6


PAPER_SIZES = (390, 488, 610, 763, 955, 1194, 1494)
"""D' of the paper's Figure 7."""

DESIGNS = Part[Design](
    "ungrokking",
    {
        "smoke": Design(
            sizes=(10, 20, 40, 80),
            weight_decays=(1.0, 2.0),
            steps_at_one=1000,
            held_out_sizes=(40,),
            held_out_seeds=3,
        ),
        # Chosen by measurement: docs/decisions/005-quick-size.md.
        "quick": Design(
            sizes=(50, 72, 103, 147, 211, 303),
            steps_at_one=3000,
            held_out_sizes=(103, 147),
        ),
        "standard": Design(
            sizes=(151, 206, 280, 382, 520, 709),
            steps_at_one=6000,
            held_out_sizes=(280, 382),
            held_out_seeds=3,
        ),
        # docs/decisions/019-replication.md.
        "replication": Design(
            sizes=PAPER_SIZES,
            steps_at_one=12_000,
            held_out_seeds=0,
        ),
        # The 100,000 steps of the paper's Figure 8; weight decays assumed.
        "paper": Design(
            sizes=PAPER_SIZES,
            steps_at_one=100_000,
            held_out_sizes=(610, 763, 955),
        ),
    },
)

HELD_OUT_FRACTION = 0.1
"""Part of the table that the start networks of the second arm never see."""


def continued(ground: Ground, start: RunSettings, dataset_size: int, decay: float) -> RunSettings:
    """Return the run that continues a start network on fewer examples."""
    return RunSettings(
        task=start.task,
        network=start.network,
        optimiser=schedule(ground.learning_rate, decay, 0.25),
        dataset_size=dataset_size,
        data_seed=start.data_seed,
        start=start,
        num_steps=steps_at(decay, DESIGNS.on(ground).steps_at_one),
    )


def main_arm(ground: Ground, seeds: Iterable[int]) -> list[Cell]:
    """Return start networks that know the whole table, and all that continues them."""
    design = DESIGNS.on(ground)
    cells = []
    for seed in seeds:
        start = ground.start(seed)
        grid = itertools.product(ground.scaled(design.sizes), design.weight_decays)
        later = [continued(ground, start, D, decay) for D, decay in grid]
        cells += starting([start], later, arm=WHOLE)
    return cells


def held_out_arm(ground: Ground, seeds: Iterable[int]) -> list[Cell]:
    """Return start networks that never saw a tenth of the table, and what continues them."""
    kept = round((1 - HELD_OUT_FRACTION) * ground.num_pairs)
    sizes = ground.scaled(DESIGNS.on(ground).held_out_sizes)
    cells = []
    for seed in seeds:
        start = ground.start(seed, kept)
        later = [continued(ground, start, D, 1.0) for D in sizes]
        cells += starting([start], later, arm=HELD_OUT)
    return cells
