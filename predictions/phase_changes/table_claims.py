"""What takes grokking away: plentiful data, or no weight decay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from predictions.cells import Cell, Run
from predictions.clauses import Clause, above, below, most
from predictions.judging import geometric, over_seeds, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.phase_changes.base import (
    NOT_DECIDED,
    POWER_OF_SHARES,
    SHARE,
    BySeed,
    PhaseChange,
    only,
)
from predictions.phase_changes.falls import KNOWN, SHARP, delay, sharpness, step_below
from predictions.phase_changes.tables import ASSUMPTIONS, DESIGNS, Tables, arm, cells, percent
from predictions.sizes import Size

TOGETHER = 1.5
"""Delay below which examples of both kinds are learned together."""

DELAY, SLOPE, SHARP_SHARE, NOVEL, TEST = (
    "delay",
    "slope",
    "share_of_sharp_falls",
    "novel_accuracy",
    "test_accuracy",
)

GLOSSARY = {
    DELAY: "step at which test examples are known / that of training examples, geometric mean",
    SLOPE: "of ln delay on ln (part of the table), mean over seeds",
    SHARP_SHARE: "of seeds whose test loss falls in a phase change",
    NOVEL: "accuracy at the end on pairs of which neither they nor their mirror images are trained "
    "on, mean over seeds",
    TEST: "accuracy at the end on test examples, mean over seeds",
    SHARE: "of seeds of which it is so",
}

CAPTION = (
    "Loss on training (dashed) and on test examples over training, a line for each seed; dotted: 1 "
    "nat."
)

FALL = (
    f"A loss falls in a phase change if it takes less than {SHARP:.2f} times as long from ¾ to ¼ "
    "of its plateau as from the beginning to ½: half of what a loss takes that falls at one rate"
)


class OnTables(PhaseChange):
    """A claim about addition modulo p."""

    designs: ClassVar[Mapping[Size, Tables]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = ASSUMPTIONS
    glossary: ClassVar[Mapping[str, str]] = GLOSSARY
    figure_caption: ClassVar[str] = CAPTION


class PlentifulTogether(OnTables):
    """Grokking without limited data is a phase change without a delay."""

    name: ClassVar[str] = "plentiful-together"
    title: ClassVar[str] = "Nearly all of the table"
    claim: ClassVar[str] = (
        "Trained on nearly all of the table, a network comes to know test and training examples "
        "together, in one phase change."
    )
    rule: ClassVar[str] = (
        "Trained with λ = 1 on the largest part of the table. Supported if the delay (step at "
        "which test examples are known / that of training examples) is less than "
        f"{TOGETHER:g} in geometric mean, test loss falls in a phase change in more than half of "
        "the seeds, and accuracy on novel pairs at the end exceeds half of the way from chance to "
        "1 in the mean (95% intervals: Student's t, Clopper and Pearson); refuted if one of these "
        f"intervals lies on the other side. {FALL}; the plateau of a table is ln p. A run that "
        f"diverged {OnTables.if_diverged}, and a seed without novel pairs or that never knows its "
        f"training examples is left out. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "no delay, a sharp fall, and novel pairs are right"
    refutation: ClassVar[str] = (
        "A delay, a loss that falls gradually, or novel pairs that are wrong."
    )
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if delays are 1.15 with a "
        "spread by a tenth and 95 in 100 falls are sharp (simulated)."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}, λ = 1; addition on {d.plentiful}% of the table; {len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return cells(size, seeds, [DESIGNS[size].plentiful], followed=False)

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        return {
            seed: arms
            for seed, arms in seeds.items()
            if all(
                math.isfinite(delay(run.history)) and run.found(NOVEL) is not None
                for run in arms.values()
            )
        }

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        runs = {seed: only(arms) for seed, arms in seeds.items()}
        delays = {seed: math.log(delay(run.history)) for seed, run in runs.items()}
        sharp = {seed: falls_sharply(run) for seed, run in runs.items()}
        novel = {seed: run.number(NOVEL) for seed, run in runs.items()}
        numbers: Numbers = {
            DELAY: geometric([math.exp(one) for one in delays.values()]),
            SHARP_SHARE: share(list(sharp.values())),
            NOVEL: over_seeds(novel.values(), least=0.0, most=1.0),
        }
        half = next(iter(runs.values())).task.halfway
        sentence = (
            f"On {DESIGNS[size].plentiful}% of the table test examples are known {numbers[DELAY]} "
            f"times as late as training examples, test loss falls sharply in {sum(sharp.values())} "
            f"of {plural(len(sharp), 'seed')}, and accuracy on novel pairs comes to "
            f"{numbers[NOVEL]}."
        )
        return (
            [
                below(DELAY, delays, math.log(TOGETHER)),
                most(SHARP_SHARE, sharp),
                above(NOVEL, novel, half),
            ],
            numbers,
            sentence,
        )


class DelayGrows(OnTables):
    """The less data, the later (their sweep over parts of the table)."""

    name: ClassVar[str] = "delay-grows"
    title: ClassVar[str] = "The delay, and the part of the table"
    claim: ClassVar[str] = (
        "The smaller the part of the table that is trained on, the later than its training "
        "examples a network comes to know its test examples."
    )
    rule: ClassVar[str] = (
        "For each seed, the slope of a straight line through ln delay over ln of the part of the "
        "table (least squares), with λ = 1. On the smallest part, what never knows its test "
        "examples within its steps counts as if it did at the last: its delay is larger, and the "
        "slope steeper than it is said to be. A seed that never knows them on a larger part is "
        "left out: parts are trained for longer the smaller they are, so that lengths alone "
        "would make a slope. Supported if the mean slope is below 0 (95% interval, Student's t), "
        f"refuted if above. A run that diverged {OnTables.if_diverged}, and a seed that never "
        f"knows its training examples is left out. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "a slope below 0"
    refutation: ClassVar[str] = "Delays that do not depend on the part, or grow with it."
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if the slope is −1 with a "
        "spread of 0.5 between seeds (simulated)."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        parts = ", ".join(f"{percent}% for {steps:,} steps" for percent, steps in d.lengths)
        return f"{d.describe()}, λ = 1; addition on {parts}; {len(seeds)} seeds each."

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return cells(size, seeds, followed=True)

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        found = {}
        for seed, arms in seeds.items():
            *larger, smallest = sorted(arms.values(), key=lambda run: -run.dataset_size)
            known = [math.isfinite(step_below(run.history, "test_loss", KNOWN)) for run in larger]
            delays = [delay(run.history) for run in (*larger, smallest)]
            if all(known) and all(map(math.isfinite, delays)):
                found[seed] = arms
        return found

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        first_arms = next(iter(seeds.values())).values()
        percents = [percent(run) for run in sorted(first_arms, key=lambda run: -run.dataset_size)]
        ln_delay = {
            part: [math.log(delay(arms[arm(part)].history)) for arms in seeds.values()]
            for part in percents
        }
        lines = np.polyfit(np.log(percents), np.array([ln_delay[one] for one in percents]), 1)[0]
        slopes = dict(zip(seeds, map(float, lines), strict=True))
        numbers: Numbers = {SLOPE: over_seeds(slopes.values())}
        for part in percents:
            each = [math.exp(one) for one in ln_delay[part]]
            numbers[Labelled(DELAY, percent_of_table=part)] = geometric(each)
        first, last = (
            numbers[Labelled(DELAY, percent_of_table=one)] for one in (percents[0], percents[-1])
        )
        sentence = (
            f"Test examples are known {first} times as late as training examples on {percents[0]}% "
            f"of the table and {last} times on {percents[-1]}%: a slope of {numbers[SLOPE]} "
            f"({plural(len(slopes), 'seed')})."
        )
        return [below(SLOPE, slopes, 0.0)], numbers, sentence


WITH, WITHOUT = "with decay", "without decay"


class PlentifulWithoutDecay(OnTables):
    """Nothing has to be unlearned where there is nothing to be learned by heart."""

    name: ClassVar[str] = "plentiful-without-decay"
    title: ClassVar[str] = "Nearly all of the table, without weight decay"
    claim: ClassVar[str] = (
        "Trained on nearly all of the table, a network generalises without weight decay, to pairs "
        "that have no mirror image in training."
    )
    rule: ClassVar[str] = (
        "Subtraction, where (b, a) has another answer than (a, b), on the largest part of the "
        "table with λ = 0. Supported if accuracy on test examples at the end exceeds half of the "
        "way from chance to 1 in the mean over seeds (95% interval, Student's t), refuted if it "
        f"is less. A run that diverged {OnTables.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "test accuracy above half of the way"
    refutation: ClassVar[str] = "Networks that know their own examples only."
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if accuracy is 0.8 with a "
        "spread of 0.15 (simulated)."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}; subtraction on {d.plentiful}% of the table without decay; "
            f"{len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return [
            Cell(
                settings=d.run(d.plentiful, seed, weight_decay=0.0, operation="subtraction"),
                arm=WITHOUT,
            )
            for seed in seeds
        ]

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        found = {seed: arms[WITHOUT].number(TEST) for seed, arms in seeds.items()}
        numbers: Numbers = {TEST: over_seeds(found.values(), least=0.0, most=1.0)}
        half = next(iter(seeds.values()))[WITHOUT].task.halfway
        sentence = (
            f"Without weight decay, on {DESIGNS[size].plentiful}% of the table, accuracy on test "
            f"examples comes to {numbers[TEST]} ({plural(len(found), 'seed')})."
        )
        return [above(TEST, found, half)], numbers, sentence


class LimitedWithoutDecay(OnTables):
    """Where data are limited, decay is what brings generalisation."""

    name: ClassVar[str] = "limited-without-decay"
    title: ClassVar[str] = "A part of the table, with and without weight decay"
    claim: ClassVar[str] = (
        "Trained on a part of the table that lets a network grok with weight decay, it does not "
        "generalise without, in as many steps."
    )
    rule: ClassVar[str] = (
        "Of each seed, on the smallest part of the table: that accuracy on novel pairs at the end "
        "is above half of the way from chance to 1 with λ = 1, and below with λ = 0. Supported if "
        "it is so in more than half of the seeds (95% interval, Clopper and Pearson), refuted if "
        f"in less than half. A run that diverged {OnTables.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "most seeds generalise with decay only"
    refutation: ClassVar[str] = "Networks that generalise without decay, or do not with it."
    power: ClassVar[str] = POWER_OF_SHARES

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}; addition on {d.limited}% of the table for "
            f"{dict(d.lengths)[d.limited]:,} steps with λ = 1 and with λ = 0; {len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return [
            *(Cell(settings=d.run(d.limited, seed, followed=True), arm=WITH) for seed in seeds),
            *(
                Cell(settings=d.run(d.limited, seed, weight_decay=0.0), arm=WITHOUT)
                for seed in seeds
            ),
        ]

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        half = next(iter(seeds.values()))[WITH].task.halfway
        novel = {
            way: {seed: arms[way].number(NOVEL) for seed, arms in seeds.items()}
            for way in (WITH, WITHOUT)
        }
        so = {seed: novel[WITH][seed] > half > novel[WITHOUT][seed] for seed in seeds}
        numbers: Numbers = {SHARE: share(list(so.values()))}
        for way, by_seed in novel.items():
            numbers[Labelled(NOVEL, arm=way)] = over_seeds(by_seed.values(), least=0.0, most=1.0)
        sentence = (
            f"On {DESIGNS[size].limited}% of the table networks generalise with weight decay and "
            f"not without in {sum(so.values())} of {plural(len(so), 'seed')}."
        )
        return [most(SHARE, so)], numbers, sentence


def falls_sharply(run: Run) -> bool:
    """Return whether a network's test loss falls in a phase change."""
    return sharpness(run.history, "test_loss", math.log(run.task.num_classes)) < SHARP
