"""Whether networks unlearn induction below a number of facts, or below one of sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from predictions.cells import Cell, Run
from predictions.clauses import Clause, above, below
from predictions.judging import over_seeds, plural, share_settled
from predictions.labelled import Labelled, Numbers
from predictions.phase_changes.base import NOT_DECIDED, BySeed, PhaseChange
from predictions.phase_changes.facts import ASSUMPTIONS, DECAY, DESIGNS, Facts, arm
from predictions.phase_changes.induction_claims import LEARNED, LEAST_LOST, token_accuracy
from predictions.ratios import Bounds, Ratio
from predictions.sizes import Size

MARGIN = 1.25
"""Factor within which two numbers of facts are the same; that of foretold critical sizes."""

THRESHOLD, RATIO = "threshold_in_facts", "ratio_of_thresholds"

AT_HALF_TIME, SETTLED = "threshold_at_half_time", "share_settled"

ALONE, FITTED = "token_accuracy_lost_without_decay", "training_token_accuracy"

GLOSSARY = {
    THRESHOLD: "facts, D'·(L − 1), at which half of the share of test tokens that were right "
    "beyond chance is kept, geometric mean over seeds",
    AT_HALF_TIME: "the same after half of the steps",
    SETTLED: "of networks that were continued with decay",
    RATIO: "threshold in facts of short stretches / of long ones, geometric mean over seeds",
    ALONE: "test accuracy of tokens before − after training on few facts with λ = 0, mean over "
    "seeds",
    FITTED: "share of tokens that are right on training sequences, on few facts with decay, mean "
    "over seeds",
}


class Counting(PhaseChange):
    """A claim about the number of facts below which induction is unlearned.

    Attributes:
        margin: Factor within which thresholds of both lengths must agree.
    """

    designs: ClassVar[Mapping[Size, Facts]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = ASSUMPTIONS
    glossary: ClassVar[Mapping[str, str]] = GLOSSARY
    margin: ClassVar[float]
    figure_caption: ClassVar[str] = (
        "What is kept of the share of test tokens that were right beyond chance, by facts (left) "
        "and by sequences (right), a line for each seed, orange for short stretches and blue for "
        "long ones. Crosses: without decay. Dotted: the half that a threshold is read at."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = self.designs[size]
        short, long = d.lengths
        return (
            f"{d.of_length(short).describe()}; the same with stretches of {long}. Two layers, "
            f"{d.stretches.num_steps:,} steps on fresh sequences, then "
            f"{d.stretches.later_steps:,} on {', '.join(map(str, d.facts))} facts with λ = "
            f"{DECAY:g} and on {d.few} with λ = 0, {d.batch_facts} facts a step; {len(seeds)} "
            "seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = self.designs[size]
        found = []
        for length in d.lengths:
            starts = [d.of_length(length).stream(2, seed) for seed in seeds]
            found += [Cell(settings=start, role="start") for start in starts]
            ways = [(facts, DECAY) for facts in d.facts] + [(d.few, 0.0)]
            found += [
                Cell(
                    settings=d.continued(start, length, facts, weight_decay),
                    arm=arm(length, facts, decays=weight_decay > 0),
                )
                for facts, weight_decay in ways
                for start in starts
            ]
        return found

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        return {
            seed: arms
            for seed, arms in seeds.items()
            if all(before(run) > LEARNED for run in arms.values())
        }

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        numbers: Numbers = {}
        thresholds: list[dict[int, Bounds]] = []
        others: list[Clause] = []
        moving: list[Run] = []
        lengths = lengths_of(seeds)
        for length in lengths:
            sweeps = {seed: Sweep.of(arms, length) for seed, arms in seeds.items()}
            thresholds.append({seed: sweep.threshold for seed, sweep in sweeps.items()})
            moving += [run for sweep in sweeps.values() for run in sweep.decayed.values()]
            earlier = {seed: sweep.threshold_at_half_time for seed, sweep in sweeps.items()}
            for name, bounds in (
                (Labelled(THRESHOLD, repeated=length), thresholds[-1]),
                (Labelled(AT_HALF_TIME, repeated=length), earlier),
            ):
                numbers[name] = _moving(replace(Ratio(by_seed=bounds).estimate, unit="facts"))
            lost = {seed: sweep.lost_without_decay for seed, sweep in sweeps.items()}
            fitted = {seed: sweep.fitted for seed, sweep in sweeps.items()}
            alone, fits = Labelled(ALONE, repeated=length), Labelled(FITTED, repeated=length)
            numbers[alone] = over_seeds(lost.values(), least=-1.0, most=1.0)
            numbers[fits] = over_seeds(fitted.values(), least=0.0, most=1.0)
            others += [below(alone, lost, LEAST_LOST), above(fits, fitted, 1 - LEAST_LOST)]
        ratio = Ratio.of(*thresholds)
        numbers[RATIO] = _moving(ratio.estimate)
        numbers[SETTLED] = share_settled(moving)
        short, long = lengths
        at = [numbers[Labelled(THRESHOLD, repeated=length)] for length in lengths]
        sentence = (
            f"Half of induction has been lost at {at[0]} with stretches of {short} tokens and at "
            f"{at[1]} with stretches of {long}, a ratio of {numbers[RATIO]}, where equal facts "
            f"would have 1 and equal sequences {(short - 1) / (long - 1):g} "
            f"({plural(len(seeds), 'seed')})."
        )
        return [ratio.near_one(RATIO, self.margin), *others], numbers, sentence


def facts_each(run: Run) -> int:
    """Return L − 1, the facts of a sequence."""
    return len(run.task.answers)


def before(run: Run) -> float:
    """Return the share of test tokens that were right before a network was continued."""
    return right_at(run, 0)


def right_at(run: Run, step: float) -> float:
    """Return the share of test tokens that were right at the record nearest to a step."""
    there = run.history.iloc[int((run.history["step"] - step).abs().argmin())]
    return float(np.mean([there[f"test_{one}_accuracy"] for one in run.task.answers]))


def lengths_of(seeds: BySeed) -> list[int]:
    """Return L of short stretches and of long ones."""
    return sorted({facts_each(run) + 1 for arms in seeds.values() for run in arms.values()})


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What becomes of one start network.

    Attributes:
        decayed: With weight decay, by the number of facts, increasing.
        plain: Without, on few facts.
    """

    decayed: Mapping[int, Run]
    plain: Run

    @classmethod
    def of(cls, arms: Mapping[str, Run], length: int) -> Sweep:
        """Return that of one L among the arms of a seed."""
        runs = [run for run in arms.values() if facts_each(run) + 1 == length]
        (plain,) = (run for run in runs if run.weight_decay == 0)
        decayed = {run.dataset_size * facts_each(run): run for run in runs if run is not plain}
        return cls(decayed=dict(sorted(decayed.items())), plain=plain)

    @property
    def few(self) -> int:
        """The facts on which it was trained without decay."""
        return self.plain.dataset_size * facts_each(self.plain)

    @property
    def kept(self) -> list[float]:
        """What is kept at each number of facts, of what was right beyond chance."""
        return [_kept(run, token_accuracy(run, "test")) for run in self.decayed.values()]

    @property
    def kept_without_decay(self) -> float:
        """The same without decay, on few facts."""
        return _kept(self.plain, token_accuracy(self.plain, "test"))

    @property
    def threshold(self) -> Bounds:
        """Bounds on ln of the number of facts at which half is kept."""
        return critical_size.crossing(list(self.decayed), self.kept).threshold

    @property
    def threshold_at_half_time(self) -> Bounds:
        """The same after half of the steps: what it still moves by."""
        runs = self.decayed.values()
        kept = [_kept(run, right_at(run, run.settings.num_steps / 2)) for run in runs]
        return critical_size.crossing(list(self.decayed), kept).threshold

    @property
    def lost_without_decay(self) -> float:
        """Share of test tokens that are right no more."""
        return before(self.plain) - token_accuracy(self.plain, "test")

    @property
    def fitted(self) -> float:
        """Share of training tokens that are right with decay, on as few facts."""
        return token_accuracy(self.decayed[self.few], "train")


def _kept(run: Run, right: float) -> float:
    chance = 1 / run.task.num_classes
    return (right - chance) / (before(run) - chance)


def _moving(number: Estimate) -> Estimate:
    """Return a number of thresholds that still move, as what it is."""
    return replace(number, status="not settled") if number.status == "measured" else number


def _rule(margin: str, also: str) -> str:
    return (
        "Two-layer networks that have learned induction without decay are continued on few facts "
        f"with λ = {DECAY:g}, an S-curve in the logarithm of their number is fitted to what each "
        "seed keeps, and its half is its threshold. Supported if the ratio of the thresholds of "
        f"short and of long stretches lies within {margin} (95% interval of the geometric mean "
        f"over seeds){also}, less than {LEAST_LOST:g} of tokens is lost with λ = 0 on as few, and "
        f"more than {1 - LEAST_LOST:g} of training tokens are right there with decay (both "
        "lengths; means, 95% intervals, Student's t); refuted if one of these lies on the other "
        f"side. A run that diverged {Counting.if_diverged}, and a seed whose network had not "
        f"learned {LEARNED:g} of the tokens before is left out. {NOT_DECIDED}"
    )


class InductionFacts(Counting):
    """As circuit efficiency has it."""

    name: ClassVar[str] = "induction-facts"
    title: ClassVar[str] = "As many facts"
    margin: ClassVar[float] = MARGIN
    claim: ClassVar[str] = (
        "After some steps with weight decay networks have unlearned induction below the same "
        "number of facts, tokens that come again, however many of them a sequence has."
    )
    rule: ClassVar[str] = _rule(f"a factor of {MARGIN:g} of 1", "")
    criterion: ClassVar[str] = "the same number of facts, and hardly a loss without decay"
    refutation: ClassVar[str] = (
        "Thresholds that differ in facts; also networks that lose a tenth without decay, or their "
        "training sequences with it."
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if the numbers are the same and "
        "each spreads by a tenth (simulated). Where they differ by 1.22, as on development seeds, "
        "48 seeds leave it open more often than not."
    )


class InductionFactsNotSequences(Counting):
    """The weaker claim that facts say more of thresholds than sequences do."""

    name: ClassVar[str] = "induction-facts-not-sequences"
    title: ClassVar[str] = "Facts or sequences"
    margin: ClassVar[float] = math.sqrt(2)
    claim: ClassVar[str] = (
        "The number of facts below which networks have unlearned induction after some steps is "
        "the same to within a factor of √2, which is half-way to the same number of sequences."
    )
    rule: ClassVar[str] = _rule(
        "a factor of √2 of 1",
        ", nearer to the 1 of equal facts than to the ½ of equal sequences",
    )
    criterion: ClassVar[str] = "nearer to equal facts than to equal sequences"
    refutation: ClassVar[str] = (
        "Thresholds nearer to the same number of sequences, or that differ as much the other way; "
        "also networks that lose a tenth without decay, or their training sequences with it."
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if the ratio is 1.2 and each "
        "threshold spreads by a tenth (simulated)."
    )
