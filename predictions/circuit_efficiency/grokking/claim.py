"""Grokking, the baseline: generalisation long after the examples are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from predictions import delay
from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.delay import MIN_DELAY
from predictions.designs import Part
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import Finding


class Grokking(Prediction):
    """The baseline (paper, section 1; Power et al. 2022)."""

    name: ClassVar[str] = "grokking"
    parts: ClassVar[tuple[Part[Any], ...]] = (scratch.DESIGNS,)
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
        "each seed, medians bold, of six or more with their 95% interval at each step, at the "
        "largest dataset size. After Figure 1 of the paper."
    )
    glossary: ClassVar[Mapping[str, str]] = delay.GLOSSARY

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = scratch.DESIGNS.on(on)
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} seeds trained from scratch on "
            f"D = {on.scaled(d.sizes)[-1]} examples for {d.num_steps:,} steps with weight decay 1."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        largest = max(on.scaled(scratch.DESIGNS.on(on).sizes))
        cells = scratch.scratch_arm(on, on.seeds(num_seeds))
        return [cell for cell in cells if cell.settings.dataset_size == largest]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        by_seed, left_out = scratch.usable(runs)
        counted = [run for by in by_seed.values() for run in by.values()]
        return delay.find(counted, tuple(left_out))
