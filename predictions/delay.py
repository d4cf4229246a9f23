"""How much later than it fits its examples a network generalises: the mark of grokking."""

from __future__ import annotations

import math
from collections.abc import Sequence

from predictions.cells import Run
from predictions.clauses import above, decide
from predictions.judging import (
    MIN_SEEDS,
    count,
    each_once,
    geometric,
    over_seeds,
    plural,
    too_few,
)
from predictions.labelled import Numbers
from predictions.verdicts import Finding

MIN_DELAY = 5.0
"""Least ratio of the step of generalising to the step of fitting that counts as a delay."""

GLOSSARY: dict[str, str] = {
    "delay": "step half-way to the final accuracy / step of fitting",
    "final_accuracy": "on novel pairs, mean over seeds",
    "step_fitted": "first record with training accuracy at least 0.99, geometric mean",
    "step_halfway": "first of three records in a row half-way from chance to the final "
    "accuracy, geometric mean",
    "runs_that_never_moved": "final accuracy on novel pairs within 0.1 of chance",
}


def find(runs: Sequence[Run], notes: tuple[str, ...] = ()) -> Finding:
    """Judge whether networks generalise, and later than they fit, by the rule of ``grokking``.

    Args:
        runs: Runs of one design that fit their examples, one for each seed.
        notes: Why others are not among them.
    """
    if not runs:
        return Finding(outcome="invalid", sentence="No run fitted its examples.", notes=notes)
    if len(runs) < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{too_few(len(runs), 'seed')}: the rule needs {MIN_SEEDS}.",
            notes=notes,
        )
    task = runs[0].task
    half = task.halfway
    accuracies = each_once((run.seed, run.number("novel_accuracy")) for run in runs)
    fitted = [max(run.number("step_fitted"), 1.0) for run in runs]
    moved = [run for run in runs if _halfway(run) is not None]
    delays = {
        run.seed: (_halfway(run) or run.settings.num_steps) / step
        for run, step in zip(runs, fitted, strict=True)
    }
    numbers: Numbers = {
        "delay": geometric(delays.values()),
        "final_accuracy": over_seeds(accuracies.values(), least=0.0, most=1.0),
        "step_fitted": geometric(fitted, unit="steps"),
        "runs_that_never_moved": count(len(runs) - len(moved), len(runs)),
    }
    if len(moved) > 1:
        numbers["step_halfway"] = geometric(
            [value for run in moved if (value := _halfway(run)) is not None], unit="steps"
        )
    decision = decide(
        [
            above("delay", {seed: math.log(x) for seed, x in delays.items()}, math.log(MIN_DELAY)),
            above("final_accuracy", accuracies, half),
        ]
    )
    return Finding.of(
        decision,
        sentence=f"Trained from scratch on {runs[0].settings.dataset_size} examples, "
        f"{plural(len(runs), 'seed')} come to accuracy {numbers['final_accuracy']} on novel pairs, "
        f"half of the way {numbers['delay']} times later than they fit their examples.",
        numbers=numbers,
        notes=notes,
    )


def _halfway(run: Run) -> float | None:
    """Return the step half-way up, at least 1; ``None`` of a run that never was there steadily."""
    number = run.outcome.numbers.get("step_halfway")
    return None if number is None or number.value is None else max(number.value, 1.0)
