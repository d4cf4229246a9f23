"""The judge of ungrokking: from final test accuracies to a finding, by the prediction's rule."""

from __future__ import annotations

from collections.abc import Sequence

from efficiency import critical_size
from efficiency.estimates import Estimate
from efficiency.statistics import greater_p
from predictions.judging import MIN_SEEDS, bounds
from predictions.protocol import Finding, Run, VerdictOutcome
from predictions.ungrokking_numbers import (
    advantages,
    by_start,
    ends,
    removed_against_never_seen,
    still_moving,
    threshold_by_binomial_model,
    transition,
)
from predictions.ungrokking_records import Continued, Seeds, Sweep, sweeps, usable


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
    numbers = transition(seeds, sizes) | ends(main, sizes) | still_moving(main)
    if (second := threshold_by_binomial_model(main)) is not None:
        numbers["threshold_by_binomial_model"] = second
    numbers |= removed_against_never_seen([c for c in continued if not c.start_knew_everything])
    outcome, deciding, sentence = _decide(numbers, sizes, seeds[0])
    return finding(outcome, sentence, numbers, _p_value(main, seeds, sizes), deciding)


def _p_value(main: Sequence[Continued], seeds: Seeds, sizes: list[int]) -> float:
    """Return the largest p of the rule's three parts: fall, keep, transition."""
    half = (1 + 1 / seeds[0][next(iter(seeds[0]))].num_symbols) / 2
    smallest, largest = (
        by_start([(c.start, c.number("novel_accuracy")) for c in main if c.size == size])
        for size in (sizes[0], sizes[-1])
    )
    return max(
        greater_p([-accuracy for accuracy in smallest], -half),
        greater_p(largest, half),
        greater_p(advantages(seeds)),
    )


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
