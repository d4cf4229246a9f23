"""Generalisation long after the examples are fitted (Power et al. 2022, section 3, Figure 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from predictions import delay
from predictions.cells import Cell, Run, of_arm
from predictions.circuit_efficiency import scratch
from predictions.delay import MIN_DELAY
from predictions.first_study.ground import GROUNDS, Design
from predictions.first_study.times import time_of
from predictions.judging import MIN_SEEDS, count, middle, over_seeds
from predictions.labelled import Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Decayed(Design):
    """One size.

    Attributes:
        weight_decay: λ of the arm that is judged.
    """

    weight_decay: float


DESIGNS: dict[Size, Decayed] = {
    "smoke": Decayed(
        operation="division", fraction=0.8, weight_decay=1.0, num_steps=300, num_seeds=2
    ),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Decayed(
        operation="division", fraction=0.65, weight_decay=0.3, num_steps=12_000, num_seeds=8
    ),
    # A guess, not tried.
    "standard": Decayed(
        operation="division", fraction=0.5, weight_decay=0.3, num_steps=60_000, num_seeds=6
    ),
    # Their first figure has the arm without decay and this length.
    "paper": Decayed(
        operation="division", fraction=0.5, weight_decay=1.0, num_steps=1_000_000, num_seeds=3
    ),
}


WITH_DECAY, WITHOUT = "with decay", "without decay"
"""Arms: what is judged, and what is reported beside it."""


class DelayedGeneralisation(SelfDesigned):
    """First finding of the first study (Power et al. 2022, section 3, Figure 1 left)."""

    name: ClassVar[str] = "delayed-generalisation"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Decayed]] = DESIGNS
    if_diverged: ClassVar[str] = "is left out"
    title: ClassVar[str] = "Delayed generalisation"
    claim: ClassVar[str] = (
        "On modular division a network generalises long after it fits its examples."
    )
    rule: ClassVar[str] = (
        "Runs with weight decay, one for each seed, by the rule of grokking: the delay of a run "
        "is the recorded step at which accuracy on novel pairs has come half of its way over the "
        "step at which training accuracy reaches 0.99; of a run whose accuracy never moved, the "
        "length of the run over the step of fitting, the least that it can be. Intervals are 95% "
        "over seeds. Supported if the lower bound of final accuracy lies above the middle between "
        f"chance and 1 and that of the delay (geometric mean) > {MIN_DELAY:g}. Refuted if the "
        "upper bound of the accuracy lies below the middle, or that of the delay < "
        f"{MIN_DELAY:g}. "
        f"A run that diverged {if_diverged}. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} seeds. Invalid if no "
        "run fitted its examples. What happens without decay is reported and decides nothing."
    )
    criterion: ClassVar[str] = "final accuracy above the middle, and delay > 5"
    refutation: ClassVar[str] = "No generalisation within the budget, or none that is delayed."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Delays are log-normal over seeds.",
        "The paper's first figure has no weight decay and 10⁶ steps; where there is less time, "
        "only decay brings generalisation about, and a small one leaves it late.",
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if generalising takes 30 times "
        "as long as fitting and spreads by a factor of 2 between seeds (simulated for grokking)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy (above) and loss (below) on training examples (dashed) and on novel pairs over "
        "training, with weight decay and without, a line for each seed, medians bold, of "
        "six or more with their 95% interval at each step. After "
        "Figures 1 (left) and 4 of Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        **delay.GLOSSARY,
        "accuracy_without_decay": "final, on novel pairs, mean over seeds, λ = 0",
        "generalised_without_decay": "runs at λ = 0 with 0.9 on novel pairs in three records",
        "loss_rise": "highest test loss of a run with decay / test loss at its beginning, "
        "median and range",
        "loss_end": "test loss at the end of such a run / its highest, median and range",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        return (
            f"{on.describe(task)}; D = {on.part(task, d.fraction)}, {len(seeds)} seeds at "
            f"λ = {d.weight_decay:g} and at λ = 0, for {d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        return [
            Cell(settings=on.run(task, D, seed, d.num_steps, weight_decay=decay), arm=arm)
            for arm, decay in ((WITH_DECAY, d.weight_decay), (WITHOUT, 0.0))
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        with_decay, without = arms(runs)
        by_seed, left_out = scratch.usable(with_decay)
        judged = [run for by in by_seed.values() for run in by.values()]
        finding = delay.find(judged, tuple(left_out))
        return replace(finding, numbers={**finding.numbers, **_losses(judged), **_rest(without)})


def arms(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs with weight decay and those without."""
    return of_arm(runs, WITH_DECAY), of_arm(runs, WITHOUT)


def _losses(runs: Sequence[Run]) -> Numbers:
    """Return how the test loss rose and fell: the second descent in steps (their Figure 4)."""
    found = [run.left.history["test_loss"] for run in runs if run.left is not None]
    if not found:
        return {}
    return {
        "loss_rise": middle([float(loss.max() / loss.iloc[0]) for loss in found]),
        "loss_end": middle([float(loss.iloc[-1] / loss.max()) for loss in found]),
    }


def _rest(without: Sequence[Run]) -> Numbers:
    came = sum(not time_of(run).censored for run in without)
    numbers: Numbers = {"generalised_without_decay": count(came, len(without), "runs")}
    ended = [run.outcome.numbers.get("novel_accuracy") for run in without]
    accuracies = [e.value for e in ended if e is not None and e.value is not None]
    if len(accuracies) > 1:
        numbers["accuracy_without_decay"] = over_seeds(accuracies, least=0.0, most=1.0)
    return numbers
