"""Whether flatter minima generalise (Power et al. 2022, A.5, after Keskar et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency.analysis.sharpness import BOX, ITERATIONS, sharpness
from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from efficiency.statistics.intervals import rank_correlation
from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.clauses import Clause, decide
from predictions.first_study.ground import GROUNDS, Design
from predictions.judging import middle, plural
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

MIN_NETWORKS = 10
"""Fewest networks for a correlation to be judged."""


@dataclass(frozen=True, kw_only=True)
class Cooled(Design):
    """One size.

    Attributes:
        decay_fraction: Part of the run at its end over which η falls to 0, so that sharpness is
            that of a minimum, not of a step on the way.
    """

    decay_fraction: float = 0.2


DESIGNS: dict[Size, Cooled] = {
    "smoke": Cooled(operation="division", fraction=0.8, num_steps=200, num_seeds=3),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Cooled(operation="division", fraction=0.6, num_steps=5000, num_seeds=30),
    # A guess, not tried.
    "standard": Cooled(operation="division", fraction=0.45, num_steps=20_000, num_seeds=30),
    # Their operation; near the part of it at which some networks generalise and others do not.
    "paper": Cooled(operation="composition", fraction=0.3, num_steps=100_000, num_seeds=30),
}


class Sharpness(SelfDesigned):
    """Seventh finding of the first study (Power et al. 2022, A.5)."""

    name: ClassVar[str] = "sharpness"
    min_seeds: ClassVar[int] = MIN_NETWORKS
    designs: ClassVar[Mapping[Size, Design]] = DESIGNS
    if_diverged: ClassVar[str] = "is left out"
    title: ClassVar[str] = "Sharpness"
    claim: ClassVar[str] = (
        "Of networks trained alike, those in flatter minima are the ones that generalise."
    )
    amended: ClassVar[str] = (
        "As first written the search for the largest loss stopped where it began, and the verdict, "
        "read once, was supported at −0.72: it had read the loss. Box, iterations and objective "
        "were then chosen on other seeds by whether the search ends, and accuracy is read at the "
        "last step, as the weights are."
    )
    waits: ClassVar[str] = "sharpness of every network, half a minute at quick"
    rule: ClassVar[str] = (
        "Networks differ in seed alone, at a dataset size at which only some of them generalise. "
        "Sharpness is φ of Keskar et al. (2017): 100 times the rise of the training loss within "
        f"|δᵢ| ≤ {BOX:g} (|θᵢ| + 1), over 1 + the loss, sought by {ITERATIONS} iterations of "
        "L-BFGS-B on the logarithm of the loss. Over networks that fit their examples, Spearman's "
        "rank correlation of φ with accuracy on novel pairs, both at the last step, has a 95% "
        "interval (Fisher's z with the variance of Bonett and Wright 2000). Supported if it lies "
        "below 0, refuted if above. "
        f"A run that diverged {if_diverged}. "
        f"Undecided otherwise, or with fewer than {MIN_NETWORKS} "
        "networks. Invalid unless some have come more than half of the way from chance to 1, and "
        "some have not."
    )
    criterion: ClassVar[str] = "rank correlation of sharpness and accuracy below 0"
    refutation: ClassVar[str] = "Sharper networks that know more."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent.",
        "φ depends on how weights are scaled; among networks trained alike that is much the same.",
        "The box is ten times that of Keskar et al., whose networks have a loss a million times "
        "this one; in theirs the search for the largest loss does not come to an end here.",
        "The paper trained networks in many ways and found a correlation of −0.80 over them; there "
        "what a way of training does to either may make the correlation.",
    )
    power: ClassVar[str] = (
        "30 seeds support the claim in at least 8 of 10 experiments if the rank correlation is "
        "−0.55 (simulated, normal ranks)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy on novel pairs at the last step against sharpness φ, a mark for each network; "
        "dotted: chance. After Figure 7 of Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "rank_correlation": "Spearman's, of sharpness and accuracy on novel pairs",
        "sharpness_of_those_that_know": "φ, median and range, accuracy more than half of the way "
        "from chance to 1",
        "sharpness_of_the_others": "φ, median and range, of the rest",
        "sharpness": "φ of this network",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        return (
            f"{on.describe(task)}, λ = 1; D = {on.part(task, d.fraction)}, {len(seeds)} seeds for "
            f"{d.num_steps:,} steps, η falling to 0 over the last {100 * d.decay_fraction:g}%."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        return [
            Cell(settings=on.run(task, D, seed, d.num_steps, decay_fraction=d.decay_fraction))
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        points, notes = measured(runs)
        return find(points, tuple(notes))


@dataclass(frozen=True, kw_only=True)
class Point:
    """One network.

    Attributes:
        seed: Its seed.
        sharpness: φ.
        accuracy: On novel pairs, at the last step.
        knows: Whether that is more than half of the way from chance to 1.
    """

    seed: int
    sharpness: float
    accuracy: float
    knows: bool


def measured(runs: Sequence[Run]) -> tuple[list[Point], list[str]]:
    """Return the networks that count, and why others do not."""
    by_seed, notes = scratch.usable(runs)
    points = []
    for run in (run for by in by_seed.values() for run in by.values()):
        points.append(_point(run, sharpness(run.settings, run.weights())))
    return points, notes


def told(runs: Sequence[Run], numbers: Numbers) -> list[Point]:
    """Return the same from the numbers of a verdict, without measuring again."""
    return [
        _point(run, number.value)
        for run in runs
        if (number := numbers.get(Labelled(ONE, seed=run.seed))) is not None
        and number.value is not None
    ]


ONE = "sharpness"


def _point(run: Run, sharpness: float) -> Point:
    accuracy = float(run.history["novel_accuracy"].iloc[-1])
    task = run.settings.task
    way = critical_size.retained(accuracy, task.num_classes)
    return Point(
        seed=run.seed,
        sharpness=sharpness,
        accuracy=accuracy,
        knows=bool(way > 0.5),
    )


def find(points: Sequence[Point], notes: tuple[str, ...] = ()) -> Finding:
    """Apply the rule of ``Sharpness`` to networks."""
    knowing = [p.sharpness for p in points if p.knows]
    others = [p.sharpness for p in points if not p.knows]
    sides = {"those_that_know": knowing, "the_others": others}
    numbers: Numbers = {f"{ONE}_of_{name}": middle(some) for name, some in sides.items() if some}
    numbers |= {
        Labelled(ONE, seed=p.seed): Estimate(value=p.sharpness, low=None, high=None, n=1, unit="1")
        for p in points
    }
    if len(points) < MIN_NETWORKS:
        return Finding(
            outcome="undecided",
            sentence=f"{plural(len(points), 'network')} that fit are too few: the rule needs "
            f"{MIN_NETWORKS}.",
            numbers=numbers,
            notes=notes,
        )
    if not knowing or not others:
        return Finding(
            outcome="invalid",
            sentence=f"{len(knowing)} of {plural(len(points), 'network')} have come more than half "
            "of the way from chance to 1: there is nothing to compare.",
            numbers=numbers,
            notes=notes,
        )
    found = rank_correlation([p.sharpness for p in points], [p.accuracy for p in points])
    interval = found.interval
    correlation = Estimate(
        value=interval.value, low=interval.low, high=interval.high, n=len(points), unit="1"
    )
    clause = Clause(number="rank_correlation", holds=found.p_below, fails=found.p_above)
    return Finding.of(
        decide([clause]),
        sentence=f"Over {plural(len(points), 'network')}, of which {len(knowing)} have come more "
        "than half of the way from chance to 1, "
        f"sharpness and accuracy have a rank correlation of {correlation}.",
        numbers={"rank_correlation": correlation, **numbers},
        notes=notes,
    )
