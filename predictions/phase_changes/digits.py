"""Addition of numbers of several digits, each of which is a token.

Nanda & Lieberum 2022, with sizes from the code of Nanda et al. 2023: five digits, fresh examples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from efficiency.settings import (
    DigitAdditionSettings,
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    SequenceTransformerSettings,
)
from predictions.cells import Cell
from predictions.clauses import Clause, most
from predictions.judging import geometric, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.phase_changes.base import (
    NOT_DECIDED,
    POWER_OF_SHARES,
    SEEDS,
    SHARE,
    BySeed,
    PhaseChange,
    only,
)
from predictions.phase_changes.falls import KNOWN, SHARP, sharpness, step_below
from predictions.phase_changes.table_claims import FALL, SHARP_SHARE
from predictions.sizes import Size

APART = 1.5
"""Factor by which the times of the first and of the last digit must differ."""

CHANCE = math.log(10)
"""Plateau of a digit, in nats."""

STEP, SPAN = "step_known", "last_to_first"


@dataclass(frozen=True, kw_only=True)
class DigitAddition:
    """One size.

    Attributes:
        num_digits: n.
        width: d_model; the MLP is four times as wide.
        num_drawn: Pairs that there are; left out, all 10^2n.
        dataset_size: D.
        num_steps: Of 64 examples each.
        num_seeds: Seeds.
    """

    num_digits: int
    width: int
    num_drawn: int | None
    dataset_size: int
    num_steps: int
    num_seeds: int

    @property
    def task(self) -> DigitAdditionSettings:
        """What is learned."""
        drawn: dict[str, Any] = (
            {} if self.num_drawn is None else {"num_drawn": self.num_drawn, "draw_seed": 0}
        )
        return DigitAdditionSettings(num_digits=self.num_digits, **drawn)

    def run(self, seed: int) -> RunSettings:
        """Return a network."""
        return RunSettings(
            task=self.task,
            network=SequenceTransformerSettings(
                d_model=self.width,
                d_mlp=4 * self.width,
                normalisation="none",
                positions="learned",
                biases=True,
            ),
            optimiser=OptimiserSettings(learning_rate=1e-3, weight_decay=0.0, batch_size=64),
            dataset_size=self.dataset_size,
            data_seed=seed,
            init_seed=seed,
            noise_seed=seed,
            num_steps=self.num_steps,
            recording=RecordingSettings(num_log=60, num_even=60, most_examples=512),
        )


DESIGNS: dict[Size, DigitAddition] = {
    "smoke": DigitAddition(
        num_digits=1, width=8, num_drawn=None, dataset_size=90, num_steps=30, num_seeds=2
    ),
    "quick": DigitAddition(
        num_digits=2, width=48, num_drawn=None, dataset_size=9000, num_steps=2000, num_seeds=12
    ),
    # Not tried.
    "standard": DigitAddition(
        num_digits=3,
        width=64,
        num_drawn=250_000,
        dataset_size=240_000,
        num_steps=6000,
        num_seeds=12,
    ),
    # Theirs: every example is seen once.
    "paper": DigitAddition(
        num_digits=5,
        width=128,
        num_drawn=200_000,
        dataset_size=192_000,
        num_steps=3000,
        num_seeds=12,
    ),
}


class OnDigits(PhaseChange):
    """A claim about the digits of an answer, the carry left out."""

    designs: ClassVar[Mapping[Size, DigitAddition]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = (
        "Learning rate and weight decay of the source's runs are not recorded; here η = 0.001 and "
        "λ = 0. The network is theirs at the paper's size, but for initial weights.",
        "The first token of an answer, a carry of one bit, is left out: it is learned first and "
        "by degrees. Of two digits, all pairs but a tenth are trained on again and again; of more, "
        "examples are seen once or twice.",
        "Sizes and lengths were chosen after a look at development seeds 900 to 905 of two digits, "
        "and 900 and 901 of five.",
        SEEDS,
    )
    glossary: ClassVar[Mapping[str, str]] = {
        SHARE: "of seeds of which it is so",
        SHARP_SHARE: "of seeds in which this digit's loss falls in a phase change; digit0 counts "
        "ones, digit1 tens",
        STEP: "step from which the loss of a digit is below 1 nat, geometric mean over the seeds "
        "in which it comes to be",
        SPAN: "step of the digit that is known last / first, geometric mean",
    }
    figure_caption: ClassVar[str] = (
        "Loss of each token of the answer on test examples over training: the median seed, and the "
        "range of all."
    )
    power: ClassVar[str] = POWER_OF_SHARES

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"Addition of numbers of {plural(d.num_digits, 'digit')} by a one-layer transformer of "
            f"width {d.width}; AdamW on 64 of {d.dataset_size:,} examples a step, η = 0.001, "
            f"λ = 0, {d.num_steps:,} steps; {len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [Cell(settings=DESIGNS[size].run(seed)) for seed in seeds]


class DigitsFall(OnDigits):
    """Each token is a phase change of its own."""

    name: ClassVar[str] = "digits-fall"
    title: ClassVar[str] = "Every digit a phase change"
    claim: ClassVar[str] = (
        "A network that learns to add numbers of several digits learns each of the answer's digits "
        "in a phase change."
    )
    rule: ClassVar[str] = (
        "Of each seed: that the test loss of every digit but the carry falls in a phase change "
        "from its plateau, ln 10. Supported if it is so in more than half of the seeds (95% "
        f"interval, Clopper and Pearson), refuted if in less than half. {FALL}. A run that "
        f"diverged {OnDigits.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "every digit falls in a phase change in most seeds"
    refutation: ClassVar[str] = "A digit that is learned by degrees."

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        sharp = {
            digit: {
                seed: sharpness(only(arms).history, f"test_{digit}_loss", CHANCE) < SHARP
                for seed, arms in seeds.items()
            }
            for digit in _digits(seeds)
        }
        so = {seed: all(of_digit[seed] for of_digit in sharp.values()) for seed in seeds}
        numbers: Numbers = {SHARE: share(list(so.values()))}
        for digit, by_seed in sharp.items():
            numbers[Labelled(SHARP_SHARE, digit=digit)] = share(list(by_seed.values()))
        each = ", ".join(f"{digit} in {sum(by.values())}" for digit, by in sharp.items())
        sentence = (
            f"Every digit falls in a phase change in {sum(so.values())} of "
            f"{plural(len(so), 'seed')} ({each})."
        )
        return [most(SHARE, so)], numbers, sentence


class DigitsApart(OnDigits):
    """At times of their own."""

    name: ClassVar[str] = "digits-apart"
    title: ClassVar[str] = "Every digit at its own time"
    claim: ClassVar[str] = (
        "A network that learns to add numbers of several digits learns some of the answer's digits "
        "half as late again as others, and all of them in the end."
    )
    rule: ClassVar[str] = (
        "Of each seed: that the loss of every digit but the carry comes below 1 nat, and the step "
        f"of the last is at least {APART:g} times that of the first. Supported if it is so in more "
        "than half of the seeds (95% interval, Clopper and Pearson), refuted if in less than half. "
        f"A run that diverged {OnDigits.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "digits are known at different times in most seeds"
    refutation: ClassVar[str] = "Digits that are learned together, or one that never is."

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        digits = _digits(seeds)
        known = {
            seed: [step_below(only(arms).history, f"test_{d}_loss", KNOWN) for d in digits]
            for seed, arms in seeds.items()
        }
        so = {
            seed: math.isfinite(max(steps)) and max(steps) >= APART * min(steps)
            for seed, steps in known.items()
        }
        numbers: Numbers = {SHARE: share(list(so.values()))}
        for place, digit in enumerate(digits):
            there = [steps[place] for steps in known.values() if math.isfinite(steps[place])]
            if len(there) > 1:
                numbers[Labelled(STEP, digit=digit)] = geometric(there, unit="steps")
        whole = [max(steps) / min(steps) for steps in known.values() if math.isfinite(max(steps))]
        if len(whole) > 1:
            numbers[SPAN] = geometric(whole)
        sentence = (
            f"The last digit is known at least {APART:g} times as late as the first in "
            f"{sum(so.values())} of {plural(len(so), 'seed')}."
        )
        return [most(SHARE, so)], numbers, sentence


def _digits(seeds: BySeed) -> tuple[str, ...]:
    """Return all answers but the carry, the most significant first."""
    return only(next(iter(seeds.values()))).task.answers[1:]
