"""The judge of ungrokking: from final test accuracies to a finding, by the prediction's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from efficiency.statistics import critical_size
from efficiency.statistics.shapes import RIVALS, SHAPES
from predictions.cells import Run
from predictions.circuit_efficiency.ungrokking.cells import HELD_OUT, WHOLE
from predictions.circuit_efficiency.ungrokking.numbers import (
    by_start,
    ends,
    removed_against_never_seen,
    still_moving,
    threshold_by_binomial_model,
    transition,
)
from predictions.circuit_efficiency.ungrokking.reading import sweeps, usable
from predictions.circuit_efficiency.ungrokking.rivals import (
    SLOWER,
    advantages,
    forgetting,
    number_of,
)
from predictions.clauses import LEVEL, Clause, Decision, above, below, decide
from predictions.judging import MIN_SEEDS, over_seeds, plural
from predictions.labelled import Named, Numbers
from predictions.verdicts import Finding

FALL, KEEP = "accuracy_at_smallest_size", "accuracy_at_largest_size"
FORGETTING = "part_of_constant_forgetting"

_FORMULAS: dict[Named, str] = {number_of(name): SHAPES[name].formula for name in RIVALS}


def find(runs: Sequence[Run]) -> Finding:
    """Apply the rule of ``Ungrokking`` to start networks and their runs, in any order."""
    continued, left_out = usable(runs)
    notes = tuple(left_out)
    main = [one for one in continued if one.arm == WHOLE]
    seeds = sweeps(main)
    if not main:
        return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
    sizes = sorted({one.dataset_size for one in main})
    if len(seeds) < MIN_SEEDS or len(sizes) < critical_size.MIN_SIZES:
        return Finding(
            outcome="undecided",
            sentence=f"{len(seeds)} start networks that count and {len(sizes)} sizes are too few: "
            f"the rule needs {MIN_SEEDS} and {critical_size.MIN_SIZES}.",
            notes=notes,
        )
    better = {number_of(rival): by for rival, by in advantages(seeds).items()}
    forgets = forgetting(main)
    numbers = transition(seeds, sizes) | ends(main, sizes) | still_moving(main)
    numbers |= {name: over_seeds(by.values()) for name, by in better.items()}
    if len(forgets) >= MIN_SEEDS:
        numbers[FORGETTING] = over_seeds(forgets.values())
    else:
        notes += (
            f"{plural(len(forgets), 'start network')} had partial accuracies: whether they are "
            "forgotten at a rate is not asked.",
        )
    if (second := threshold_by_binomial_model(main)) is not None:
        numbers["threshold_by_binomial_model"] = second
    numbers |= removed_against_never_seen([c for c in continued if c.arm == HELD_OUT])
    middle = main[0].task.halfway
    clauses = _clauses(numbers, main, middle)
    clauses += _against_rivals(clauses, better, forgets)
    decision = decide(clauses)
    sentence = _sentence(decision, clauses, numbers, sizes, middle)
    return Finding.of(decision, sentence, numbers, notes)


def _clauses(numbers: Numbers, main: Sequence[Run], middle: float) -> list[Clause]:
    """Return the first parts of the rule: fall, keep."""
    sizes = [one.dataset_size for one in main]
    smallest, largest = (
        by_start([one for one in main if one.dataset_size == size], "novel_accuracy")
        for size in (min(sizes), max(sizes))
    )
    falls, keeps = below(FALL, smallest, middle), above(KEEP, largest, middle)
    # A network that still moves may yet fall.
    no_fall = falls.fails if numbers[FALL].status == "measured" else 1.0
    return [replace(falls, fails=no_fall), replace(keeps, fails=None)]


def _against_rivals(
    ends: Sequence[Clause],
    better: Mapping[str, Mapping[int, float]],
    forgets: Mapping[int, float],
) -> list[Clause]:
    """Return the other parts: a transition, against each rival shape; no forgetting at a rate."""
    # A shape without a threshold refutes a transition only where there is a fall to describe.
    no_ends = max(end.holds for end in ends)
    curves = [above(name, by, 0.0) for name, by in better.items()]
    found = [replace(curve, fails=max(curve.fails or 0.0, no_ends)) for curve in curves]
    if len(forgets) >= MIN_SEEDS:
        found.append(replace(below(FORGETTING, forgets, SLOWER), fails=None))
    return found


def _sentence(
    decision: Decision,
    clauses: Sequence[Clause],
    numbers: Numbers,
    sizes: list[int],
    middle: float,
) -> str:
    """Return what was found, in a sentence."""
    smallest, largest = numbers[FALL], numbers[KEEP]
    seeds = f"{smallest.n} start networks"
    if decision.outcome == "refuted" and decision.deciding == FALL:
        return (
            f"No fall: at the smallest D' = {sizes[0]} accuracy on novel pairs is still {smallest} "
            f"({seeds})."
        )
    if decision.outcome == "refuted":
        return (
            f"No transition: {_FORMULAS[decision.deciding]} fits better than an S-curve in log D' "
            f"(error difference {numbers[decision.deciding]}, {seeds})."
        )
    crosses = f"crosses the middle ({middle:.3f}) at D' = {numbers['threshold']} ({seeds})."
    if decision.outcome == "supported":
        return (
            f"Accuracy on novel pairs falls to {smallest} at D' = {sizes[0]} and stays {largest} "
            f"at D' = {sizes[-1]}; it {crosses}"
        )
    questions: dict[Named, str] = {
        FALL: f"whether it falls at D' = {sizes[0]}",
        KEEP: f"whether it is kept at D' = {sizes[-1]}",
        FORGETTING: "whether partial accuracies are not forgotten at one constant rate "
        f"({numbers.get(FORGETTING)} of what that would be)",
    }
    questions |= {
        name: f"whether the fall is a transition and not {formula} (error difference "
        f"{numbers[name]})"
        for name, formula in _FORMULAS.items()
    }
    still_open = [questions[clause.number] for clause in clauses if clause.holds >= LEVEL]
    return (
        f"Accuracy on novel pairs is {smallest} at D' = {sizes[0]} and {largest} at "
        f"D' = {sizes[-1]}, and {crosses} This leaves open {' and '.join(still_open)}."
    )
