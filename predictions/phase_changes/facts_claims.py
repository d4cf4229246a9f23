"""Whether networks unlearn induction below a number of facts, or below one of sequences."""

from __future__ import annotations

import math
from abc import abstractmethod
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
from predictions.phase_changes.facts import ASSUMPTIONS, DECAY, DESIGNS, Facts, Way
from predictions.phase_changes.induction_claims import LEARNED, LEAST_LOST
from predictions.ratios import Bounds, Ratio
from predictions.sizes import Size

MARGIN = 1.25
"""Factor within which two numbers of facts are the same; that of foretold critical sizes."""

NEARER = 1 / math.sqrt(2)
"""Half-way, in logarithms, from the ratio 1 of equal facts to the ½ of equal sequences."""

LEAST_KEPT = 0.8
"""Part of the accuracy beyond chance that decay must leave on many facts."""

THRESHOLD, RATIO = "threshold_in_facts", "ratio_of_thresholds"

AT_HALF_TIME, SETTLED = "threshold_at_half_time", "share_settled"

ALONE, FITTED, MANY = (
    "token_accuracy_lost_without_decay",
    "training_token_accuracy",
    "part_kept_on_many_facts",
)

GLOSSARY = {
    THRESHOLD: "facts, D'·A, at which half of the accuracy beyond chance is kept that is kept on "
    "many facts, geometric mean over seeds",
    AT_HALF_TIME: "the same after half of the steps",
    SETTLED: "of networks that were continued with decay",
    RATIO: "threshold in facts where fewer tokens are asked for / where all are, geometric mean "
    "over seeds, by what steps take equally many of",
    ALONE: "test accuracy of tokens before − after training on few facts with λ = 0, mean over "
    "seeds",
    FITTED: "share of tokens that are right on training sequences, on few facts with decay, mean "
    "over seeds",
    MANY: "of the test accuracy of tokens beyond chance, by training with decay on many facts, "
    "mean over seeds",
}


class Counting(PhaseChange):
    """A claim about the number of facts below which induction is unlearned."""

    designs: ClassVar[Mapping[Size, Facts]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = ASSUMPTIONS
    glossary: ClassVar[Mapping[str, str]] = GLOSSARY
    figure_caption: ClassVar[str] = (
        "What is kept of the accuracy on test tokens that is kept on many facts, by facts (left) "
        "and by sequences (right), a line for each seed: blue where all tokens are asked for, "
        "orange where fewer are, dashed where steps then take equally many sequences. Crosses: "
        "without decay. Dotted: the half that a threshold is read at."
    )

    @abstractmethod
    def clause(self, number: Labelled, ratio: Ratio) -> Clause:
        """Return what a ratio of thresholds must show."""

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = self.designs[size]
        facts = ", ".join(f"{n:,}" for n in (*d.facts, d.many))
        return (
            f"{d.stretches.describe()}. Two layers, {d.stretches.num_steps:,} steps on fresh "
            f"sequences, then {d.stretches.later_steps:,} on {facts} facts with λ = {DECAY:g} and "
            f"on {d.few} with λ = 0: {d.all} tokens of each sequence asked for, {d.step} facts a "
            f"step, or the last {d.fewer}, as many facts or as many sequences a step; "
            f"{len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = self.designs[size]
        starts = [d.stretches.stream(2, seed) for seed in seeds]
        found = [Cell(settings=start, role="start") for start in starts]
        asked = [(facts, DECAY) for facts in (*d.facts, d.many)] + [(d.few, 0.0)]
        found += [
            Cell(
                settings=d.continued(start, way, facts, weight_decay),
                arm=way.arm(facts, decays=weight_decay > 0),
            )
            for way in d.ways
            for facts, weight_decay in asked
            for start in starts
        ]
        return found

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        return {
            seed: arms
            for seed, arms in seeds.items()
            if all(right(run, 0, run.task.answers) > LEARNED for run in arms.values())
        }

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        numbers: Numbers = {}
        conditions: list[Clause] = []
        thresholds: dict[Way, dict[int, Bounds]] = {}
        moving: list[Run] = []
        ways = ways_of(seeds)
        for way in ways:
            sweeps = {seed: Sweep.of(arms, way) for seed, arms in seeds.items()}
            labels = {"asked": way.asked, "step": way.alike}
            thresholds[way] = {seed: sweep.threshold for seed, sweep in sweeps.items()}
            earlier = {seed: sweep.threshold_at_half_time for seed, sweep in sweeps.items()}
            moving += [run for sweep in sweeps.values() for run in sweep.decayed.values()]
            for name, bounds in ((THRESHOLD, thresholds[way]), (AT_HALF_TIME, earlier)):
                found = replace(Ratio(by_seed=bounds).estimate, unit="facts")
                numbers[Labelled(name, **labels)] = _moving(found)
            lost, fits, many = (Labelled(name, **labels) for name in (ALONE, FITTED, MANY))
            lost_by, fits_by, many_by = (
                {seed: getattr(sweep, what) for seed, sweep in sweeps.items()}
                for what in ("lost_without_decay", "fitted", "kept_on_many")
            )
            numbers[lost] = over_seeds(lost_by.values(), least=-1.0, most=1.0)
            numbers[fits] = over_seeds(fits_by.values(), least=0.0, most=1.0)
            numbers[many] = over_seeds(many_by.values())
            conditions += [
                below(lost, lost_by, LEAST_LOST),
                above(fits, fits_by, 1 - LEAST_LOST),
                above(many, many_by, LEAST_KEPT),
            ]
        whole, *fewer = ways
        claimed = []
        for way in fewer:
            ratio = Ratio.of(thresholds[way], thresholds[whole])
            number = Labelled(RATIO, step=way.alike)
            numbers[number] = _moving(ratio.estimate)
            claimed.append(self.clause(number, ratio))
        numbers[SETTLED] = share_settled(moving)
        at = numbers[Labelled(THRESHOLD, asked=whole.asked, step=whole.alike)]
        ratios = [numbers[Labelled(RATIO, step=way.alike)] for way in fewer]
        some = fewer[0].asked
        sentence = (
            f"Half of induction has been lost at {at} where {whole.asked} tokens of a sequence are "
            f"asked for, and where {some} are, at {ratios[0]} times as many in steps of equal "
            f"facts and at {ratios[1]} times as many in steps of equal sequences; as many "
            f"sequences would be {some / whole.asked:g} times as many facts "
            f"({plural(len(seeds), 'seed')})."
        )
        tested = [replace(one, condition=True) for one in conditions]
        return [*claimed, *tested], numbers, sentence


def facts_of(run: Run) -> int:
    """Return D'·A, the facts that a network goes on on."""
    return run.dataset_size * run.task.num_answers


def right(run: Run, step: float, tokens: Sequence[str]) -> float:
    """Return the share of some test tokens that were right at the record nearest to a step."""
    there = run.history.iloc[int((run.history["step"] - step).abs().argmin())]
    return float(np.mean([there[f"test_{one}_accuracy"] for one in tokens]))


def ways_of(seeds: BySeed) -> list[Way]:
    """Return the ways that there are, that in which all tokens are asked for first."""
    found = {Way.of(run) for arms in seeds.values() for run in arms.values()}
    return sorted(found, key=lambda way: (-way.asked, way.alike))


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What becomes of one start network in one way.

    Attributes:
        decayed: With weight decay, by the number of facts, increasing.
        many: With weight decay, on many facts.
        few: With weight decay, on as few as ``plain``.
        plain: Without, on few facts.
        tokens: Those whose accuracy is read, of however many that are asked for.
    """

    decayed: Mapping[int, Run]
    many: Run
    few: Run
    plain: Run
    tokens: tuple[str, ...]

    @classmethod
    def of(cls, arms: Mapping[str, Run], way: Way) -> Sweep:
        """Return that of the arms of a seed."""
        runs = {
            facts_of(run): run for run in arms.values() if Way.of(run) == way and run.weight_decay
        }
        (plain,) = (run for run in arms.values() if Way.of(run) == way and not run.weight_decay)
        *sizes, many = sorted(runs)
        return cls(
            decayed={facts: runs[facts] for facts in sizes},
            many=runs[many],
            few=runs[facts_of(plain)],
            plain=plain,
            # The last ones, and so those of whoever is asked for fewest.
            tokens=min((run.task.answers for run in arms.values()), key=len),
        )

    @property
    def kept(self) -> list[float]:
        """What is kept at each number of facts of what is kept on many."""
        return self._kept_after(1.0)

    @property
    def kept_without_decay(self) -> float:
        """The same without decay, on few facts."""
        return self._beyond(self.plain, 1.0) / self._beyond(self.many, 1.0)

    @property
    def threshold(self) -> Bounds:
        """Bounds on ln of the number of facts at which half is kept."""
        return critical_size.crossing(list(self.decayed), self.kept).threshold

    @property
    def threshold_at_half_time(self) -> Bounds:
        """The same after half of the steps: what it still moves by."""
        return critical_size.crossing(list(self.decayed), self._kept_after(0.5)).threshold

    @property
    def kept_on_many(self) -> float:
        """What decay leaves on many facts of what was right beyond chance."""
        return self._beyond(self.many, 1.0) / self._beyond(self.many, 0.0)

    @property
    def lost_without_decay(self) -> float:
        """Share of test tokens that are right no more."""
        return self._beyond(self.plain, 0.0) - self._beyond(self.plain, 1.0)

    @property
    def fitted(self) -> float:
        """Share of training tokens that are right with decay, on few facts."""
        run = self.few
        return float(np.mean([run.number(f"train_{one}_accuracy") for one in run.task.answers]))

    def _kept_after(self, part: float) -> list[float]:
        most = self._beyond(self.many, part)
        return [self._beyond(run, part) / most for run in self.decayed.values()]

    def _beyond(self, run: Run, part: float) -> float:
        """Return the accuracy beyond chance after a part of the steps."""
        chance = 1 / run.task.num_classes
        return right(run, part * run.settings.num_steps, self.tokens) - chance


def _moving(number: Estimate) -> Estimate:
    """Return a number of thresholds that still move, as what it is."""
    return replace(number, status="not settled") if number.status == "measured" else number


def _rule(wanted: str, refuted: str) -> str:
    return (
        "Two-layer networks that have learned induction without decay are continued on few facts "
        f"with λ = {DECAY:g}, with all tokens that can be known asked for or the last half of "
        "them, on the same sequences; an S-curve in the logarithm of the number of facts is fitted "
        "to what each seed keeps of what it keeps on many, and its half is its threshold. "
        "Supported if the ratio of the thresholds with fewer tokens and with all of them "
        f"{wanted} (95% interval of the geometric mean over seeds), with steps of equally many "
        "facts and with steps of equally many sequences. "
        f"Refuted if one of them {refuted}. Invalid if on few facts {LEAST_LOST:g} of tokens or "
        f"more are lost with λ = 0 or less than {1 - LEAST_LOST:g} of training tokens are right "
        f"with decay, or if on many facts decay leaves less than {LEAST_KEPT:g} of the accuracy "
        "beyond chance; decided only if all three are otherwise (means, 95% intervals, Student's "
        f"t). A run that diverged {Counting.if_diverged}, and a seed whose network had not "
        f"learned {LEARNED:g} of the tokens before is left out. {NOT_DECIDED}"
    )


class InductionFacts(Counting):
    """As circuit efficiency has it."""

    name: ClassVar[str] = "induction-facts"
    title: ClassVar[str] = "As many facts"
    claim: ClassVar[str] = (
        "After some steps with weight decay networks have unlearned induction below the same "
        "number of facts, tokens that are asked for, however many of them a sequence has."
    )
    rule: ClassVar[str] = _rule(
        f"lies within a factor of {MARGIN:g} of 1", "lies beyond that factor"
    )
    criterion: ClassVar[str] = "the same number of facts"
    refutation: ClassVar[str] = "Thresholds that differ in facts."
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if the numbers are the same and "
        "each spreads by a tenth (simulated)."
    )

    def clause(self, number: Labelled, ratio: Ratio) -> Clause:
        """See ``Counting``."""
        return ratio.near_one(number, MARGIN)


class InductionFactsNotSequences(Counting):
    """The weaker claim that facts say more of thresholds than sequences do."""

    name: ClassVar[str] = "induction-facts-not-sequences"
    title: ClassVar[str] = "Facts or sequences"
    claim: ClassVar[str] = (
        "The number below which networks have unlearned induction after some steps is one of "
        "facts rather than of sequences: where half of the tokens are asked for it is more than "
        "1/√2 of the facts, which is half-way from as many facts to as many sequences."
    )
    rule: ClassVar[str] = _rule(
        "is above 1/√2, nearer to the 1 of equal facts than to the ½ of equal sequences",
        "is below 1/√2",
    )
    criterion: ClassVar[str] = "nearer to equal facts than to equal sequences"
    refutation: ClassVar[str] = "Thresholds nearer to the same number of sequences."
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if the ratio is 0.85 and each "
        "threshold spreads by a tenth (simulated)."
    )

    def clause(self, number: Labelled, ratio: Ratio) -> Clause:
        """See ``Counting``."""
        return ratio.above(number, NEARER)
