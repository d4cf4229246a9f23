"""What all claims about double descent along an axis share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.cells import Cell, Run
from predictions.double_descent.axes import Axis
from predictions.double_descent.digits import ASSUMPTIONS, DESIGNS, Digits
from predictions.double_descent.peaks import MIN_SEEDS, by_seed
from predictions.judging import geometric, too_few
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LOSS = "test_loss"

ASSUMED = (
    *ASSUMPTIONS,
    "Sizes, lengths, and the places at which peaks are read, were chosen on development seeds 800 "
    "to 857. Of values drawn at random among those tried about half would be near where networks "
    "just fit. A factor of two is wider than seeds differ: nothing is said of whether a seed that "
    "fits at a larger value peaks at one.",
)


class AlongAxis(SelfDesigned):
    """A claim about networks along one axis.

    Attributes:
        axis: What is varied.
        decays: λ of its runs.
    """

    axis: ClassVar[Axis]
    decays: ClassVar[tuple[float, ...]]
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Digits]] = DESIGNS
    if_diverged: ClassVar[str] = "leaves out its seed"
    assumptions: ClassVar[tuple[str, ...]] = ASSUMED

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        values = ", ".join(map(str, self.axis.values(d)))
        decays = ", ".join(f"{decay:g}" for decay in self.decays)
        valley, peak, end = self.axis.places(d)
        return (
            f"{self.axis.design(d)}; {self.axis.varied} is {values}; {len(seeds)} seeds at each, "
            f"λ = {decays}. Places: valley {valley}, peak {peak}, end {end}."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [Cell(settings=run) for run in self.axis.runs(size, seeds, self.decays)]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        places = set(self.axis.places(self.designs[size]))
        seeds = {
            seed: some
            for seed, some in by_seed(runs).items()
            if places <= {self.axis.at(run) for run in some}
        }
        if len(seeds) < MIN_SEEDS:
            few = f"{too_few(len(seeds), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        return self.found(size, seeds)

    @abstractmethod
    def found(self, size: Size, seeds: Mapping[int, Sequence[Run]]) -> Finding:
        """Apply the rule to the runs of seeds of which none diverged, enough of them."""

    def curves(self, seeds: Mapping[int, Sequence[Run]]) -> Numbers:
        """Return the mean test loss at each value and weight decay."""
        numbers: Numbers = {}
        for decay in self.decays:
            curves = [self.axis.losses(runs, decay) for runs in seeds.values()]
            for value in sorted(curves[0]):
                name = Labelled(LOSS, **{self.axis.label: value, "weight_decay": decay})
                numbers[name] = geometric([curve[value] for curve in curves], unit=self.axis.unit)
        return numbers
