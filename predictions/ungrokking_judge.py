"""The judge of ungrokking: from final test accuracies to a finding, by the prediction's rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from efficiency import critical_size
from efficiency.estimates import Estimate
from predictions.clauses import LEVEL, Clause, Decision, above, below, decide
from predictions.judging import MIN_SEEDS
from predictions.protocol import Finding, Run
from predictions.ungrokking_numbers import (
    advantages,
    by_start,
    ends,
    removed_against_never_seen,
    still_moving,
    threshold_by_binomial_model,
    transition,
)
from predictions.ungrokking_records import Continued, Seeds, sweeps, usable

FALL, KEEP = "accuracy_at_smallest_size", "accuracy_at_largest_size"
TRANSITION = "line_minus_curve_error"


def find(runs: Sequence[Run]) -> Finding:
    """Apply the rule of ``Ungrokking`` to start networks and their runs, in any order."""
    continued, left_out = usable(runs)
    notes = tuple(left_out)
    main = [one for one in continued if one.start_knew_everything]
    seeds = sweeps(main)
    if not main:
        return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
    sizes = sorted({one.size for one in main})
    if len(seeds) < MIN_SEEDS or len(sizes) < critical_size.MIN_SIZES:
        return Finding(
            outcome="undecided",
            sentence=f"{len(seeds)} start networks that count and {len(sizes)} sizes are too few: "
            f"the rule needs {MIN_SEEDS} and {critical_size.MIN_SIZES}.",
            notes=notes,
        )
    numbers = transition(seeds, sizes) | ends(main, sizes) | still_moving(main)
    if (second := threshold_by_binomial_model(main)) is not None:
        numbers["threshold_by_binomial_model"] = second
    numbers |= removed_against_never_seen([c for c in continued if not c.start_knew_everything])
    middle = (1 + 1 / seeds[0][min(seeds[0])].num_symbols) / 2
    clauses = _clauses(numbers, main, seeds, middle)
    decision = decide(clauses)
    sentence = _sentence(decision, clauses, numbers, sizes, middle)
    return Finding.of(decision, sentence, numbers, notes)


def _clauses(
    numbers: dict[str, Estimate], main: Sequence[Continued], seeds: Seeds, middle: float
) -> list[Clause]:
    """Return the rule's three parts: transition, keep, fall."""
    sizes = [one.size for one in main]
    smallest, largest = (
        by_start([(c.start, c.number("novel_accuracy")) for c in main if c.size == size])
        for size in (min(sizes), max(sizes))
    )
    falls, keeps = below(FALL, smallest, middle), above(KEEP, largest, middle)
    curves = above(TRANSITION, advantages(seeds), 0.0)
    # A line refutes a transition only where there is a fall to describe, and a network that still
    # moves may yet fall.
    straight = max(curves.fails or 0.0, falls.holds, keeps.holds)
    no_fall = falls.fails if numbers[FALL].status == "measured" else 1.0
    return [
        replace(falls, fails=no_fall),
        replace(keeps, fails=None),
        replace(curves, fails=straight),
    ]


def _sentence(
    decision: Decision,
    clauses: Sequence[Clause],
    numbers: dict[str, Estimate],
    sizes: list[int],
    middle: float,
) -> str:
    """Return what was found, in a sentence."""
    smallest, largest, advantage = numbers[FALL], numbers[KEEP], numbers[TRANSITION]
    seeds = f"{smallest.n} start networks"
    if decision.outcome == "refuted" and decision.deciding == FALL:
        return (
            f"No fall: at the smallest D' = {sizes[0]} accuracy on novel pairs is still {smallest} "
            f"({seeds})."
        )
    if decision.outcome == "refuted":
        return (
            "No transition: a straight line in D' fits better than an S-curve in log D' "
            f"(error difference {advantage}, {seeds})."
        )
    crosses = f"crosses the middle ({middle:.3f}) at D' = {numbers['threshold']} ({seeds})."
    if decision.outcome == "supported":
        return (
            f"Accuracy on novel pairs falls to {smallest} at D' = {sizes[0]} and stays {largest} "
            f"at D' = {sizes[-1]}; it {crosses}"
        )
    questions = {
        FALL: f"whether it falls at D' = {sizes[0]}",
        KEEP: f"whether it is kept at D' = {sizes[-1]}",
        TRANSITION: f"whether the fall is a transition (error difference {advantage})",
    }
    still_open = [questions[clause.number] for clause in clauses if clause.holds >= LEVEL]
    return (
        f"Accuracy on novel pairs is {smallest} at D' = {sizes[0]} and {largest} at "
        f"D' = {sizes[-1]}, and {crosses} This leaves open {' and '.join(still_open)}."
    )
