"""Whether the line comes as fast as the slowest relation of the examples lets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics.intervals import TooFewError, rank_correlation
from predictions.cells import Cell, Run
from predictions.clauses import Clause, decide
from predictions.judging import count, middle, plural, too_few
from predictions.labelled import Numbers
from predictions.representation.toy import ASSUMPTIONS, TOYS, slowest_rate, step_found
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LEAST = 0.3
"""Rank correlation below which λ₃ says too little of a time to speak of."""

MIN_SEEDS = 8

RANKS = "rank_correlation"


@dataclass(frozen=True, kw_only=True)
class Times:
    """One size.

    Attributes:
        dataset_size: D.
        num_steps: The budget.
        num_seeds: Networks.
    """

    dataset_size: int
    num_steps: int
    num_seeds: int


DESIGNS: dict[Size, Times] = {
    "smoke": Times(dataset_size=13, num_steps=200, num_seeds=2),
    "quick": Times(dataset_size=44, num_steps=6000, num_seeds=40),
    # Not tried.
    "standard": Times(dataset_size=44, num_steps=10_000, num_seeds=40),
    "paper": Times(dataset_size=44, num_steps=100_000, num_seeds=40),
}


class SlowestMode(SelfDesigned):
    """Section 4.2 and Figure 5 of Liu et al. (2022), within one size of the training set."""

    name: ClassVar[str] = "slowest-mode"
    title: ClassVar[str] = "The slowest mode"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Times]] = DESIGNS
    if_diverged: ClassVar[str] = "is left out"
    claim: ClassVar[str] = (
        "Among training sets of one size, a network finds the linear representation the later the "
        "smaller λ₃ is, the rate of the slowest mode that its examples forbid."
    )
    rule: ClassVar[str] = (
        "Over seeds at one D: Spearman's correlation of 1/λ₃ with the first recorded step at which "
        "embeddings close 95% of parallelograms; who never do come last, together. A run that "
        f"diverged {if_diverged}, and one whose examples leave more than a line, of which λ₃ is 0. "
        f"Supported if its 95% interval (Fisher's z) lies above {LEAST:g}, refuted if it lies "
        f"below. Undecided otherwise, and with fewer than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = f"rank correlation above {LEAST:g}"
    refutation: ClassVar[str] = f"A rank correlation below {LEAST:g}."
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMPTIONS,
        "At one D: time and 1/λ₃ both fall with D, so that over several sizes they go together "
        "whatever the theory.",
        "Initial weights differ between seeds too, of which λ₃ knows nothing.",
    )
    power: ClassVar[str] = (
        "40 seeds support the claim in at least 8 of 10 experiments if the correlation is 0.7, "
        "and refute it if it is −0.2 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Step at which embeddings close 95% of parallelograms against 1/λ₃ of the examples, a mark "
        "for each network; open marks had not by the end. After Figure 5 of Liu et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        RANKS: "Spearman's, of 1/λ₃ with the step at which the line is found, over seeds",
        "share_found": "of networks, within the budget",
        "step_found": "of those that find it, median and range",
        "time_scale": "1/λ₃, median and range over seeds",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{TOYS[size].describe()}; {len(seeds)} seeds at D = {d.dataset_size}, for "
            f"{d.num_steps:,} steps, without weight decay."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, toy = DESIGNS[size], TOYS[size]
        return [Cell(settings=toy.run(d.dataset_size, seed, d.num_steps)) for seed in seeds]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        runs = sorted(runs, key=lambda run: run.seed)
        rate = {run.seed: slowest_rate(run.settings) for run in runs}
        kept = [run for run in runs if run.outcome.status != "diverged" and rate[run.seed] > 1e-9]
        if len(kept) < MIN_SEEDS:
            few = f"{too_few(len(kept), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        scale = [1 / rate[run.seed] for run in kept]
        step = [step_found(run) for run in kept]
        came = [one for one in step if one != float("inf")]
        numbers: Numbers = {
            "share_found": count(len(came), len(kept), "runs"),
            "time_scale": middle(scale),
        }
        if came:
            numbers["step_found"] = middle(came)
        try:
            never = 2.0 * max(run.settings.num_steps for run in kept)
            ranks = rank_correlation(scale, np.minimum(step, never))
        except TooFewError:
            return Finding(
                outcome="undecided",
                sentence="No network finds the line, or all at one step: there is no order.",
                numbers=numbers,
            )
        found = ranks.interval
        numbers = {
            RANKS: Estimate(
                value=found.value, low=found.low, high=found.high, n=len(kept), unit="1"
            ),
            **numbers,
        }
        clause = Clause(number=RANKS, holds=ranks.p_greater(LEAST), fails=ranks.p_less(LEAST))
        return Finding.of(
            decide([clause]),
            f"The step at which the line is found and 1/λ₃ have a rank correlation of "
            f"{numbers[RANKS]} over {plural(len(kept), 'seed')}, {len(came)} of which find it.",
            numbers,
        )
