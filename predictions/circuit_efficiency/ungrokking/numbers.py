"""The numbers of ungrokking: thresholds, widths, ends and drifts, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.statistics import binomial, critical_size
from efficiency.statistics.intervals import TooFewError
from efficiency.training.ensemble import part_masks
from predictions.cells import Run
from predictions.circuit_efficiency.ungrokking.reading import Seeds
from predictions.judging import MIN_SEEDS, over_seeds, retained, share_settled
from predictions.labelled import Labelled, Numbers

OPEN = (-math.inf, math.inf)
"""Bounds of what is not known at all."""

COMPARED = 0.7
"""The accuracy at which the paper compares ungrokking with semi-grokking (appendix A.2)."""

RESAMPLING_SEED = 20230905
"""Of the bootstrap, so that equal records give equal verdicts."""


def by_start(continued: Sequence[Run], number: Callable[[Run], float] | str) -> dict[int, float]:
    """Return the mean of a number over the runs of each start network, by its seed.

    No two start networks may have one seed.

    Args:
        continued: The runs.
        number: The number of a run, or the name of one of its final numbers.
    """
    assert len({one.start for one in continued}) == len({one.seed for one in continued})
    grouped: dict[int, list[float]] = {}
    for one in continued:
        value = one.number(number) if isinstance(number, str) else number(one)
        grouped.setdefault(one.seed, []).append(value)
    return {seed: float(np.mean(group)) for seed, group in grouped.items()}


def threshold(seeds: Seeds) -> Estimate:
    """Return the geometric mean over start networks of the D' at which r = ½."""
    crossings = [[s.crossing.threshold for s in by.values()] for by in seeds.values()]
    return critical_size.population(crossings, unit="examples")


def _num_novel(run: RunSettings) -> int:
    """Return how many pairs are novel to a run."""
    return int(part_masks(run)["novel"].sum())


def threshold_by_binomial_model(main: Sequence[Run]) -> Estimate | None:
    """Return the second opinion on the threshold, see ``efficiency.statistics.binomial``.

    One fit for each start network, weight decays together. ``None`` with too few of them, or if the
    threshold of one lies outside the sizes that it was asked at, where it is a guess.
    """
    by_seed: dict[int, list[Run]] = {}
    for one in main:
        by_seed.setdefault(one.seed, []).append(one)
    logs = []
    for continuations in by_seed.values():
        sizes = np.array([one.dataset_size for one in continuations])
        total = np.array([_num_novel(one.settings) for one in continuations])
        accuracy = np.array([one.number("novel_accuracy") for one in continuations])
        chance = continuations[0].task.chance
        fitted = binomial.fit(sizes, accuracy * total, total, lower=chance)
        if not sizes.min() <= fitted.threshold <= sizes.max():
            return None
        logs.append(math.log(fitted.threshold))
    try:
        interval = binomial.over_clusters(logs, rng=np.random.default_rng(RESAMPLING_SEED))
    except TooFewError:
        return None
    return Estimate(
        value=math.exp(interval.value),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        n=len(logs),
        unit="examples",
    )


def transition(seeds: Seeds, sizes: list[int]) -> Numbers:
    """Return threshold, bracket and widths."""
    numbers: Numbers = {"threshold": threshold(seeds)}
    every = list(seeds.values())
    for decay in every[0]:
        numbers[Labelled("threshold", weight_decay=decay)] = critical_size.population(
            [[by[decay].crossing.threshold] for by in every], unit="examples"
        )
    numbers[Labelled("size_at", accuracy=COMPARED)] = critical_size.population(
        [[sweep.crosses(COMPARED) for sweep in by.values()] for by in every], unit="examples"
    )
    numbers |= _bracket(seeds, sizes)

    widths = [[s.crossing.width or OPEN for s in by.values()] for by in every]
    lines = [[critical_size.line_width(s.sizes, s.retained) for s in by.values()] for by in every]
    ratios = [
        [(width[0] - line[1], width[1] - line[0]) for width, line in zip(*pair, strict=True)]
        for pair in zip(widths, lines, strict=True)
    ]
    numbers["transition_width"] = critical_size.population(widths, unit="examples")
    numbers["straight_line_width"] = critical_size.population(lines, unit="examples")
    numbers["transition_to_line_width"] = critical_size.population(ratios, unit="1")

    return numbers


def _bracket(seeds: Seeds, sizes: list[int]) -> Numbers:
    """Return the largest size that always falls and the smallest that never does."""
    every = [sweep for by in seeds.values() for sweep in by.values()]
    bounds = critical_size.bracket(sizes, [sweep.retained for sweep in every])
    names = ("largest_size_that_always_falls", "smallest_size_that_never_falls")
    return {
        name: Estimate(
            value=bound,
            low=None,
            high=None,
            n=len(every),
            unit="examples",
            status="measured" if bound is not None else "censored",
        )
        for name, bound in zip(names, bounds, strict=True)
    }


def ends(main: Sequence[Run], sizes: list[int]) -> Numbers:
    """Return the accuracies at both ends; measured if most runs there have settled."""
    numbers: Numbers = {}
    for name, D in (("smallest", sizes[0]), ("largest", sizes[-1])):
        there = [one for one in main if one.dataset_size == D]
        numbers[f"accuracy_at_{name}_size"] = over_seeds(
            by_start(there, "novel_accuracy").values(),
            least=0.0,
            most=1.0,
            settled=sum(one.outcome.status == "settled" for one in there) > len(there) / 2,
        )
    return numbers


def still_moving(main: Sequence[Run]) -> Numbers:
    """Return the share of runs that had settled, and how far partial accuracies still moved."""
    numbers: Numbers = {"share_of_continued_runs_settled": share_settled(main)}
    low, high = critical_size.PARTIAL
    partial = [one for one in main if low < retained(one) < high]
    drift = by_start(partial, "novel_accuracy_drift")
    if len(drift) >= MIN_SEEDS:
        numbers["drift_of_partial_accuracies"] = over_seeds(drift.values())
    return numbers


def removed_against_never_seen(held_out: Sequence[Run]) -> Numbers:
    """Return accuracy kept on removed and on never-seen examples, and their difference by seed."""
    removed = by_start(held_out, "removed_accuracy")
    never_seen = by_start(held_out, "never_seen_accuracy")
    if len(removed) < MIN_SEEDS:
        return {}
    return {
        "accuracy_on_removed": over_seeds(removed.values(), least=0.0, most=1.0),
        "accuracy_on_never_seen": over_seeds(never_seen.values(), least=0.0, most=1.0),
        "removed_minus_never_seen": over_seeds(
            [removed[seed] - never_seen[seed] for seed in removed], least=-1.0, most=1.0
        ),
    }
