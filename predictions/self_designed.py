"""Predictions with a design of their own at each size, on tasks and networks of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from predictions.cells import Cell, Run
from predictions.grounds import judged_seeds
from predictions.judging import plural
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import Verdict


class HasSeeds(Protocol):
    """What every design has."""

    @property
    def num_seeds(self) -> int:
        """Seeds that it asks for."""
        ...


class SelfDesigned(Prediction):
    """A prediction with a design for each size, on operations and networks of its own.

    Attributes:
        designs: Its sizes.
        if_diverged: What becomes of a run that diverged, in the words of the rule.
    """

    varies: ClassVar[bool] = False
    designs: ClassVar[Mapping[Size, HasSeeds]]
    if_diverged: ClassVar[str]

    @abstractmethod
    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """Return the design at a size in words, without the number of its runs."""

    @abstractmethod
    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """Return the runs of a size."""

    def judge(self, size: Size, runs: Sequence[Run]) -> Verdict:
        """See ``Prediction.judge``; runs that diverged are named, whatever becomes of them."""
        verdict = super().judge(size, runs)
        seeds = sorted(r.settings.data_seed for r in runs if r.outcome.status == "diverged")
        if not seeds:
            return verdict
        note = (
            f"{plural(len(seeds), 'run')} diverged, of seed {', '.join(map(str, seeds))}: a run "
            f"that diverged {self.if_diverged}."
        )
        return verdict.saying(notes=(*verdict.notes, note))

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        number = len(self.settings(size, num_seeds))
        return f"{self.describe(size, self._seeds(size, num_seeds))} {number} runs."

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return self.cells_of(size, self._seeds(size, num_seeds))

    def _seeds(self, size: Size, num_seeds: int | None) -> range:
        number = self.designs[size].num_seeds if num_seeds is None else num_seeds
        return judged_seeds(number, self.variant.first_seed)
