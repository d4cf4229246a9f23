"""Whether a larger table takes longer, at the same part of it (asked by readers of the study)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency.training.outcome import GENERALISED, STEADY
from predictions.cells import Cell, Run
from predictions.first_study import slopes
from predictions.first_study.ground import GROUNDS
from predictions.grounds import named
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Tables:
    """One size.

    Attributes:
        operation: Whose tables.
        moduli: p of each.
        fraction: Part of every table that is trained on.
        num_steps: The budget.
        num_seeds: Seeds at each p.
    """

    operation: str
    moduli: tuple[int, ...]
    fraction: float
    num_steps: int
    num_seeds: int


DESIGNS: dict[Size, Tables] = {
    "smoke": Tables(operation="addition", moduli=(5, 7), fraction=0.7, num_steps=200, num_seeds=2),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Tables(
        operation="addition",
        moduli=(17, 23, 29, 37, 43),
        fraction=0.65,
        num_steps=6000,
        num_seeds=8,
    ),
    # A guess, not tried.
    "standard": Tables(
        operation="addition",
        moduli=(29, 41, 59, 79, 97),
        fraction=0.5,
        num_steps=20_000,
        num_seeds=8,
    ),
    # No paper asked this; their network and training.
    "paper": Tables(
        operation="addition",
        moduli=(29, 47, 71, 97, 137, 193),
        fraction=0.4,
        num_steps=100_000,
        num_seeds=7,
    ),
}


def log_modulus(run: Run) -> float:
    """Return ln p."""
    return math.log(run.table.size)


class TableSize(SelfDesigned):
    """A question of the first study's readers."""

    name: ClassVar[str] = "table-size"
    min_seeds: ClassVar[int] = slopes.MIN_SEEDS
    designs: ClassVar[Mapping[Size, Tables]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as never having generalised"
    title: ClassVar[str] = "Table size"
    claim: ClassVar[str] = (
        "The larger the table, the more steps it takes to generalise from the same part of it."
    )
    rule: ClassVar[str] = (
        f"A run has generalised at the first of {STEADY} records in a row with accuracy on novel "
        f"pairs of at least {GENERALISED:g}; one that has not within the budget counts as "
        "censored, with the chance of being at least so late. The logarithm of the time is fitted "
        "as a line in ln p, with normal noise; the slope's 95% interval is the jackknife's over "
        "seeds. Supported if that interval lies above 0, refuted if below. "
        f"A run that diverged {if_diverged}. "
        "Undecided otherwise, "
        f"with fewer than {slopes.MIN_SEEDS} seeds, or if too few runs generalise for a line. "
        "Invalid if none does."
    )
    criterion: ClassVar[str] = "exponent of p: interval above 0"
    refutation: ClassVar[str] = "Larger tables that generalise sooner."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; runs of one seed need not be.",
        "Times are log-normal around a power of p, and what has not come would come.",
        "Network, learning rate and weight decay are the same for every p: a larger table is "
        "learned by a relatively smaller network.",
    )
    power: ClassVar[str] = (
        "8 seeds support the claim in at least 8 of 10 experiments if times grow as the power 1.2 "
        "of p, spread by a factor of 2 and a third of the runs is censored (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Step at which a network has generalised, by the size p of the table, a mark for each run; "
        "open marks had not within the budget (dotted). The line is the fit, with censored runs "
        "counted as late."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "exponent": "power of p with which the time grows",
        "spread": "factor by which times at one p spread (one standard deviation)",
        "generalised": "runs at this p that generalised within the budget",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        moduli = ", ".join(map(str, d.moduli))
        return (
            f"{d.operation} mod p = {moduli}, {100 * d.fraction:g}% of each table, "
            f"{named(on.network)}, λ = 1, {on.training()}; {len(seeds)} seeds each, for "
            f"{d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        tasks_ = [on.task(d.operation, p) for p in d.moduli]
        return [
            Cell(settings=on.run(task, on.part(task, d.fraction), seed, d.num_steps))
            for task in tasks_
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counts: Numbers = {
            Labelled("generalised", modulus=round(math.exp(value))): number
            for value, number in slopes.came(runs, log_modulus).items()
        }
        return slopes.find(runs, log_modulus, counts, _CLAIM)


_CLAIM = slopes.Claim(
    name="exponent",
    unit="1",
    number=lambda slope: slope,
    rising=True,
    sentence="At the same part of the table the time to generalise goes as p to the power "
    "{number}; {late} had not generalised within the budget.",
)
