"""What all claims about phase changes share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.cells import Run
from predictions.clauses import Clause, decide, most
from predictions.judging import each_once, geometric, plural, share, too_few
from predictions.labelled import Numbers
from predictions.phase_changes.falls import SHARP
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

MIN_SEEDS = 6
"""Fewest of which all agreeing put a 95% interval above one half."""

SHARE = "share_of_seeds"

NOT_DECIDED = f"Undecided otherwise, and with fewer than {MIN_SEEDS} seeds."

SEEDS = (
    "A seed decides data, initial weights and minibatches together: seeds are independent, runs of "
    "one are not."
)

POWER_OF_SHARES = (
    "12 seeds support the claim in at least 8 of 10 experiments if it is so of 95 in 100 seeds, "
    "and refute it if of 5 in 100 (simulated)."
)
"""Of claims that count seeds."""

BySeed = Mapping[int, Mapping[str, Run]]
"""The judged runs of each seed, by arm."""


class PhaseChange(SelfDesigned):
    """A claim about seeds, each of which has one run in every arm."""

    min_seeds: ClassVar[int] = MIN_SEEDS
    if_diverged: ClassVar[str] = "leaves out its seed"

    @abstractmethod
    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """Return the rule's clauses, the numbers and what is found, in a sentence.

        Args:
            size: The size.
            seeds: ``MIN_SEEDS`` at least, each with every arm.
        """

    def usable(self, seeds: BySeed) -> BySeed:
        """Return the seeds of which the rule can say whether it is so: all, unless it says why."""
        return seeds

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        whole = complete(runs)
        seeds = self.usable(whole)
        left = sorted(set(whole) - set(seeds))
        notes = (
            (f"{plural(len(left), 'seed')} left out by the rule: {', '.join(map(str, left))}.",)
            if left
            else ()
        )
        if len(seeds) < MIN_SEEDS:
            few = f"{too_few(len(seeds), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few, notes=notes)
        clauses, numbers, sentence = self.clauses(size, seeds)
        return Finding.of(decide(clauses), sentence, numbers, notes)


SHARPNESS = "sharpness"


def sharp_falls(by_seed: Mapping[int, float]) -> tuple[Clause, Numbers, str]:
    """Return the clause that most seeds have a sharp fall, its numbers, and in how many they have.

    Args:
        by_seed: The sharpness of each seed, infinite where there is no fall.
    """
    so = {seed: one < SHARP for seed, one in by_seed.items()}
    numbers: Numbers = {SHARE: share(list(so.values()))}
    fallen = [one for one in by_seed.values() if math.isfinite(one)]
    if len(fallen) > 1:
        numbers[SHARPNESS] = geometric(fallen)
    return most(SHARE, so), numbers, f"{sum(so.values())} of {plural(len(so), 'seed')}"


def only(arms: Mapping[str, Run]) -> Run:
    """Return the run of a seed in a design with one arm."""
    (run,) = arms.values()
    return run


def complete(runs: Sequence[Run]) -> BySeed:
    """Return the judged runs of each seed, seeds in order, but of those with a run that diverged.

    Nor of those that lack an arm which others have.
    """
    judged = [run for run in runs if not run.is_start]
    lost = {run.seed for run in runs if run.outcome.status == "diverged"}
    arms = {run.arm for run in judged}
    of_seed: dict[int, list[tuple[str, Run]]] = {}
    for run in judged:
        of_seed.setdefault(run.seed, []).append((run.arm, run))
    found = {seed: each_once(of_seed[seed]) for seed in sorted(of_seed.keys() - lost)}
    return {seed: of_arm for seed, of_arm in found.items() if set(of_arm) == arms}
