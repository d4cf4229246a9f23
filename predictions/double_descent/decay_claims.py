"""Whether weight decay takes the peak of test loss away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from predictions.cells import Run
from predictions.clauses import above, below, decide
from predictions.double_descent.axes import Curve, Features, Width
from predictions.double_descent.claims import ASSUMED, LOSS, AlongAxis
from predictions.double_descent.digits import DECAYS, RIDGES, TRAINED
from predictions.double_descent.peaks import MIN_SEEDS
from predictions.judging import geometric, plural
from predictions.labelled import Numbers
from predictions.sizes import Size
from predictions.verdicts import Finding

WITHOUT, WITH = "bump", "bump_with_decay"

LEAST = 1.1
"""Factor by which test loss must exceed its neighbours' for there to be a peak."""


def rule_of(varied: str, read: str, decay: float) -> str:
    """Return the rule of a claim about decay."""
    return (
        f"Along {varied}; test loss is {read}. Of each seed: its loss at the place of the peak, "
        "which the design has, / the geometric mean of those at the values nearest to half and to "
        f"twice that, (without) with no weight decay and (with) with λ = {decay:g}. Supported if "
        f"in geometric mean (without) exceeds {LEAST:g} and (with) lies below it (95% intervals, "
        f"Student's t). Refuted if (with) exceeds it. Undecided otherwise, also where there is no "
        f"peak to remove, and with fewer than {MIN_SEEDS} seeds. A run that diverged leaves out "
        "its seed."
    )


class DecayRemovesIt(AlongAxis):
    """What peaks without decay falls with it (Nakkiran et al. 2021, arXiv 2003.01897)."""

    criterion: ClassVar[str] = "a rise without decay, and none with it"
    refutation: ClassVar[str] = "Test loss that rises to the same place with weight decay too."
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if with decay test loss falls "
        "on where it peaks without, and refute it if it rises as steeply (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Test loss without weight decay and with it (geometric means with their 95% intervals)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        WITHOUT: "test loss at the peak / that at about half and twice it, without weight decay",
        WITH: "the same with it",
        LOSS: "geometric mean over seeds",
    }

    def found(self, size: Size, seeds: Mapping[int, Sequence[Run]]) -> Finding:
        """See ``AlongAxis``."""
        peak, decay = self.axis.places(self.designs[size])[1], self.decays[-1]
        without, with_it = (
            {seed: bump(self.axis.losses(runs, one), peak) for seed, runs in seeds.items()}
            for one in (0.0, decay)
        )
        numbers: Numbers = {
            name: geometric([math.exp(one) for one in by_seed.values()])
            for name, by_seed in ((WITHOUT, without), (WITH, with_it))
        }
        least = math.log(LEAST)
        there = replace(above(WITHOUT, without, least), fails=None)
        return Finding.of(
            decide([there, below(WITH, with_it, least)]),
            f"Test loss at the peak is {numbers[WITHOUT]} times that at half and twice it without "
            f"decay, and {numbers[WITH]} times with λ = {decay:g} ({plural(len(seeds), 'seed')}).",
            numbers | self.curves(seeds),
        )


def bump(curve: Curve, peak: int) -> float:
    """Return ln of a curve at a place over its geometric mean at about half and twice it."""
    half, twice = (
        min((at for at in curve if at != peak), key=lambda at: abs(math.log(at / other)))
        for other in (peak / 2, 2 * peak)
    )
    return math.log(curve[peak]) - (math.log(curve[half]) + math.log(curve[twice])) / 2


_NOT_TUNED = (
    "λ is one for all values and was not tuned; the source says it of the best λ at each. It may "
    "cost more elsewhere than it saves at the peak, or move a peak out of sight."
)


class FeaturesDecay(DecayRemovesIt):
    """Ridge regression on random features."""

    name: ClassVar[str] = "features-decay"
    title: ClassVar[str] = "Random features with decay"
    axis: ClassVar[Features] = Features()
    decays: ClassVar[tuple[float, ...]] = RIDGES
    claim: ClassVar[str] = (
        f"With an L2 penalty on the outputs' weights (λ = {RIDGES[-1]:g}) the test loss of random "
        "features has no peak where there are as many of them as examples."
    )
    rule: ClassVar[str] = rule_of(Features.varied, Features.read, RIDGES[-1])
    assumptions: ClassVar[tuple[str, ...]] = (*ASSUMED, _NOT_TUNED)


class WidthDecay(DecayRemovesIt):
    """Trained networks."""

    name: ClassVar[str] = "width-decay"
    title: ClassVar[str] = "Width with decay"
    axis: ClassVar[Width] = Width()
    decays: ClassVar[tuple[float, ...]] = (DECAYS[0], DECAYS[-1])
    claim: ClassVar[str] = (
        f"With weight decay (λ = {DECAYS[-1]:g}) test loss has no peak where it has one without it."
    )
    rule: ClassVar[str] = rule_of(Width.varied, Width.read, DECAYS[-1])
    assumptions: ClassVar[tuple[str, ...]] = (*ASSUMED, *TRAINED, _NOT_TUNED)
