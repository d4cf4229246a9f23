"""Training from scratch near the critical size: runs that three predictions read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from pydantic import PositiveInt

from efficiency.settings import RecordingSettings, RunSettings
from efficiency.statistics import critical_size
from predictions.cells import Cell, Run
from predictions.designs import DatasetSizes, Part
from predictions.grounds import Ground, schedule
from predictions.judging import retained
from predictions.ratios import Bounds


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size, on the ground of ``predictions.grounds``; λ = 1.

    Attributes:
        sizes: D, from where no network generalises to where every one does.
        num_steps: The budget; η falls to 0 over its last tenth.
    """

    sizes: DatasetSizes
    num_steps: PositiveInt


DESIGNS = Part[Design](
    "scratch",
    {
        "smoke": Design(sizes=(30, 45, 68, 100), num_steps=3000),
        # Chosen by measurement: docs/decisions/008-the-family.md.
        "quick": Design(sizes=(330, 355, 382, 411, 467), num_steps=40_000),
        "standard": Design(sizes=(820, 940, 1080, 1240, 1420), num_steps=40_000),
        # Four of the paper's 20 sizes between 1500 and 2050, and three around them; it trained for
        # 1e7 steps and more.
        "paper": Design(sizes=(1200, 1350, 1500, 1532, 1683, 1867, 2050), num_steps=10_000_000),
    },
)


def scratch_arm(ground: Ground, seeds: Iterable[int]) -> list[Cell]:
    """Return the runs from scratch."""
    design = DESIGNS.on(ground)
    return [
        Cell(
            settings=RunSettings(
                task=ground.task,
                network=ground.network,
                optimiser=schedule(ground.learning_rate, 1.0, 0.1),
                dataset_size=D,
                data_seed=seed,
                init_seed=seed,
                num_steps=design.num_steps,
                recording=RecordingSettings(num_log=40, num_even=80),
            )
        )
        for seed, D in product(seeds, ground.scaled(design.sizes))
    ]


def usable(runs: Sequence[Run]) -> tuple[dict[int, dict[int, Run]], list[str]]:
    """Return the runs that count, by seed and dataset size, and why others do not.

    A run counts if it has not diverged and fits its examples at the end. A seed with a hole in its
    sizes does not count: it would be compared with others on unlike terms.
    """
    sizes = {run.dataset_size for run in runs}
    by_seed: dict[int, dict[int, Run]] = {}
    why: dict[int, list[str]] = {}
    for run in runs:
        seed, D = run.seed, run.dataset_size
        by_seed.setdefault(seed, {})[D] = run
        if run.outcome.status == "diverged":
            why.setdefault(seed, []).append(f"at D = {D} it diverged")
        elif run.number("train_accuracy") < 1:
            why.setdefault(seed, []).append(f"at D = {D} it does not fit its examples")
    for seed, by_size in by_seed.items():
        if missing := sorted(sizes - by_size.keys()):
            why.setdefault(seed, []).append(f"there is no run at D = {missing}")
    notes = [f"Seed {seed} is left out: {'; '.join(why[seed])}." for seed in sorted(why)]
    counted = {
        seed: dict(sorted(by_seed[seed].items())) for seed in sorted(by_seed) if seed not in why
    }
    return counted, notes


def midpoint(by_size: Mapping[int, Run]) -> Bounds:
    """Return bounds on log D at which half of the accuracy is reached within the budget."""
    return critical_size.crossing(
        list(by_size), [retained(run) for run in by_size.values()]
    ).threshold
