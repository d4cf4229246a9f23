"""Induction: who learns to continue a stretch that comes again, and who unlearns it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from predictions.cells import Cell, Run
from predictions.clauses import Clause, above, below
from predictions.judging import geometric, over_seeds, plural
from predictions.labelled import Labelled, Numbers
from predictions.phase_changes.base import (
    NOT_DECIDED,
    POWER_OF_SHARES,
    SHARE,
    SHARPNESS,
    BySeed,
    PhaseChange,
    sharp_falls,
)
from predictions.phase_changes.copies import (
    ASSUMPTIONS,
    DECAY,
    DEPTHS,
    DESIGNS,
    FEW_DECAY,
    FEW_PLAIN,
    MANY_DECAY,
    PREFIX,
    Copies,
    arm,
)
from predictions.phase_changes.falls import sharpness
from predictions.phase_changes.table_claims import FALL
from predictions.sizes import Size

ATTENDS, IGNORES = 0.3, 0.15
"""Prefix-matching score above which a head is an induction head, and below which none is."""

HALF = 0.5
"""Part of the shallow network's loss that a deep one must come below."""

LEAST_LOST = 0.1
"""Accuracy that must be lost for a network to have unlearned."""

LEARNED = 0.5
"""Share of tokens that a network must know to have learned induction."""

LOSS, RATIO, KEPT = "loss", "loss_to_one_layer", "token_accuracy"

LOST, ALONE, FITTED = "token_accuracy_lost", "token_accuracy_lost_alone", "training_token_accuracy"

GLOSSARY = {
    LOSS: "on test sequences at the end, mean over seeds and over tokens (or of one token of the "
    "second copy)",
    RATIO: "loss / that of one layer, geometric mean over seeds",
    PREFIX: "attention of the best head to what followed the first copy, mean over seeds",
    SHARPNESS: "time from ¾ to ¼ of one layer's loss / time to ½, geometric mean",
    SHARE: "of seeds of which it is so",
    KEPT: "share of tokens of the second copy that are right on test sequences at the end, mean "
    "over seeds",
    FITTED: "the same on training sequences",
    LOST: "test accuracy of tokens before − after training on few sequences with decay, beyond "
    "what is lost in this way, mean over seeds",
    ALONE: "test accuracy of tokens before − after training in this way, mean over seeds",
}


class Induction(PhaseChange):
    """A claim about networks on repeated stretches."""

    designs: ClassVar[Mapping[Size, Copies]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = ASSUMPTIONS
    glossary: ClassVar[Mapping[str, str]] = GLOSSARY


class InductionDepth(Induction):
    """One layer cannot, two and three can (Olsson et al. 2022, on text)."""

    name: ClassVar[str] = "induction-depth"
    title: ClassVar[str] = "Induction, and the number of layers"
    claim: ClassVar[str] = (
        "Attention-only networks of two and of three layers learn to continue a stretch that "
        "comes again, by a head that attends to what followed it, and networks of one layer do not."
    )
    rule: ClassVar[str] = (
        f"At the end. Supported if the loss of two layers, and of three, is less than {HALF:g} "
        "times that of one layer in geometric mean over seeds, the prefix-matching score of both "
        f"exceeds {ATTENDS:g} in the mean, and that of one layer is below {IGNORES:g} (95% "
        "intervals, Student's t); refuted if one of these intervals lies on the other side. A run "
        f"that diverged {Induction.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "deep networks do, with a head for it, and shallow ones do not"
    refutation: ClassVar[str] = (
        "One layer that learns it, or two or three that do not, or that do without such a head."
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if deep networks have a third "
        "of the loss, with spreads by a quarter (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Left: loss on the second copy over training, a line for each seed. Right: loss at the end "
        "by the token of the second copy, mean over seeds with 95% intervals."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}, λ = 0, {d.num_steps:,} steps, {d.streamed:,} sequences in all; 1, 2 "
            f"and 3 layers, {len(seeds)} seeds each."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return [
            Cell(settings=d.stream(layers, seed), arm=arm(layers))
            for layers in DEPTHS
            for seed in seeds
        ]

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        clauses: list[Clause] = []
        numbers: Numbers = {}
        for layers in DEPTHS:
            runs = {seed: arms[arm(layers)] for seed, arms in seeds.items()}
            numbers[Labelled(LOSS, layers=layers)] = geometric(
                [run.number("test_loss") for run in runs.values()], unit="nats"
            )
            for answer in next(iter(runs.values())).task.answers:
                each = [run.number(f"test_{answer}_loss") for run in runs.values()]
                token = int(answer.removeprefix("token"))
                name = Labelled(LOSS, layers=layers, token=token)
                numbers[name] = geometric(each, unit="nats")
            prefix = {seed: run.number(PREFIX) for seed, run in runs.items()}
            told = Labelled(PREFIX, layers=layers)
            numbers[told] = over_seeds(prefix.values(), least=0.0, most=1.0)
            if layers == 1:
                clauses.append(below(told, prefix, IGNORES))
                continue
            ratio = {
                seed: math.log(
                    arms[arm(layers)].number("test_loss") / arms[arm(1)].number("test_loss")
                )
                for seed, arms in seeds.items()
            }
            named = Labelled(RATIO, layers=layers)
            numbers[named] = geometric([math.exp(one) for one in ratio.values()])
            clauses += [below(named, ratio, math.log(HALF)), above(told, prefix, ATTENDS)]
        one, two, three = (numbers[Labelled(LOSS, layers=k)] for k in DEPTHS)
        sentence = (
            f"Loss on what comes again is {one} with one layer, {two} with two and {three} "
            f"with three ({plural(len(seeds), 'seed')} each); the best head's prefix-matching "
            f"score {', '.join(str(numbers[Labelled(PREFIX, layers=k)]) for k in DEPTHS)}."
        )
        return clauses, numbers, sentence


class InductionFall(Induction):
    """Two layers learn it at once."""

    name: ClassVar[str] = "induction-fall"
    title: ClassVar[str] = "The phase change of induction"
    claim: ClassVar[str] = (
        "With data that never run out and no weight decay, the loss of a two-layer network on a "
        "stretch that comes again falls in a phase change."
    )
    rule: ClassVar[str] = (
        "Of each seed: that the test loss of two layers falls in a phase change from the plateau "
        "on which one layer ends. Supported if it is so in more than half of the seeds (95% "
        f"interval, Clopper and Pearson), refuted if in less than half. {FALL}; a loss that never "
        f"comes to a quarter does not fall. A run that diverged {Induction.if_diverged}. "
        f"{NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "most losses fall in a phase change"
    refutation: ClassVar[str] = "Losses that fall gradually, or not at all."
    power: ClassVar[str] = POWER_OF_SHARES
    figure_caption: ClassVar[str] = (
        "Loss on the second copy over training, a line for each seed; dotted: chance."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}, λ = 0, {d.num_steps:,} steps; 1 and 2 layers, {len(seeds)} seeds "
            "each."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return [
            Cell(settings=d.stream(layers, seed), arm=arm(layers))
            for layers in DEPTHS[:2]
            for seed in seeds
        ]

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        sharp = {
            seed: sharpness(arms[arm(2)].history, "test_loss", arms[arm(1)].number("test_loss"))
            for seed, arms in seeds.items()
        }
        clause, numbers, count = sharp_falls(sharp)
        return [clause], numbers, f"The loss of two layers falls in a phase change in {count}."


class InductionUngrokking(Induction):
    """Circuit efficiency off the table: ungrokking on sequences, beside a twin without decay."""

    name: ClassVar[str] = "induction-ungrokking"
    title: ClassVar[str] = "Ungrokking of induction"
    claim: ClassVar[str] = (
        "A network that has learned induction unlearns it on a few sequences, which it goes on to "
        "know, if and only if there is weight decay; on many sequences it keeps it."
    )
    rule: ClassVar[str] = (
        "Two-layer networks that have been trained on fresh sequences without decay are continued "
        f"on few with λ = {DECAY:g}, on as few with λ = 0, and on many with λ = {DECAY:g}, for as "
        "many steps. What is lost is counted in tokens of second copies that are right on test "
        f"sequences, before − after. Supported if more than {LEAST_LOST:g} is lost on few with "
        "decay beyond what is lost on as few without, and beyond what is lost on many with it; "
        f"less than {LEAST_LOST:g} is lost in each of these two; and more than "
        f"{1 - LEAST_LOST:g} of tokens are right on the few training sequences in the end (means "
        "over seeds, 95% intervals, Student's t); refuted if one of these lies on the other side. "
        f"A run that diverged {Induction.if_diverged}, and a seed whose network had not "
        f"learned {LEARNED:g} of the tokens before is left out. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "lost by decay and few sequences together, not by one of them"
    refutation: ClassVar[str] = (
        "Induction that is kept on few sequences, or lost without decay, or on many as well."
    )
    power: ClassVar[str] = (
        "8 seeds support the claim in at least 8 of 10 experiments if 0.2 is lost with a spread of "
        "0.08 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Share of tokens of second copies that are right on test sequences (a line for each seed) "
        "and on training sequences (dashed, mean) while networks are continued."
    )

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}; two layers, {d.num_steps:,} steps on fresh sequences, then "
            f"{d.later_steps:,} on D' = {d.few} with λ = {DECAY:g} and λ = 0, and on D' = {d.many} "
            f"with λ = {DECAY:g}; {len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        starts = [d.stream(2, seed) for seed in seeds]
        ways = {
            FEW_DECAY: (d.few, DECAY),
            FEW_PLAIN: (d.few, 0.0),
            MANY_DECAY: (d.many, DECAY),
        }
        return [
            *(Cell(settings=start, role="start") for start in starts),
            *(
                Cell(settings=d.continued(start, number, weight_decay), arm=way)
                for way, (number, weight_decay) in ways.items()
                for start in starts
            ),
        ]

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``."""
        return {s: arms for s, arms in seeds.items() if _before(arms) > LEARNED}

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        kept = {
            way: {seed: token_accuracy(arms[way], "test") for seed, arms in seeds.items()}
            for way in (FEW_DECAY, FEW_PLAIN, MANY_DECAY)
        }
        numbers: Numbers = {
            Labelled(KEPT, arm=way): over_seeds(by_seed.values(), least=0.0, most=1.0)
            for way, by_seed in kept.items()
        }
        clauses: list[Clause] = []
        for way in (FEW_PLAIN, MANY_DECAY):
            more = {seed: kept[way][seed] - kept[FEW_DECAY][seed] for seed in seeds}
            alone = {seed: _before(arms) - kept[way][seed] for seed, arms in seeds.items()}
            beyond, by_itself = Labelled(LOST, beyond=way), Labelled(ALONE, arm=way)
            for name, by_seed in ((beyond, more), (by_itself, alone)):
                numbers[name] = over_seeds(by_seed.values(), least=-1.0, most=1.0)
            clauses += [above(beyond, more, LEAST_LOST), below(by_itself, alone, LEAST_LOST)]
        fitted = {seed: token_accuracy(arms[FEW_DECAY], "train") for seed, arms in seeds.items()}
        numbers[FITTED] = over_seeds(fitted.values(), least=0.0, most=1.0)
        before = over_seeds([_before(arms) for arms in seeds.values()], least=0.0, most=1.0)
        sentence = (
            f"Of the tokens that come again {before} are right before, "
            f"{numbers[Labelled(KEPT, arm=FEW_DECAY)]} after training on few sequences with decay, "
            f"{numbers[Labelled(KEPT, arm=FEW_PLAIN)]} without, and "
            f"{numbers[Labelled(KEPT, arm=MANY_DECAY)]} on many with decay "
            f"({plural(len(seeds), 'seed')})."
        )
        return [*clauses, above(FITTED, fitted, 1 - LEAST_LOST)], numbers, sentence


def _before(arms: Mapping[str, Run]) -> float:
    """Return the share of test tokens that were right before a seed's network was continued.

    On the sequences that few leave for the test, most of which it has seen once.
    """
    first = arms[FEW_DECAY].history.iloc[0]
    return float(np.mean([first[f"test_{one}_accuracy"] for one in arms[FEW_DECAY].task.answers]))


def token_accuracy(run: Run, part: str) -> float:
    """Return the share of tokens that are right at the end, mean over the second copy."""
    return float(np.mean([run.number(f"{part}_{one}_accuracy") for one in run.task.answers]))
