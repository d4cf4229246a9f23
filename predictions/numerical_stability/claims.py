"""Which ways of training generalise without weight decay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.cells import Cell, Run, of_arm
from predictions.clauses import decide, most
from predictions.judging import each_once, geometric, over_seeds, plural, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.numerical_stability.ways import (
    COLLAPSED,
    DECAY,
    DESIGNS,
    EXACT,
    GENERALISED,
    ORTHOGONAL,
    PLAIN,
    STABLE,
    Scratch,
    cells,
)
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

MIN_SEEDS = 6
"""Fewest of which all agreeing put a 95% interval above one half."""

SHARE, COLLAPSE, NOVEL, STEP = (
    "share_of_seeds",
    "collapsed_share",
    "novel_accuracy",
    "step_generalised",
)

ASSUMPTIONS = (
    "The network is theirs but for its embedding, which both operands share and which has a third "
    "of the hidden layer's units (theirs reads one-hot pairs), and for biases; the table is "
    "smaller. Their learning rate, 0.01, is said of one figure; a reader found that plain AdamW "
    "with decay is as fast there as anything they have (issue 8 of their code).",
    "What has not generalised within the budget counts as not generalising: theirs is up to 80,000 "
    "epochs.",
    "Sizes and length were chosen after a look at development seeds 880 to 883 (and one at a "
    "network of its own, before): in each of them orthogonal gradients generalised within 250 "
    "steps, decay within 1,000 and nothing else at all.",
    "Ways of one seed share data and initial weights: seeds are independent, ways are not.",
)


class Way(SelfDesigned):
    """A claim about seeds, by how networks of each are trained.

    Attributes:
        ways: Arms that it needs, the one that it speaks of first.
    """

    ways: ClassVar[tuple[str, ...]]
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Scratch]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as one that does not generalise"
    assumptions: ClassVar[tuple[str, ...]] = ASSUMPTIONS
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if it is so of 95 in 100 "
        "seeds, and refute it if of 5 in 100 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy on novel pairs over training, a line for each seed, and (grey) the share of "
        "training examples whose softmax has collapsed."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        SHARE: "of seeds of which it is so",
        COLLAPSE: "of training examples whose softmax is 1 in the network's precision, at the end, "
        "mean over seeds, in this way",
        NOVEL: "accuracy on novel pairs at the end, mean over seeds, in this way",
        STEP: f"first step with accuracy {GENERALISED:g}, geometric mean over the seeds with one, "
        "in this way",
        "share_generalised": "of seeds, in this way",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        return f"{DESIGNS[size].describe()}; {len(seeds)} seeds each by {', by '.join(self.ways)}."

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return cells(size, seeds, self.ways)

    def so(self, by_way: Mapping[str, Run]) -> bool:
        """Return whether it is so of a seed."""
        return generalised(by_way[self.ways[0]])

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        of_way = {way: each_once((run.seed, run) for run in of_arm(runs, way)) for way in self.ways}
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in of_way.values())))
        if len(seeds) < MIN_SEEDS:
            few = f"{too_few(len(seeds), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        it_is = {
            seed: self.so({way: by_seed[seed] for way, by_seed in of_way.items()}) for seed in seeds
        }
        numbers: Numbers = {SHARE: share(list(it_is.values()))}
        for way, by_seed in of_way.items():
            numbers |= _numbers(way, [by_seed[seed] for seed in seeds])
        return Finding.of(
            decide([most(SHARE, it_is)]),
            f"{self.told} in {sum(it_is.values())} of {plural(len(seeds), 'seed')}.",
            numbers,
        )

    @property
    def told(self) -> str:
        """What is counted, at the beginning of a sentence."""
        return f"With {self.ways[0]} and no weight decay networks generalise"


def generalised(run: Run) -> bool:
    """Return whether a run has generalised within its budget."""
    return math.isfinite(step(run))


def step(run: Run) -> float:
    """Return the first step from which on a run has generalised, infinite if there is none."""
    found = None if run.outcome.status == "diverged" else run.found("step_generalised")
    return math.inf if found is None else found


def _numbers(way: str, runs: Sequence[Run]) -> Numbers:
    numbers: Numbers = {
        Labelled("share_generalised", arm=way): share([generalised(run) for run in runs])
    }
    whole = [run for run in runs if run.outcome.status != "diverged"]
    for name in (NOVEL, COLLAPSE):
        known = [value for run in whole if (value := run.found(name)) is not None]
        if len(known) > 1:
            numbers[Labelled(name, arm=way)] = over_seeds(known, least=0.0, most=1.0)
    there = [step(run) for run in runs if generalised(run)]
    if len(there) > 1:
        numbers[Labelled(STEP, arm=way)] = geometric(there, unit="steps")
    return numbers


class SoftmaxCollapse(Way):
    """Why nothing happens without decay: their section 3 and Figure 2."""

    name: ClassVar[str] = "softmax-collapse"
    title: ClassVar[str] = "Softmax collapse"
    ways: ClassVar[tuple[str, ...]] = (PLAIN,)
    claim: ClassVar[str] = (
        "Without weight decay a network whose softmax is computed in float32 does not generalise "
        "within the steps that it is given, and its softmax has collapsed on almost all examples "
        "by then."
    )
    rule: ClassVar[str] = (
        f"Of each seed: that it has no three records in a row with accuracy {GENERALISED:g} on "
        f"novel pairs, and that at the end, as a median over the last quarter, at least "
        f"{COLLAPSED:.0%} of training examples have a softmax of exactly 1. Supported if it is so "
        "in more than half of the seeds (95% interval, Clopper and Pearson), refuted if in less "
        "than half. A run that diverged counts as one of which it is not so. Undecided otherwise, "
        f"and with fewer than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = "most seeds neither generalise nor have a loss left"
    refutation: ClassVar[str] = (
        "Networks that generalise with a softmax of float32, or do not while their loss goes on."
    )
    if_diverged: ClassVar[str] = "counts as one of which it is not so"

    def so(self, by_way: Mapping[str, Run]) -> bool:
        """See ``Way``."""
        run = by_way[PLAIN]
        if run.outcome.status == "diverged" or generalised(run):
            return False
        return (run.found(COLLAPSE) or 0.0) >= COLLAPSED

    @property
    def told(self) -> str:
        """See ``Way``."""
        return "With a softmax in float32 networks have collapsed without generalising"


def _rule(way: str) -> str:
    return (
        f"Networks are trained without weight decay, with {way}. Supported if more than half of "
        f"the seeds come to three records in a row with accuracy {GENERALISED:g} on novel pairs "
        "(95% interval, Clopper and Pearson), refuted if less than half do. A run that diverged "
        f"counts as one that does not generalise. Undecided otherwise, and with fewer than "
        f"{MIN_SEEDS} seeds."
    )


class ExactLoss(Way):
    """If collapse is what stops them, exact arithmetic should not (their Figure 1, float64)."""

    name: ClassVar[str] = "exact-loss"
    title: ClassVar[str] = "A loss that does not collapse"
    ways: ClassVar[tuple[str, ...]] = (EXACT,)
    claim: ClassVar[str] = (
        "Without weight decay networks generalise within the steps that they are given if their "
        "cross-entropy is computed so that it does not collapse."
    )
    rule: ClassVar[str] = _rule("cross-entropy from log-odds, exact to 1e-12")
    criterion: ClassVar[str] = "most seeds generalise"
    refutation: ClassVar[str] = "Networks that do not, whatever is left of their loss."


class StableMaxScratch(Way):
    """StableMax in place of softmax (their section 4)."""

    name: ClassVar[str] = "stablemax-scratch"
    title: ClassVar[str] = "StableMax from scratch"
    ways: ClassVar[tuple[str, ...]] = (STABLE,)
    claim: ClassVar[str] = (
        "Without weight decay networks generalise within the steps that they are given if their "
        "loss is that of StableMax."
    )
    rule: ClassVar[str] = _rule("StableMax in place of softmax")
    criterion: ClassVar[str] = "most seeds generalise"
    refutation: ClassVar[str] = "Networks that do not."


class OrthogonalScratch(Way):
    """⊥Grad (their section 5)."""

    name: ClassVar[str] = "orthogonal-scratch"
    title: ClassVar[str] = "Orthogonal gradients from scratch"
    ways: ClassVar[tuple[str, ...]] = (ORTHOGONAL,)
    claim: ClassVar[str] = (
        "Without weight decay networks generalise within the steps that they are given if "
        "gradients have no part along the weights, array by array."
    )
    rule: ClassVar[str] = _rule("gradients orthogonal to each array of weights")
    criterion: ClassVar[str] = "most seeds generalise"
    refutation: ClassVar[str] = "Networks that do not."


class OrthogonalSooner(Way):
    """Whether what is in place of decay is faster than decay (their Figures 1 and 6)."""

    name: ClassVar[str] = "orthogonal-sooner"
    title: ClassVar[str] = "Orthogonal gradients and weight decay"
    ways: ClassVar[tuple[str, ...]] = (ORTHOGONAL, DECAY)
    claim: ClassVar[str] = (
        "Networks generalise in fewer steps with orthogonal gradients and no weight decay than "
        "with weight decay."
    )
    rule: ClassVar[str] = (
        f"Of each seed: that the first of three records in a row with accuracy {GENERALISED:g} on "
        "novel pairs comes earlier with gradients orthogonal to each array of weights, without "
        "weight decay, than with whole gradients and λ = 1. Supported if it is so in more than "
        "half of the seeds (95% interval, Clopper and Pearson), refuted if in less than half. A "
        "run that diverged counts as one that does not generalise; where neither does, it is not "
        f"so. Undecided otherwise, and with fewer than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = "sooner in most seeds"
    refutation: ClassVar[str] = "Weight decay that is as fast."

    def so(self, by_way: Mapping[str, Run]) -> bool:
        """See ``Way``."""
        return step(by_way[ORTHOGONAL]) < step(by_way[DECAY])

    @property
    def told(self) -> str:
        """See ``Way``."""
        return "With orthogonal gradients networks generalise sooner than with weight decay"
