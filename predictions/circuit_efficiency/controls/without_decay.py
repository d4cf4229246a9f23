"""Without weight decay there is nothing to ungrok for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from efficiency.settings import RunSettings
from predictions.cells import Cell, Run, of_arm, starts
from predictions.circuit_efficiency.controls.arms import Ways, continuations, described
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS, continued
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import usable
from predictions.clauses import above, below, decide
from predictions.designs import Part
from predictions.grounds import Ground, ground, schedule
from predictions.judging import MIN_SEEDS, over_seeds, plural, share_settled, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

LONGER = 16
"""How many times as long as with decay training goes on without it."""

KEPT, FALLEN = "accuracy_without_decay", "accuracy_with_decay"


def without_decay(ground: Ground, start: RunSettings, dataset_size: int) -> RunSettings:
    """Return the run that continues a start network on fewer examples and without decay."""
    steps = LONGER * DESIGNS.on(ground).steps_at_one
    return continued(ground, start, dataset_size, 1.0).model_copy(
        update={"optimiser": schedule(ground.learning_rate, 0.0, 0.25), "num_steps": steps}
    )


def with_decay(ground: Ground, start: RunSettings, dataset_size: int) -> RunSettings:
    """Return the run of ungrokking that it is compared with."""
    return continued(ground, start, dataset_size, 1.0)


WITH, WITHOUT = "with decay", "without decay"
"""Arms."""

WAYS: Ways = {WITH: with_decay, WITHOUT: without_decay}


class WithoutDecay(Prediction):
    """The control of ungrokking that the theory asks for (paper, section 3.2)."""

    name: ClassVar[str] = "without-decay"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Ungrokking without weight decay"
    claim: ClassVar[str] = (
        "Where weight decay makes a network forget how to generalise, it keeps that without weight "
        "decay, however much longer it is trained."
    )
    rule: ClassVar[str] = (
        "Start networks are continued on the same few examples with weight decay 1, as in "
        f"ungrokking, and with none for {LONGER} times as many steps. Accuracy is that on novel "
        "pairs at the end (median of the last quarter of learning time) at the smallest D'; "
        "intervals are 95% over start networks that count, as in ungrokking. The middle is "
        "(1 + 1/S)/2, between chance 1/S and 1. Supported if (fall) the upper bound with decay "
        "lies below the middle and (keep) the lower bound without decay above it. Refuted if the "
        "upper bound without decay lies below the middle. Undecided otherwise, or with fewer than "
        f"{MIN_SEEDS} start networks. Invalid if no start network counts."
    )
    criterion: ClassVar[str] = "falls with decay, kept without"
    refutation: ClassVar[str] = "Networks that forget without any weight decay."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "Without decay the gradients of fitted examples go on falling. Where they fall below "
        "Adam's ε (1e-8) hardly anything moves any more, and a network keeps what it knows for "
        "that reason alone: how much the norm grew is reported, and small-epsilon asks what a "
        "smaller ε does.",
        f"{LONGER} times as long is not for ever; the drift at the end is reported.",
    )
    power: ClassVar[str] = (
        "4 start networks support the claim in at least 8 of 10 experiments if accuracy without "
        "decay is 0.9 and with it 0.1, and each spreads by 0.15 between networks (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy on novel pairs at the smallest D′ while start networks are trained on with "
        f"weight decay and, {LONGER} times as long, without it, a line for each network, medians "
        "bold, of six or more with their 95% interval at each step; dotted: chance."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "accuracy_with_decay": "final, at the smallest D' or at this one, weight decay 1",
        "accuracy_without_decay": "the same without weight decay; final or, at the smallest D', "
        "after so many steps",
        "kept_by_leaving_out_decay": "difference of both at the smallest D', within start networks",
        "drift_without_decay": "change from the first to the second half of the tail",
        "norm_without_decay": "norm at the end / norm of the start network, smallest D'",
        "share_settled_without_decay": "of the runs without decay; the others are kept",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        steps = DESIGNS.on(on).steps_at_one
        ways = f"with weight decay 1 for {steps:,} steps and without decay for {LONGER * steps:,}"
        text = described(on, num_seeds, ways)
        return f"{text} {len(self.settings(size, num_seeds))} runs."

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return continuations(ground(size, self.variant), num_seeds, WAYS)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes = tuple(left_out)
        if not counted:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        n = len({one.start for one in counted})
        if n < MIN_SEEDS:
            return Finding(
                outcome="undecided",
                sentence=f"{too_few(n, 'start network')}: the rule needs {MIN_SEEDS}.",
                notes=notes,
            )
        return _find(counted, runs, notes)


def _find(counted: Sequence[Run], runs: Sequence[Run], notes: tuple[str, ...]) -> Finding:
    task, smallest = counted[0].settings.task, min(one.dataset_size for one in counted)
    middle = task.halfway
    decayed, free = of_arm(counted, WITH), of_arm(counted, WITHOUT)
    kept, fallen = (
        by_start([one for one in arm if one.dataset_size == smallest], "novel_accuracy")
        for arm in (free, decayed)
    )
    numbers: Numbers = {
        FALLEN: over_seeds(fallen.values(), least=0.0, most=1.0),
        KEPT: over_seeds(kept.values(), least=0.0, most=1.0),
        "kept_by_leaving_out_decay": over_seeds(
            [kept[seed] - fallen[seed] for seed in kept], least=-1.0, most=1.0
        ),
    }
    for name, arm in (("with", decayed), ("without", free)):
        for size in sorted({one.dataset_size for one in arm} - {smallest}):
            values = by_start([one for one in arm if one.dataset_size == size], "novel_accuracy")
            numbers[Labelled(f"accuracy_{name}_decay", dataset_size=size)] = over_seeds(
                values.values(), least=0.0, most=1.0
            )
    numbers |= _in_between(free, smallest) | _movement(free, runs, smallest)
    decision = decide(
        [above(KEPT, kept, middle), replace(below(FALLEN, fallen, middle), fails=None)]
    )
    steps = {one.settings.num_steps for one in free}
    return Finding.of(
        decision,
        f"At D' = {smallest} accuracy on novel pairs ends at {numbers[FALLEN]} with weight decay "
        f"and at {numbers[KEPT]} after {max(steps):,} steps without "
        f"({plural(len(kept), 'start network')}; middle {middle:.3f}).",
        numbers,
        notes,
    )


def _in_between(free: Sequence[Run], smallest: int) -> Numbers:
    """Return the accuracy without decay after as many steps as with it, and after four times."""
    numbers: Numbers = {}
    there = [one for one in free if one.dataset_size == smallest and one.left is not None]
    for part in (LONGER, LONGER // 4):
        values = []
        for one in there:
            history, until = one.history, one.settings.num_steps // part
            values.append(float(history["novel_accuracy"][history["step"] <= until].iloc[-1]))
        if len(values) > 1:
            after = there[0].settings.num_steps // part
            numbers[Labelled("accuracy_without_decay", steps=after)] = over_seeds(
                values, least=0.0, most=1.0
            )
    return numbers


def _movement(free: Sequence[Run], runs: Sequence[Run], smallest: int) -> Numbers:
    """Return whether anything moved without decay, and whether it still does."""
    there = [one for one in free if one.dataset_size == smallest]
    started = starts(runs)
    growth = [one.number("norm") / started[one.start].number("norm") for one in there]
    return {
        "drift_without_decay": over_seeds([one.number("novel_accuracy_drift") for one in there]),
        "norm_without_decay": over_seeds(growth, least=0.0),
        "share_settled_without_decay": share_settled(free),
    }
