"""Grokking, the baseline: generalisation long after the examples are fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from efficiency import tasks
from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.statistics import greater_p
from predictions import scratch
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS, bounds, count, geometric, over_seeds, plural, value_of
from predictions.protocol import Finding, Prediction, Run, Size, VerdictOutcome

MIN_DELAY = 5.0
"""Least ratio of the step of generalising to the step of fitting that counts as a delay."""


class Grokking(Prediction):
    """The baseline (paper, section 1; Power et al. 2022)."""

    name: ClassVar[str] = "grokking"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Grokking"
    claim: ClassVar[str] = (
        "A network trained from scratch on more examples than the critical size first fits them, "
        "and generalises only long after."
    )
    rule: ClassVar[str] = (
        "Runs at the largest dataset size of the from-scratch arm, one for each seed. Accuracy is "
        "that on novel pairs: held out, and if the operation commutes their mirror images too. The "
        "delay of a run is the recorded step at which it has come half of its way over the step "
        "at which training accuracy reaches 0.99; of a run whose accuracy never moved it is "
        "taken as the length of the run over the step of fitting, the least that it can be. "
        "Intervals are 95% over seeds. Supported if the lower bound of final accuracy lies "
        "above the middle between chance and 1 and the lower bound of the delay (geometric mean) "
        f"> {MIN_DELAY:g}. Refuted if the upper bound of the accuracy lies below the middle, or "
        f"that of the delay < {MIN_DELAY:g}. Undecided otherwise, or with fewer than {MIN_SEEDS} "
        "seeds. Invalid if no run fitted its examples."
    )
    criterion: ClassVar[str] = "final accuracy above the middle, and delay > 5"
    refutation: ClassVar[str] = "No generalisation within the budget, or none that is delayed."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Delays are log-normal over seeds.",
        "Steps are those of the records: a step lies between its record and the one before.",
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if generalising takes 30 times "
        "as long as fitting and spreads by a factor of 2 between seeds (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy on training examples (dashed) and on novel pairs over training, a line for "
        "each seed, means bold, at the largest dataset size. After Figure 1 of the paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "delay": "step half-way to the final accuracy / step of fitting",
        "final_accuracy": "on novel pairs, mean over seeds",
        "step_fitted": "first record with training accuracy at least 0.99, geometric mean",
        "step_halfway": "first of three records in a row half-way from chance to the final "
        "accuracy, geometric mean",
        "runs_that_never_moved": "final accuracy on novel pairs within 0.1 of chance",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        d, on = scratch.DESIGNS[size], ground(size, self.variant)
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} seeds trained from scratch on "
            f"D = {on.scaled(d.sizes)[-1]} examples for {d.num_steps:,} steps with weight decay 1."
        )

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        on = ground(size, self.variant)
        runs = scratch.scratch_arm(on, on.seeds(num_seeds))
        return [
            run for run in runs if run.dataset_size == max(on.scaled(scratch.DESIGNS[size].sizes))
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        by_seed, left_out = scratch.usable(runs)
        notes, counted = tuple(left_out), [run for by in by_seed.values() for run in by.values()]
        if not counted:
            return Finding(outcome="invalid", sentence="No run fitted its examples.", notes=notes)
        if len(counted) < MIN_SEEDS:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(counted), 'seed')} are too few: the rule needs {MIN_SEEDS}.",
                notes=notes,
            )
        return _find(counted, notes)


def _find(runs: Sequence[Run], notes: tuple[str, ...]) -> Finding:
    task = runs[0].settings.task
    half = (1 + 1 / tasks.num_symbols(task.operation, task.size)) / 2
    accuracies = [value_of(run, "novel_accuracy") for run in runs]
    fitted = [max(value_of(run, "step_fitted"), 1.0) for run in runs]
    moved = [run for run in runs if "step_halfway" in run.outcome.numbers]
    delays = [
        (value_of(run, "step_halfway") if run in moved else run.settings.num_steps) / step
        for run, step in zip(runs, fitted, strict=True)
    ]
    numbers: dict[str, Estimate] = {
        "delay": geometric(delays),
        "final_accuracy": over_seeds(accuracies, least=0.0, most=1.0),
        "step_fitted": geometric(fitted, unit="steps"),
        "runs_that_never_moved": count(len(runs) - len(moved), len(runs)),
    }
    if len(moved) > 1:
        numbers["step_halfway"] = geometric(
            [value_of(run, "step_halfway") for run in moved], unit="steps"
        )
    accuracy, delay = bounds(numbers["final_accuracy"]), bounds(numbers["delay"])
    outcome: VerdictOutcome = "undecided"
    deciding = "delay" if accuracy[0] > half else "final_accuracy"
    if accuracy[0] > half and delay[0] > MIN_DELAY:
        outcome, deciding = "supported", "delay"
    elif accuracy[1] < half:
        outcome, deciding = "refuted", "final_accuracy"
    elif delay[1] < MIN_DELAY:
        outcome, deciding = "refuted", "delay"
    return Finding(
        outcome=outcome,
        sentence=f"Trained from scratch on {runs[0].settings.dataset_size} examples, "
        f"{plural(len(runs), 'seed')} come to accuracy {numbers['final_accuracy']} on novel pairs, "
        f"half of the way {numbers['delay']} times later than they fit their examples.",
        numbers=numbers,
        deciding=deciding,
        p_value=max(
            greater_p(accuracies, half),
            greater_p([math.log(d) for d in delays], math.log(MIN_DELAY)),
        ),
        notes=notes,
    )
