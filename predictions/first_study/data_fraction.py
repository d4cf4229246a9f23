"""The less data, the longer it takes to generalise (Power et al. 2022, section 3.1, Figure 1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency.training.outcome import GENERALISED, STEADY
from predictions.cells import Cell, Run
from predictions.first_study import slopes
from predictions.first_study.ground import GROUNDS
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Fractions:
    """One size.

    Attributes:
        operation: Whose table.
        fractions: Parts of it that are trained on.
        num_steps: The budget.
        num_seeds: Seeds at each fraction.
    """

    operation: str
    fractions: tuple[float, ...]
    num_steps: int
    num_seeds: int


DESIGNS: dict[Size, Fractions] = {
    "smoke": Fractions(operation="division", fractions=(0.5, 0.7, 0.9), num_steps=300, num_seeds=2),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Fractions(
        operation="division",
        fractions=(0.55, 0.6, 0.65, 0.7, 0.75, 0.8),
        num_steps=10_000,
        num_seeds=8,
    ),
    # A guess, not tried.
    "standard": Fractions(
        operation="division",
        fractions=(0.35, 0.4, 0.45, 0.5, 0.6, 0.7),
        num_steps=30_000,
        num_seeds=8,
    ),
    # Their operation, near the fractions of which they give the slope.
    "paper": Fractions(
        operation="composition",
        fractions=(0.25, 0.26, 0.27, 0.28, 0.29, 0.3, 0.35, 0.4, 0.5),
        num_steps=500_000,
        num_seeds=7,
    ),
}


def percent(run: Run) -> float:
    """Return the part of the table that a run is trained on, in percent, rounded."""
    task = run.settings.task
    return round(100 * run.dataset_size / task.num_examples)


class DataFraction(SelfDesigned):
    """Second finding of the first study (Power et al. 2022, section 3.1, Figure 1 centre)."""

    name: ClassVar[str] = "data-fraction"
    min_seeds: ClassVar[int] = slopes.MIN_SEEDS
    designs: ClassVar[Mapping[Size, Fractions]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as never having generalised"
    title: ClassVar[str] = "Data fraction"
    claim: ClassVar[str] = (
        "The smaller the part of the table that is trained on, the more steps it takes to "
        "generalise."
    )
    rule: ClassVar[str] = (
        f"A run has generalised at the first of {STEADY} records in a row with accuracy on novel "
        f"pairs of at least {GENERALISED:g}; one that has not within the budget counts as "
        "censored, with the chance of being at least so late. The logarithm of the time is fitted "
        "as a line in the percentage of the table, with normal noise; the growth of the time for "
        "each 1% less has the jackknife's 95% interval over seeds. Supported if that lies above 0, "
        "refuted if below. "
        f"A run that diverged {if_diverged}. "
        f"Undecided otherwise, with fewer than {slopes.MIN_SEEDS} seeds, or if too few runs "
        "generalise for a line. Invalid if none does."
    )
    criterion: ClassVar[str] = "more steps for less data: interval above 0"
    refutation: ClassVar[str] = "Times that shorten as data are taken away."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; runs of one seed need not be.",
        "Times are log-normal around a line in the percentage, and what has not come would come: "
        "if below some fraction nothing ever generalises, the slope is that of this range and "
        "budget.",
    )
    power: ClassVar[str] = (
        "8 seeds support the claim in at least 8 of 10 experiments if each 1% less costs 5% more "
        "steps, times spread by a factor of 2 and a quarter of the runs is censored (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Step at which a network has generalised, by the part of the table that it is trained on, "
        "a mark for each run; open marks had not within the budget (dotted). The line is the fit, "
        "with censored runs counted as late. After Figure 1 (centre) of Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "more_steps_per_percent_less": "by how much the time grows for each 1% of the table less; "
        "the paper gives 40 to 50% for S₅ between 25% and 30%",
        "spread": "factor by which times at one fraction spread (one standard deviation)",
        "generalised": "runs at this percentage that generalised within the budget",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        sizes = ", ".join(str(on.part(task, f)) for f in d.fractions)
        return (
            f"{on.describe(task)}, λ = 1; {len(seeds)} seeds at D = {sizes}, for "
            f"{d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        return [
            Cell(settings=on.run(task, on.part(task, f), seed, d.num_steps))
            for f in d.fractions
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counts: Numbers = {
            Labelled("generalised", percent_of_table=round(value)): number
            for value, number in slopes.came(runs, percent).items()
        }
        return slopes.find(runs, percent, counts, _CLAIM)


_CLAIM = slopes.Claim(
    name="more_steps_per_percent_less",
    unit="%",
    number=lambda slope: 100 * math.expm1(-slope),
    rising=False,
    sentence="Each 1% of the table less costs {number} more steps; {late} had not generalised "
    "within the budget.",
)
