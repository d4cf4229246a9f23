"""Skip trigrams: one trigger somewhere in a sequence, named at its end (Nanda & Lieberum 2022)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    SequenceTransformerSettings,
    SkipTrigramSettings,
)
from predictions.cells import Cell
from predictions.clauses import Clause, above
from predictions.judging import geometric, over_seeds, plural
from predictions.labelled import Numbers
from predictions.phase_changes.base import (
    NOT_DECIDED,
    POWER_OF_SHARES,
    SEEDS,
    SHARE,
    SHARPNESS,
    BySeed,
    PhaseChange,
    sharp_falls,
)
from predictions.phase_changes.falls import delay, sharpness
from predictions.phase_changes.table_claims import DELAY, FALL, TEST
from predictions.sizes import Size

LATE = 2.0
"""Least delay."""

KNOWS = 0.9
"""Least accuracy in the end."""

FRESH, FEW = "fresh sequences", "few sequences"


@dataclass(frozen=True, kw_only=True)
class Triggers:
    """One size.

    Attributes:
        positions: T, tokens of a sequence.
        num_drawn: N.
        batch_size: Sequences of a step, of which none comes twice.
        num_steps: On fresh sequences.
        few: D of a network that sees the same few at every step.
        later_steps: On them.
        num_seeds: Seeds.
    """

    positions: int
    num_drawn: int
    batch_size: int
    num_steps: int
    few: int
    later_steps: int
    num_seeds: int

    def fresh(self, seed: int) -> RunSettings:
        """Return a network on sequences that never come twice, without decay."""
        return self._run(
            seed,
            self.batch_size * self.num_steps,
            self.num_steps,
            OptimiserSettings(learning_rate=1e-3, weight_decay=0.0, batch_size=self.batch_size),
        )

    def few_alone(self, seed: int) -> RunSettings:
        """Return a network on a few sequences, with λ = 1."""
        return self._run(seed, self.few, self.later_steps, OptimiserSettings(learning_rate=1e-3))

    def _run(
        self, seed: int, dataset_size: int, num_steps: int, optimiser: OptimiserSettings
    ) -> RunSettings:
        return RunSettings(
            task=SkipTrigramSettings(
                num_positions=self.positions, num_drawn=self.num_drawn, draw_seed=0
            ),
            network=SequenceTransformerSettings(
                d_model=32, d_mlp=0, normalisation="none", positions="learned"
            ),
            optimiser=optimiser,
            dataset_size=dataset_size,
            data_seed=seed,
            init_seed=seed,
            noise_seed=seed if optimiser.batch_size else None,
            num_steps=num_steps,
            recording=RecordingSettings(num_log=60, num_even=40, most_examples=512),
        )


_LIKE = {"positions": 16, "num_drawn": 100_000, "batch_size": 64, "num_steps": 1000, "few": 48}

DESIGNS: dict[Size, Triggers] = {
    "smoke": Triggers(
        positions=6,
        num_drawn=600,
        batch_size=16,
        num_steps=30,
        few=32,
        later_steps=40,
        num_seeds=2,
    ),
    "quick": Triggers(**_LIKE, later_steps=4000, num_seeds=12),
    # Only longer.
    "standard": Triggers(**_LIKE, later_steps=20_000, num_seeds=24),
    "paper": Triggers(**_LIKE, later_steps=20_000, num_seeds=24),
}


class OnTriggers(PhaseChange):
    """A claim about skip trigrams."""

    designs: ClassVar[Mapping[Size, Triggers]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = (
        "The task is made up from what is remembered of the source's, whose code is not published: "
        "ten triggers among ten other tokens, one of them at a random place but the last. Its "
        "fresh run is below 2.28 nats at step 142 and at 0.16 at 304; its finite one, of 512 "
        "sequences, lags 7 times: with this task 512 are learned without a lag.",
        "One layer of attention of width 32, without an MLP.",
        "Sizes and lengths were chosen after a look at development seeds 900 to 905.",
        SEEDS,
    )
    glossary: ClassVar[Mapping[str, str]] = {
        SHARE: "of seeds of which it is so",
        SHARPNESS: "time from ¾ to ¼ of ln 10 / time to ½, geometric mean",
        DELAY: "step at which test sequences are known / that of training ones, geometric mean",
        TEST: "accuracy at the end on test sequences, mean over seeds",
    }
    figure_caption: ClassVar[str] = (
        "Loss on training (dashed) and on test sequences over training, a line for each seed; "
        "dotted: 1 nat."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"Sequences of {d.positions} tokens, one of them a trigger; one layer of attention; "
            f"AdamW, η = 0.001, {self.trained(d)}; {len(seeds)} seeds."
        )

    @abstractmethod
    def trained(self, design: Triggers) -> str:
        """Return on what, in a phrase."""


class SkipTrigramsFall(OnTriggers):
    """A phase change without regularisation and without limited data."""

    name: ClassVar[str] = "skip-trigrams-fall"
    title: ClassVar[str] = "The phase change of skip trigrams"
    claim: ClassVar[str] = (
        "With data that never run out and no weight decay, the loss on skip trigrams falls in a "
        "phase change."
    )
    rule: ClassVar[str] = (
        "Of each seed: that the test loss falls in a phase change from its plateau, ln 10. "
        "Supported if it is so in more than half of the seeds (95% interval, Clopper and Pearson), "
        f"refuted if in less than half. {FALL}. A run that diverged {OnTriggers.if_diverged}. "
        f"{NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "most losses fall in a phase change"
    refutation: ClassVar[str] = "Losses that fall gradually, or not at all."
    power: ClassVar[str] = POWER_OF_SHARES

    def trained(self, design: Triggers) -> str:
        """See ``OnTriggers``."""
        return (
            f"λ = 0, {design.num_steps:,} steps of {design.batch_size} sequences of which none "
            "comes twice"
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [Cell(settings=DESIGNS[size].fresh(seed), arm=FRESH) for seed in seeds]

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        sharp = {
            seed: sharpness(
                arms[FRESH].history, "test_loss", math.log(arms[FRESH].task.num_classes)
            )
            for seed, arms in seeds.items()
        }
        clause, numbers, count = sharp_falls(sharp)
        return [clause], numbers, f"The loss falls in a phase change in {count}."


class SkipTrigramsDelay(OnTriggers):
    """The same phase change on few examples, with decay, is grokking."""

    name: ClassVar[str] = "skip-trigrams-delay"
    title: ClassVar[str] = "Grokking of skip trigrams"
    claim: ClassVar[str] = (
        "On a few sequences, with weight decay, a network comes to name the trigger of others "
        "twice as late as it knows its own, at least, and in the end it does."
    )
    rule: ClassVar[str] = (
        "Supported if the delay (step at which test sequences are known / that of training "
        f"sequences) exceeds {LATE:g} in geometric mean over seeds and accuracy on test sequences "
        f"at the end exceeds {KNOWS:g} in the mean (95% intervals, Student's t); refuted if one of "
        "them is less. Sequences count as known from the first of three records in a row at which "
        "their mean loss is below 1 nat; what never is counts as if it were at the last step. A "
        f"run that diverged {OnTriggers.if_diverged}, and a seed that never knows its training "
        f"sequences is left out. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "late, and right in the end"
    refutation: ClassVar[str] = "Others that are known as soon as its own, or never."
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if delays are 3 with a spread "
        "by a third and accuracy is 0.97 with one of 0.05 (simulated)."
    )

    def trained(self, design: Triggers) -> str:
        """See ``OnTriggers``."""
        return f"λ = 1, {design.later_steps:,} steps on the same {design.few} sequences"

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [Cell(settings=DESIGNS[size].few_alone(seed), arm=FEW) for seed in seeds]

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        return {
            seed: arms for seed, arms in seeds.items() if math.isfinite(delay(arms[FEW].history))
        }

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        delays = {seed: math.log(delay(arms[FEW].history)) for seed, arms in seeds.items()}
        right = {seed: arms[FEW].number(TEST) for seed, arms in seeds.items()}
        numbers: Numbers = {
            DELAY: geometric([math.exp(one) for one in delays.values()]),
            TEST: over_seeds(right.values(), least=0.0, most=1.0),
        }
        sentence = (
            f"On {DESIGNS[size].few} sequences others are known {numbers[DELAY]} times as late, "
            f"and accuracy on them comes to {numbers[TEST]} ({plural(len(right), 'seed')})."
        )
        clauses = [above(DELAY, delays, math.log(LATE)), above(TEST, right, KNOWS)]
        return clauses, numbers, sentence
