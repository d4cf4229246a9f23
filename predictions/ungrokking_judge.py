"""The judge of ungrokking: from final test accuracies to a finding, by the prediction's rule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from efficiency import binomial, critical_size, tasks
from efficiency.ensemble import part_masks
from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.statistics import TooFewError, greater_p
from predictions.judging import MIN_SEEDS, bounds, over_seeds
from predictions.protocol import Finding, Run, VerdictOutcome
from predictions.ungrokking_records import Continued, Seeds, Sweep, sweeps, usable

OPEN = (-math.inf, math.inf)
"""Bounds of what is not known at all."""


def threshold(seeds: Seeds) -> Estimate:
    """Return the geometric mean over start networks of the D' at which r = ½."""
    crossings = [[s.crossing.threshold for s in by_decay.values()] for by_decay in seeds]
    return critical_size.population(crossings, unit="examples")


RESAMPLING_SEED = 20230905
"""Of the bootstrap, so that equal records give equal verdicts."""


def _num_novel(run: RunSettings) -> int:
    """Return how many pairs are novel to a run."""
    num_pairs = tasks.num_pairs(run.task.operation, run.task.size)
    return int(part_masks(run, num_pairs)["novel"].sum())


def threshold_by_binomial_model(main: Sequence[Continued]) -> Estimate | None:
    """Return the second opinion on the threshold, see ``efficiency.binomial``.

    One fit for each start network, weight decays together. ``None`` with fewer than four.
    """
    by_start: dict[RunSettings, list[Continued]] = {}
    for one in main:
        by_start.setdefault(one.start, []).append(one)
    logs = []
    for start, continuations in by_start.items():
        sizes = np.array([one.size for one in continuations])
        total = np.array([_num_novel(one.run.settings) for one in continuations])
        accuracy = np.array([one.number("novel_accuracy") for one in continuations])
        chance = 1 / tasks.num_symbols(start.task.operation, start.task.size)
        fitted = binomial.fit(sizes, accuracy * total, total, lower=chance)
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


def find(runs: Sequence[Run]) -> Finding:
    """Apply the rule of ``Ungrokking`` to start networks and their runs, in any order."""
    continued, notes = usable(runs)
    main = [one for one in continued if one.start_knew_everything]
    seeds = sweeps(main)

    def finding(
        outcome: VerdictOutcome,
        sentence: str,
        numbers: dict[str, Estimate] | None = None,
        p_value: float | None = None,
        deciding: str | None = None,
    ) -> Finding:
        return Finding(
            outcome=outcome,
            sentence=sentence,
            numbers=numbers or {},
            deciding=deciding,
            p_value=p_value,
            notes=tuple(notes),
        )

    if not main:
        return finding("invalid", "No start network counts.")
    sizes = sorted({one.size for one in main})
    if len(seeds) < MIN_SEEDS or len(sizes) < critical_size.MIN_SIZES:
        return finding(
            "undecided",
            f"{len(seeds)} start networks that count and {len(sizes)} sizes are too few: the rule "
            f"needs {MIN_SEEDS} and {critical_size.MIN_SIZES}.",
        )
    numbers = _transition(seeds, sizes) | _ends(main, sizes) | _still_moving(main)
    if (second := threshold_by_binomial_model(main)) is not None:
        numbers["threshold_by_binomial_model"] = second
    numbers |= _removed_against_never_seen([c for c in continued if not c.start_knew_everything])
    outcome, deciding, sentence = _decide(numbers, sizes, seeds[0])
    return finding(outcome, sentence, numbers, _p_value(main, seeds, sizes), deciding)


def _p_value(main: Sequence[Continued], seeds: Seeds, sizes: list[int]) -> float:
    """Return the largest p of the rule's three parts: fall, keep, transition."""
    half = (1 + 1 / seeds[0][next(iter(seeds[0]))].num_symbols) / 2
    smallest, largest = (
        _by_start([(c.start, c.number("novel_accuracy")) for c in main if c.size == size])
        for size in (sizes[0], sizes[-1])
    )
    return max(
        greater_p([-accuracy for accuracy in smallest], -half),
        greater_p(largest, half),
        greater_p(_advantages(seeds)),
    )


def _advantages(seeds: Seeds) -> list[float]:
    """Return for each start network by how much a straight line fits worse than an S-curve."""
    errors = [
        np.mean([critical_size.fit_errors(s.sizes, s.retained) for s in by.values()], axis=0)
        for by in seeds
    ]
    return [float(line - curve) for curve, line in errors]


def _advantages_over_log_line(seeds: Seeds) -> list[float]:
    """Return the same for a straight line in log D', which saturates without a threshold."""
    errors = []
    for by in seeds:
        found = []
        for sweep in by.values():
            curve, _ = critical_size.fit_errors(sweep.sizes, sweep.retained)
            _, line = critical_size.fit_errors(np.log(sweep.sizes), sweep.retained)
            found.append(line - curve)
        errors.append(float(np.mean(found)))
    return errors


def _transition(seeds: Seeds, sizes: list[int]) -> dict[str, Estimate]:
    """Return threshold, bracket, end accuracies, widths, and curve against line."""
    numbers = {"threshold": threshold(seeds)}
    for decay in seeds[0]:
        numbers[f"threshold_at_weight_decay_{decay:g}"] = critical_size.population(
            [[by[decay].crossing.threshold] for by in seeds], unit="examples"
        )
    numbers |= _bracket(seeds, sizes)

    widths = [[s.crossing.width or OPEN for s in by.values()] for by in seeds]
    lines = [[critical_size.line_width(s.sizes, s.retained) for s in by.values()] for by in seeds]
    ratios = [
        [(width[0] - line[1], width[1] - line[0]) for width, line in zip(*pair, strict=True)]
        for pair in zip(widths, lines, strict=True)
    ]
    numbers["transition_width"] = critical_size.population(widths, unit="examples")
    numbers["straight_line_width"] = critical_size.population(lines, unit="examples")
    numbers["transition_to_line_width"] = critical_size.population(ratios, unit="1")

    numbers["line_minus_curve_error"] = over_seeds(_advantages(seeds))
    numbers["log_line_minus_curve_error"] = over_seeds(_advantages_over_log_line(seeds))
    return numbers


def _ends(main: Sequence[Continued], sizes: list[int]) -> dict[str, Estimate]:
    """Return the accuracies at both ends; measured if most runs there have settled."""
    numbers = {}
    for name, D in (("smallest", sizes[0]), ("largest", sizes[-1])):
        there = [one for one in main if one.size == D]
        numbers[f"accuracy_at_{name}_size"] = over_seeds(
            _by_start([(one.start, one.number("novel_accuracy")) for one in there]),
            least=0.0,
            most=1.0,
            settled=sum(one.run.outcome.status == "settled" for one in there) > len(there) / 2,
        )
    return numbers


def _bracket(seeds: Seeds, sizes: list[int]) -> dict[str, Estimate]:
    """Return the largest size that always falls and the smallest that never does."""
    every = [sweep for by in seeds for sweep in by.values()]
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


def _by_start(values: Sequence[tuple[RunSettings, float]]) -> list[float]:
    """Return the mean of the values of each start network."""
    grouped: dict[RunSettings, list[float]] = {}
    for start, value in values:
        grouped.setdefault(start, []).append(value)
    return [float(np.mean(group)) for group in grouped.values()]


def _still_moving(main: Sequence[Continued]) -> dict[str, Estimate]:
    """Return the share of runs that had settled, and how far partial accuracies still moved."""
    settled = [one.run.outcome.status == "settled" for one in main]
    numbers = {
        "share_of_continued_runs_settled": Estimate(
            value=float(np.mean(settled)), low=None, high=None, n=len(settled), unit="1"
        )
    }
    S = tasks.num_symbols(main[0].start.task.operation, main[0].start.task.size)
    low, high = critical_size.PARTIAL
    drift = _by_start(
        [
            (one.start, one.number("novel_accuracy_drift"))
            for one in main
            if low < float(critical_size.retained(one.number("novel_accuracy"), S)) < high
        ]
    )
    if len(drift) >= MIN_SEEDS:
        numbers["drift_of_partial_accuracies"] = over_seeds(drift)
    return numbers


def _removed_against_never_seen(held_out: Sequence[Continued]) -> dict[str, Estimate]:
    """Return accuracy kept on removed and on never-seen examples, and their difference by seed."""
    removed = _by_start([(one.start, one.number("removed_accuracy")) for one in held_out])
    never_seen = _by_start([(one.start, one.number("never_seen_accuracy")) for one in held_out])
    if len(removed) < MIN_SEEDS:
        return {}
    return {
        "accuracy_on_removed": over_seeds(removed, least=0.0, most=1.0),
        "accuracy_on_never_seen": over_seeds(never_seen, least=0.0, most=1.0),
        "removed_minus_never_seen": over_seeds(
            [r - s for r, s in zip(removed, never_seen, strict=True)], least=-1.0, most=1.0
        ),
    }


def _decide(
    numbers: dict[str, Estimate], sizes: list[int], by_decay: dict[float, Sweep]
) -> tuple[VerdictOutcome, str, str]:
    """Return the outcome, the number that decided or left it open, and why, in a sentence."""
    half = (1 + 1 / next(iter(by_decay.values())).num_symbols) / 2
    smallest, largest = numbers["accuracy_at_smallest_size"], numbers["accuracy_at_largest_size"]
    advantage = numbers["line_minus_curve_error"]
    low_small, high_small = bounds(smallest)
    low_large, _ = bounds(largest)
    low_advantage, high_advantage = bounds(advantage)
    falls, keeps = high_small < half, low_large > half
    seeds = f"{smallest.n} start networks"
    if low_small > half and smallest.status == "measured":
        return (
            "refuted",
            "accuracy_at_smallest_size",
            (
                f"No fall: at the smallest D' = {sizes[0]} accuracy on novel pairs is still "
                f"{smallest} "
                f"({seeds})."
            ),
        )
    if falls and keeps and high_advantage < 0:
        return (
            "refuted",
            "line_minus_curve_error",
            (
                "No transition: a straight line in D' fits better than an S-curve in log D' "
                f"(error difference {advantage}, {seeds})."
            ),
        )
    if falls and keeps and low_advantage > 0:
        return (
            "supported",
            "line_minus_curve_error",
            (
                f"Accuracy on novel pairs falls to {smallest} at D' = {sizes[0]} and stays "
                f"{largest} at "
                f"D' = {sizes[-1]}; it crosses the middle ({half:.3f}) at "
                f"D' = {numbers['threshold']} ({seeds})."
            ),
        )
    open_questions = [
        question
        for question, decided in (
            (f"whether it falls at D' = {sizes[0]}", falls),
            (f"whether it is kept at D' = {sizes[-1]}", keeps),
            (f"whether the fall is a transition (error difference {advantage})", low_advantage > 0),
        )
        if not decided
    ]
    left_open = (
        "line_minus_curve_error"
        if falls and keeps
        else ("accuracy_at_largest_size" if falls else "accuracy_at_smallest_size")
    )
    return (
        "undecided",
        left_open,
        (
            f"Accuracy on novel pairs is {smallest} at D' = {sizes[0]} and {largest} at D' = "
            f"{sizes[-1]}, and "
            f"crosses the middle ({half:.3f}) at D' = {numbers['threshold']} ({seeds}). "
            f"This leaves open {' and '.join(open_questions)}."
        ),
    )
