"""Whether test loss peaks where networks just fit their examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.cells import Run
from predictions.clauses import above, decide
from predictions.double_descent.axes import ExamplesTrainedOn, Features, Width
from predictions.double_descent.claims import ASSUMED, LOSS, AlongAxis
from predictions.double_descent.digits import TRAINED
from predictions.double_descent.peaks import (
    BOUND,
    MIN_SEEDS,
    Peak,
    highest,
    mostly,
    near,
)
from predictions.judging import geometric, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.sizes import Size
from predictions.verdicts import Finding

RISE, FALL = "peak_to_valley", "peak_to_end"

NEAR, TO_FIT = "share_near", "peak_to_fit"

ERROR = "test_error"


def rule_of(varied: str, read: str, fits: str) -> str:
    """Return the rule of a claim about a peak."""
    return (
        f"Along {varied}, without weight decay; test loss is {read}, at three places that the "
        "design has: a valley, a peak and the end. Supported if (rise) a seed's loss at the peak / "
        "at the valley and (fall) that at the peak / at the end exceed 1 in geometric mean (95% "
        "intervals, Student's t), and (near) in more than half of the seeds their own loss, from "
        f"the valley on, is highest within a factor of {BOUND:g} of {fits} (95% interval, Clopper "
        "and Pearson; where that is not among what is tried, it supports nothing and refutes "
        "nothing). Refuted if one of the two means lies below 1, or that share below one half. A "
        "run that diverged leaves out its seed. Undecided otherwise, and with fewer than "
        f"{MIN_SEEDS} seeds."
    )


class PeakWhereItFits(AlongAxis):
    """Test loss peaks at the interpolation threshold, along an axis."""

    decays: ClassVar[tuple[float, ...]] = (0.0,)
    criterion: ClassVar[str] = f"a rise, a fall, and a peak within a factor of {BOUND:g}"
    refutation: ClassVar[str] = (
        "Test loss that falls before the peak or rises after it, or is highest elsewhere than "
        "where networks just fit."
    )
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if test loss rises and falls "
        "as the power 0.8 around a place that seeds share within a fifth, and refute it if that is "
        "4 times away from where networks just fit (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Test loss without weight decay (geometric mean with its 95% interval); dashed: where "
        "networks just fit their examples."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        RISE: "test loss at the peak / at the valley, places of the design",
        FALL: "test loss at the peak / at the end, likewise",
        NEAR: "of seeds whose test loss is highest near where their networks just fit",
        TO_FIT: "where a seed's test loss is highest / where its networks just fit, geometric mean",
        LOSS: "geometric mean over seeds",
        ERROR: "share of wrong answers on test examples at a place, geometric mean over seeds",
        "peak_at": "where a seed's test loss is highest, from the valley on, geometric mean",
        "fit_at": "where a seed's networks just fit, middle of its bracket, geometric mean",
    }

    def found(self, size: Size, seeds: Mapping[int, Sequence[Run]]) -> Finding:
        """See ``AlongAxis``."""
        places = self.axis.places(self.designs[size])
        losses = {seed: self.axis.losses(runs) for seed, runs in seeds.items()}
        read = {seed: Peak.of(curve, places) for seed, curve in losses.items()}
        rise = {seed: one.rise for seed, one in read.items()}
        fall = {seed: one.fall for seed, one in read.items()}
        peaks = {seed: float(highest(curve, places[0])) for seed, curve in losses.items()}
        fits = {seed: self.axis.fits_at(runs) for seed, runs in seeds.items()}
        there = {seed: near(peaks[seed], fits[seed]) for seed in seeds}
        numbers: Numbers = {
            RISE: geometric([math.exp(one) for one in rise.values()]),
            FALL: geometric([math.exp(one) for one in fall.values()]),
            NEAR: share([one is True for one in there.values()]),
            "peak_at": geometric(peaks.values()),
        }
        known = {seed: at for seed, at in fits.items() if at is not None}
        if len(known) > 1:
            numbers["fit_at"] = geometric(known.values())
            numbers[TO_FIT] = geometric([peaks[seed] / at for seed, at in known.items()])
        errors = [self.axis.errors(runs) for runs in seeds.values()]
        for at in places:
            if all(one[at] > 0 for one in errors):
                name = Labelled(ERROR, **{self.axis.label: at})
                numbers[name] = geometric([one[at] for one in errors])
        return Finding.of(
            decide([above(RISE, rise, 0.0), above(FALL, fall, 0.0), mostly(NEAR, there)]),
            f"Test loss rises to its peak {numbers[RISE]} times and falls from it {numbers[FALL]} "
            f"times; in {sum(map(bool, there.values()))} of {plural(len(seeds), 'seed')} it is "
            f"highest within a factor of {BOUND:g} of where networks just fit.",
            numbers | self.curves(seeds),
        )


class FeaturesPeak(PeakWhereItFits):
    """Belkin et al. (2019), Figure 2: random features, solved exactly."""

    name: ClassVar[str] = "features-peak"
    title: ClassVar[str] = "Double descent over random features"
    axis: ClassVar[Features] = Features()
    claim: ClassVar[str] = (
        "The test loss of random features rises to a peak where there are as many of them as "
        "examples, and falls again with more."
    )
    rule: ClassVar[str] = rule_of(Features.varied, Features.read, Features.fits)
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMED,
        "Of all solutions without an error the one of smallest norm is taken: what gradient "
        "descent from 0 comes to. Labels are true.",
    )


class WidthPeak(PeakWhereItFits):
    """Belkin et al. (2019), section 3; Nakkiran et al. (2020), section 5: trained networks."""

    name: ClassVar[str] = "width-peak"
    title: ClassVar[str] = "Double descent over width"
    axis: ClassVar[Width] = Width()
    claim: ClassVar[str] = (
        "On examples some of which have a wrong label, the test loss of networks of growing width "
        "falls, rises to a peak at the width that just fits them, and falls again."
    )
    rule: ClassVar[str] = rule_of(Width.varied, Width.read, Width.fits)
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMED,
        *TRAINED,
        "What just fits depends on how long is trained (their effective model complexity): the "
        "width is that of this length. With cross-entropy it is far below examples · classes "
        "parameters.",
    )


class ExamplesPeak(PeakWhereItFits):
    """Nakkiran et al. (2020), section 7: more data can hurt."""

    name: ClassVar[str] = "examples-peak"
    title: ClassVar[str] = "A peak of test loss over examples"
    axis: ClassVar[ExamplesTrainedOn] = ExamplesTrainedOn()
    claim: ClassVar[str] = (
        "Trained on more examples, some of which have a wrong label, a network has a higher test "
        "loss up to as many as it just fits, and a lower one on more."
    )
    rule: ClassVar[str] = rule_of(
        ExamplesTrainedOn.varied, ExamplesTrainedOn.read, ExamplesTrainedOn.fits
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMED,
        *TRAINED,
        "Each number of examples has a test set of its own, of all digits that are left.",
    )
