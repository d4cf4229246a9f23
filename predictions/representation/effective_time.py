"""Whether the line comes when the effective theory, left to itself, says it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics.intervals import RankCorrelation, TooFewError, rank_correlation
from predictions.cells import Cell, Run
from predictions.clauses import Clause, decide
from predictions.judging import count, middle, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.representation.toy import (
    ASSUMPTIONS,
    DECODER_RATE,
    EMBEDDING_RATE,
    TOYS,
    flow_time,
    slowest_rate,
    step_found,
)
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LEAST = 0.3
"""Rank correlation below which the theory says too little of a time to speak of."""

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


class EffectiveTime(SelfDesigned):
    """Section 4.2 and Figure 5 of Liu et al. (2022), network by network, at one size."""

    name: ClassVar[str] = "effective-time"
    title: ClassVar[str] = "The time of the effective theory"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Times]] = DESIGNS
    if_diverged: ClassVar[str] = "is left out"
    claim: ClassVar[str] = (
        "Trained on as many examples, a network finds the linear representation the later, the "
        "later the effective theory does from its own first embeddings on its own examples."
    )
    rule: ClassVar[str] = (
        "Over seeds at one D, Spearman's correlation of two times: the first recorded step at "
        "which embeddings close 95% of parallelograms, and when they would if nothing moved them "
        "but the relations between examples (gradient flow of the effective loss, no decoder). "
        "A network that never finds the line shares the last rank with all that do not. A run that "
        f"diverged {if_diverged}, and one of which the theory says never. Supported if the 95% "
        f"interval (Fisher's z) lies above {LEAST:g}, refuted if it lies below. Undecided "
        f"otherwise, and with fewer than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = f"rank correlation above {LEAST:g}"
    refutation: ClassVar[str] = f"A rank correlation below {LEAST:g}."
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMPTIONS,
        "At one D: all times fall with D, so that over several sizes they go together whatever the "
        "theory.",
        "Of λ₃, the rate of the slowest mode that examples forbid, the paper makes 1/λ₃ a time. At "
        "one D it varies by a sixth, less than what first embeddings have of that mode: the "
        "theory's own times go with it by 0.42 only. It is reported.",
        "Seeds 19000 to 19011 were looked at: 0.7 at D from 38 on, by 1/λ₃ alone 0.3 to 0.65.",
    )
    power: ClassVar[str] = (
        "40 seeds support the claim in at least 8 of 10 experiments if the correlation is 0.7, "
        "and refute it if it is −0.2 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Step at which embeddings close 95% of parallelograms against the time that the effective "
        "theory has for it, a mark for each network; open marks had not by the end. After Figure 5 "
        "of Liu et al. (2022), which has 1/λ₃ there."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        RANKS: "Spearman's, of the theory's time with the step at which the line is found",
        "by_slowest_mode": "the same of 1/λ₃ in place of the theory's time",
        "share_found": "of networks, within the budget",
        "step_found": "of those that find it, median and range, or of one network",
        "time_foretold": "of the theory, in units of 1/η, median and range over seeds, or of one",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{TOYS[size].describe()}; {len(seeds)} seeds at D = {d.dataset_size}, for "
            f"{d.num_steps:,} steps, η = {EMBEDDING_RATE:g} of embeddings and {DECODER_RATE:g} of "
            "the decoder, without weight decay."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, toy = DESIGNS[size], TOYS[size]
        return [Cell(settings=toy.run(d.dataset_size, seed, d.num_steps)) for seed in seeds]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        runs = sorted(runs, key=lambda run: run.seed)
        foretold = {run.seed: flow_time(run.settings) for run in runs}
        kept = [
            run
            for run in runs
            if run.outcome.status != "diverged" and foretold[run.seed] < math.inf
        ]
        if len(kept) < MIN_SEEDS:
            few = f"{too_few(len(kept), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        time = [foretold[run.seed] for run in kept]
        step = [step_found(run) for run in kept]
        came = [one for one in step if one < math.inf]
        numbers: Numbers = {
            "share_found": count(len(came), len(kept), "runs"),
            "time_foretold": middle(time),
        }
        if came:
            numbers["step_found"] = middle(came)
        never = 2.0 * max(run.settings.num_steps for run in kept)
        observed = np.minimum(step, never)
        try:
            ranks = rank_correlation(time, observed)
            # The order of 1/λ₃, which is infinite where more than a line is left.
            modes = rank_correlation([-slowest_rate(run.settings) for run in kept], observed)
        except TooFewError:
            return Finding(
                outcome="undecided",
                sentence="No network finds the line, or all at one step: there is no order.",
                numbers=numbers,
            )
        numbers = {
            RANKS: _estimate(ranks, len(kept)),
            "by_slowest_mode": _estimate(modes, len(kept)),
            **numbers,
        }
        for run, foretold_time, at in zip(kept, time, step, strict=True):
            numbers[Labelled("time_foretold", seed=run.seed)] = Estimate(
                value=foretold_time, low=None, high=None, n=1, unit="1"
            )
            numbers[Labelled("step_found", seed=run.seed)] = _step(run, at)
        clause = Clause(number=RANKS, holds=ranks.p_greater(LEAST), fails=ranks.p_less(LEAST))
        return Finding.of(
            decide([clause]),
            "The step at which the line is found and the theory's time have a rank correlation of "
            f"{numbers[RANKS]} over {plural(len(kept), 'seed')}, {len(came)} of which find it.",
            numbers,
        )


def _step(run: Run, at: float) -> Estimate:
    """Return when a network finds the line; censored if it does not."""
    if at < math.inf:
        return Estimate(value=at, low=None, high=None, n=1, unit="steps")
    last = float(run.settings.num_steps)
    return Estimate(value=None, low=last, high=None, n=1, unit="steps", status="censored")


def _estimate(ranks: RankCorrelation, n: int) -> Estimate:
    found = ranks.interval
    return Estimate(value=found.value, low=found.low, high=found.high, n=n, unit="1")
