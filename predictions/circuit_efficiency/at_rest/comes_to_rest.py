"""Whether ungrokking comes to rest, or goes on for ever and only looks like a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from efficiency.settings import RunSettings
from efficiency.statistics.critical_size import MIN_SIZES
from predictions.cells import Cell, Run, starting
from predictions.circuit_efficiency.ungrokking import cells as ungrokking
from predictions.circuit_efficiency.ungrokking.judge import FALL, FORGETTING, KEEP
from predictions.circuit_efficiency.ungrokking.numbers import by_start, threshold
from predictions.circuit_efficiency.ungrokking.reading import sweeps, usable
from predictions.circuit_efficiency.ungrokking.rivals import forgetting
from predictions.clauses import Clause, above, below, decide
from predictions.designs import Part
from predictions.grounds import Ground, ground
from predictions.judging import MIN_SEEDS, over_seeds, plural, share_settled, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

LONGER = 16
"""How many times as long as ungrokking at weight decay 1 networks are trained."""

MOST = 0.5
"""What partial accuracies may lose at most while training gets twice as long, in units of what
forgetting at one constant rate would have taken. Pairs that are forgotten each at a constant
rate of its own, exponentially distributed, lose more than that at any accuracy and length, between
half and all of it (docs/decisions/020-against-other-shapes.md)."""


def long_continued(ground: Ground, start: RunSettings, dataset_size: int) -> RunSettings:
    """Return the run that continues a start network on fewer examples for so long."""
    run = ungrokking.continued(ground, start, dataset_size, 1.0)
    return run.model_copy(update={"num_steps": LONGER * run.num_steps})


class ComesToRest(Prediction):
    """That a network keeps what it has above the critical size for ever (paper, section 3)."""

    name: ClassVar[str] = "comes-to-rest"
    parts: ClassVar[tuple[Part[Any], ...]] = (ungrokking.DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Ungrokking comes to rest"
    claim: ClassVar[str] = (
        "Networks that ungrok come to rest: trained for long, they lose little more while training "
        "gets twice as long again, and still know nothing on few examples and most on many."
    )
    rule: ClassVar[str] = (
        f"Start networks are continued as in ungrokking at weight decay 1, {LONGER} times as long; "
        "they count as there. Accuracy is that on novel pairs at the end. What partial accuracies "
        "(between 5% and 95% retained) lost in the second half of the learning time, as part of "
        "what forgetting at one constant rate would have taken from them, is averaged over start "
        f"networks. Intervals are 95%. Supported if its upper bound lies below {MOST:g}, the upper "
        "bound of accuracy at the smallest D' below the middle between chance and 1, and the lower "
        f"bound at the largest above it. Refuted if its lower bound lies above {MOST:g}, or the "
        "upper bound of accuracy at the largest D' below the middle. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} start networks that have "
        f"partial accuracies, or fewer than {MIN_SIZES} sizes. Invalid if no start network counts."
    )
    criterion: ClassVar[str] = (
        f"less than {MOST:g} of what a constant rate would take, from twice as much training"
    )
    refutation: ClassVar[str] = "Accuracies that go on falling as at a constant rate, or nearly."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "That pairs are forgotten at rates of their own is a rival that no one length can rule "
        "out: exponentially distributed rates lose half to all of what one rate does, and more "
        "uniform ones more. A wider spread of rates than that, over many powers of ten, "
        "would lose as little as a network at rest.",
        "The bound was chosen on the networks of critical-size (seeds 8000 to 8035: 0.29 [0.22, "
        "0.36] after as many steps).",
        "Values are normal over start networks.",
    )
    power: ClassVar[str] = (
        "7 start networks support the claim in at least 8 of 10 experiments if they lose 0.3 of "
        "what a constant rate would take and spread by 0.15 (simulated)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        FORGETTING: "of partial accuracies in the second half of training: 1 if they fall at one "
        "rate, 0 if they have come to rest",
        FALL: "final, on novel pairs",
        KEEP: "final, on novel pairs",
        "threshold": "D' at which accuracy crosses the middle between chance and 1",
        "drift": "change of accuracy from the first to the second half of the tail, at this D'",
        "share_settled": "of the continuations; the others are kept",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = ungrokking.DESIGNS.on(on)
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} start networks trained on the whole "
            f"table for {on.start_steps:,} steps, each continued on D' = {on.listed(d.sizes)} "
            f"examples at weight decay 1 for {LONGER * d.steps_at_one:,} steps. "
            f"{len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        sizes = on.scaled(ungrokking.DESIGNS.on(on).sizes)
        first = [on.start(seed) for seed in on.seeds(num_seeds)]
        later = [long_continued(on, start, D) for start in first for D in sizes]
        return starting(first, later)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes = tuple(left_out)
        if not counted:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        falls, num_sizes = forgetting(counted), len({one.dataset_size for one in counted})
        if len(falls) < MIN_SEEDS or num_sizes < MIN_SIZES:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(falls), 'start network')} with partial accuracies and "
                f"{too_few(num_sizes, 'size')}: the rule needs {MIN_SEEDS} and {MIN_SIZES}.",
                notes=notes,
            )
        return _find(counted, falls, notes)


def clauses(
    falls: Mapping[int, float], low: Mapping[int, float], high: Mapping[int, float], middle: float
) -> list[Clause]:
    """Return the rule, of what seeds lost and of their accuracies at both ends."""
    return [
        below(FORGETTING, falls, MOST),
        replace(below(FALL, low, middle), fails=None),
        above(KEEP, high, middle),
    ]


def _find(counted: Sequence[Run], falls: Mapping[int, float], notes: tuple[str, ...]) -> Finding:
    sizes = sorted({one.dataset_size for one in counted})
    of_size = {D: [one for one in counted if one.dataset_size == D] for D in sizes}
    low, high = (by_start(of_size[D], "novel_accuracy") for D in (sizes[0], sizes[-1]))
    numbers: Numbers = {
        FORGETTING: over_seeds(falls.values()),
        FALL: over_seeds(low.values(), least=0.0, most=1.0),
        KEEP: over_seeds(high.values(), least=0.0, most=1.0),
        "threshold": threshold(sweeps(counted)),
        "share_settled": share_settled(counted),
    }
    for D, some in of_size.items():
        drifts = by_start(some, "novel_accuracy_drift")
        numbers[Labelled("drift", dataset_size=D)] = over_seeds(drifts.values())
    steps = max(one.settings.num_steps for one in counted)
    return Finding.of(
        decide(clauses(falls, low, high, counted[0].task.halfway)),
        f"In the second half of {steps:,} steps partial accuracies of "
        f"{plural(len(falls), 'start network')} lost {numbers[FORGETTING]} of what forgetting at "
        f"one constant rate would have taken; accuracy on novel pairs ends at {numbers[FALL]} at "
        f"D' = {sizes[0]} and at {numbers[KEEP]} at D' = {sizes[-1]}.",
        numbers,
        notes,
    )
