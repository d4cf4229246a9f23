"""Whether the norm that training comes to peaks where test loss does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.cells import Run
from predictions.clauses import above, decide
from predictions.double_descent.axes import AT, ExamplesTrainedOn, Features, Width
from predictions.double_descent.claims import ASSUMED, LOSS, AlongAxis
from predictions.double_descent.digits import TRAINED
from predictions.double_descent.peaks import BOUND, MIN_SEEDS, Peak, highest, mostly, near
from predictions.judging import geometric, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.sizes import Size
from predictions.verdicts import Finding

RISE, FALL = "norm_peak_to_valley", "norm_peak_to_end"

NEAR, APART = "share_near", "norm_peak_to_loss_peak"

NORM, MATCHED = "norm", "matched_norm"


def rule_of(varied: str, read: str, norm: str) -> str:
    """Return the rule of a claim about norms."""
    return (
        f"Along {varied}, without weight decay; test loss is {read}, the norm that of {norm}, at "
        "three places that the design has for test loss: a valley, a peak and the end. Supported "
        "if (rise) a seed's norm at the peak / at the valley and (fall) that at the peak / at the "
        "end exceed 1 in geometric mean (95% intervals, Student's t), and (near) in more than half "
        f"of the seeds the norm is largest within a factor of {BOUND:g} of where the test loss is "
        "highest, both from the valley on (95% interval, Clopper and Pearson). Refuted if one of "
        "the two means lies below 1, or that share below one half. A run that diverged leaves out "
        f"its seed. Undecided otherwise, and with fewer than {MIN_SEEDS} seeds."
    )


READING = (
    "Our reading of the theory: a network that fits wrong labels memorises, its norm is what that "
    "costs it, and test loss is highest where it costs most. The theory speaks of the norm for a "
    f"given logit. That is told for log-odds of {AT:g} nats where networks come to them, between "
    "two that differ in weight decay (one of them may be the one without, of which nothing says "
    "that its norm is the least); below the width that just fits there is none, so that it has no "
    "peak but an end. What is judged is the norm after equally many steps."
)


class NormPeaksThere(AlongAxis):
    """Norm and test loss have one peak."""

    criterion: ClassVar[str] = f"a rise, a fall, and both peaks within a factor of {BOUND:g}"
    refutation: ClassVar[str] = "A norm that only grows, or is largest elsewhere than test loss."
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if both are at one place that "
        "seeds share within a fifth, and refute it if they are a factor of 4 apart (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Test loss without weight decay, and the norm that training comes to (geometric means with "
        "their 95% intervals)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        RISE: "norm at the peak / at the valley, places of the design",
        FALL: "norm at the peak / at the end, likewise",
        NEAR: "of seeds whose norm is largest near where their test loss is highest",
        APART: "where a seed's norm is largest / where its test loss is highest, geometric mean",
        LOSS: "geometric mean over seeds",
        NORM: "without weight decay, geometric mean over seeds",
        MATCHED: f"at log-odds of {AT:g} nats, where most seeds come to them, geometric mean",
        "norm_peak_at": "where a seed's norm is largest, from the valley on, geometric mean",
        "loss_peak_at": "where a seed's test loss is highest, likewise",
    }

    def found(self, size: Size, seeds: Mapping[int, Sequence[Run]]) -> Finding:
        """See ``AlongAxis``."""
        places = self.axis.places(self.designs[size])
        losses = {seed: self.axis.losses(runs) for seed, runs in seeds.items()}
        norms = {seed: self.axis.norms(runs) for seed, runs in seeds.items()}
        read = {seed: Peak.of(curve, places) for seed, curve in norms.items()}
        rise = {seed: one.rise for seed, one in read.items()}
        fall = {seed: one.fall for seed, one in read.items()}
        of_loss, of_norm = (
            {seed: float(highest(curve, places[0])) for seed, curve in curves.items()}
            for curves in (losses, norms)
        )
        there = {seed: near(of_norm[seed], of_loss[seed]) for seed in seeds}
        numbers: Numbers = {
            RISE: geometric([math.exp(one) for one in rise.values()]),
            FALL: geometric([math.exp(one) for one in fall.values()]),
            NEAR: share([one is True for one in there.values()]),
            APART: geometric([at / of_loss[seed] for seed, at in of_norm.items()]),
            "norm_peak_at": geometric(of_norm.values()),
            "loss_peak_at": geometric(of_loss.values()),
        }
        matched = [self.axis.matched(runs) for runs in seeds.values()]
        for word, curves, fewest in ((NORM, list(norms.values()), 1), (MATCHED, matched, 2)):
            for value in sorted({value for curve in curves for value in curve}):
                known = [curve[value] for curve in curves if value in curve]
                if len(known) >= max(fewest, len(seeds) / 2):
                    numbers[Labelled(word, **{self.axis.label: value})] = geometric(known)
        return Finding.of(
            decide([above(RISE, rise, 0.0), above(FALL, fall, 0.0), mostly(NEAR, there)]),
            f"The norm rises {numbers[RISE]} times to where test loss peaks and falls "
            f"{numbers[FALL]} times from there; in {sum(map(bool, there.values()))} of "
            f"{plural(len(seeds), 'seed')} it is largest within a factor of {BOUND:g} of where "
            "test loss is highest.",
            numbers | self.curves(seeds),
        )


class FeaturesNorm(NormPeaksThere):
    """Belkin et al. (2019), Figure 2: the norm of the coefficients beside the test loss."""

    name: ClassVar[str] = "features-norm"
    title: ClassVar[str] = "Norm and test loss over random features"
    axis: ClassVar[Features] = Features()
    decays: ClassVar[tuple[float, ...]] = (0.0,)
    claim: ClassVar[str] = (
        "The norm of the weights that fit random features to their examples is largest where their "
        "test loss is highest."
    )
    rule: ClassVar[str] = rule_of(Features.varied, Features.read, "the outputs' weights")
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMED,
        "Published with the peak itself, and for solutions of smallest norm nearly algebra: that "
        "it holds is no evidence for circuit efficiency. Its failing would be evidence against the "
        "two that follow.",
    )


class WidthNorm(NormPeaksThere):
    """Mem costs most where a network just has room for it."""

    name: ClassVar[str] = "width-norm"
    title: ClassVar[str] = "Norm and test loss over width"
    axis: ClassVar[Width] = Width()
    decays: ClassVar[tuple[float, ...]] = Width.decays
    claim: ClassVar[str] = (
        "The norm that networks of growing width come to on the same examples is largest where "
        "their test loss is highest."
    )
    rule: ClassVar[str] = rule_of(Width.varied, Width.read, "the whole network")
    assumptions: ClassVar[tuple[str, ...]] = (*ASSUMED, *TRAINED, READING)


class ExamplesNorm(NormPeaksThere):
    """Mem costs more with every example, as long as there is room for it."""

    name: ClassVar[str] = "examples-norm"
    title: ClassVar[str] = "Norm and test loss over examples"
    axis: ClassVar[ExamplesTrainedOn] = ExamplesTrainedOn()
    decays: ClassVar[tuple[float, ...]] = ExamplesTrainedOn.decays
    claim: ClassVar[str] = (
        "The norm that a network comes to on more and more examples is largest where its test loss "
        "is highest."
    )
    rule: ClassVar[str] = rule_of(
        ExamplesTrainedOn.varied, ExamplesTrainedOn.read, "the whole network"
    )
    assumptions: ClassVar[tuple[str, ...]] = (*ASSUMED, *TRAINED, READING)
