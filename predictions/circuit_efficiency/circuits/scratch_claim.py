"""What claims about circuits over training share: the runs of ``grokking``, and who counts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.circuit_efficiency.circuits.logits import Courses, courses
from predictions.circuit_efficiency.grokking.claim import Grokking
from predictions.designs import Part
from predictions.judging import MIN_SEEDS, each_once, too_few
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import Finding

WHO_COUNTS = (
    "Runs from scratch at the largest dataset size of that arm, one for each seed, that fit their "
    "examples at the end. Gen's correct logit is the centred one on novel pairs, Mem's what "
    "training examples have more."
)


class OverTraining(Prediction):
    """A claim about both circuits while a network is trained from scratch."""

    parts: ClassVar[tuple[Part[Any], ...]] = (scratch.DESIGNS,)

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        return f"The runs of grokking: {Grokking(self.variant).design(size, num_seeds)}"

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return Grokking(self.variant).cells(size, num_seeds)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        by_seed, left_out = scratch.usable(runs)
        counted = each_once((seed, run) for seed, by in by_seed.items() for run in by.values())
        notes = tuple(left_out)
        if not counted:
            return Finding(outcome="invalid", sentence="No run fitted its examples.", notes=notes)
        if len(counted) < MIN_SEEDS:
            sentence = f"{too_few(len(counted), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=sentence, notes=notes)
        seen = {seed: courses(run.history) for seed, run in counted.items()}
        return self.judged(seen, counted, notes)

    @abstractmethod
    def judged(
        self, seen: Mapping[int, Courses], runs: Mapping[int, Run], notes: tuple[str, ...]
    ) -> Finding:
        """Apply the rule to both circuits of every seed that counts."""
