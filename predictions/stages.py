"""Designs in stages: what is trained later follows from what was found, and said, before.

The runs of the first stage of a seed are fixed. Those of every later stage are a pure function of
what was foretold of that seed from its runs of the stages before, so that a look at more seeds
changes nothing of those that were there. ``predictions.foretold`` writes down what is foretold
before anything that follows from it is trained.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self

from efficiency.settings import RunSettings
from predictions.cells import Cell, Run
from predictions.grounds import ground
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.variants import AS_DESIGNED, Variant

Foretold = Mapping[str, Any]
"""What is said of a seed after a stage, as JSON types."""

Said = Mapping[int, tuple[Foretold, ...]]
"""What was foretold of each seed, stage by stage."""

NOTHING: Said = MappingProxyType({})


class Staged(Prediction):
    """A prediction whose later runs follow from what its earlier ones showed.

    Args:
        variant: Another operation or network than its sizes have.
        said: What was foretold.

    Attributes:
        question: What several predictions share that foretell the same and read the same runs.
        stages: Names of the stages.
    """

    question: ClassVar[str]
    stages: ClassVar[tuple[str, ...]]

    def __init__(self, variant: Variant = AS_DESIGNED, said: Said = NOTHING) -> None:
        super().__init__(variant)
        self.said = said

    def knowing(self, said: Said) -> Self:
        """Return the same prediction with other things foretold."""
        return type(self)(self.variant, said)

    @abstractmethod
    def cells_of(self, size: Size, seed: int) -> list[Cell]:
        """Return the runs of a seed in the stages that are known from what was foretold of it."""

    def foretell(self, size: Size, seed: int, runs: Sequence[Run]) -> Foretold:
        """Return what follows for a seed from its runs of all stages so far.

        What may be there of later stages, or of other seeds, is not read. Runs that descend from
        one that diverged are not there.
        """
        return self.conclude(size, seed, self.so_far(seed, runs))

    @abstractmethod
    def conclude(self, size: Size, seed: int, runs: Sequence[Run]) -> Foretold:
        """Return the same from its runs of all stages so far, and no others."""

    @abstractmethod
    def extremes(self, size: Size) -> tuple[tuple[Foretold, ...], tuple[Foretold, ...]]:
        """Return what could be foretold of a seed that takes the least training, and the most."""

    def seeds(self, size: Size, num_seeds: int | None = None) -> Sequence[int]:
        """Return the seeds that it is asked of."""
        return ground(size, self.variant).seeds(num_seeds)

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """Return the runs of the stages that are known, see ``Prediction.cells``."""
        every = (self.cells_of(size, seed) for seed in self.seeds(size, num_seeds))
        return [cell for cells in every for cell in cells]

    def so_far(self, seed: int, runs: Sequence[Run]) -> list[Run]:
        """Return the runs of a seed in the stages that are known from what was foretold of it."""
        known = self.stages[: len(self.said.get(seed, ())) + 1]
        return [run for run in runs if run.seed == seed and run.cell.stage in known]

    def open_seeds(self, size: Size, num_seeds: int | None = None) -> list[int]:
        """See ``Prediction.open_seeds``."""
        last = len(self.stages) - 1
        return [s for s in self.seeds(size, num_seeds) if len(self.said.get(s, ())) < last]


def foreseen(
    prediction: Prediction, size: Size, num_seeds: int | None
) -> tuple[list[RunSettings], list[RunSettings]] | None:
    """Return all runs of a design in stages if what is open takes the least, and the most.

    ``None`` where nothing is open.
    """
    still = prediction.open_seeds(size, num_seeds)
    if not still or not isinstance(prediction, Staged):
        return None
    least, most = (
        prediction.knowing({**prediction.said, **dict.fromkeys(still, said)}).settings(
            size, num_seeds
        )
        for said in prediction.extremes(size)
    )
    return least, most
