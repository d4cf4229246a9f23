"""Ungrokking by plain gradient descent with an L2 penalty, where loss and penalty balance.

At rest AdamW has |g| / (|g| + ε) = λ|θ| in every coordinate, so that g ≈ −ελθ: the balance of loss
and a penalty of ελ‖θ‖²/2, with ε = 1e-8 at log-odds of 17 and more. Gradient descent on
L + λ‖θ‖²/2 comes to rest where the theory says that networks do, at a penalty that can be chosen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.settings import OptimiserSettings, RunSettings
from efficiency.statistics.critical_size import MIN_SIZES, population
from predictions.circuit_efficiency.ungrokking import claim as ungrokking
from predictions.circuit_efficiency.ungrokking.judge import FALL, KEEP
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import (
    Continued,
    Seeds,
    sweeps,
    thresholds,
    usable,
)
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN, RATIO_MARGIN
from predictions.clauses import Clause, above, below, decide, within
from predictions.grounds import WARMUP_STEPS, Ground, ground
from predictions.judging import MIN_SEEDS, geometric, over_seeds, plural, too_few
from predictions.protocol import Finding, Prediction, Run, Size
from predictions.ratios import Ratio

AT_REST = 0.02
"""Largest mean change of accuracy between the halves of the tail that counts as none."""

APART = 1.1
"""Least ratio of log-odds with which two penalties are two questions."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size, on the ground of ``predictions.grounds``.

    Attributes:
        sizes: D' of the continuations.
        learning_rate: η, without Adam's scaling: it must stay below 2 / curvature.
        weight_decays: λ of the penalty λ‖θ‖²/2, the smaller one first.
        steps_at_largest: Length at the largest λ; at the other the same in units of η·λ·steps.
        num_seeds: Start networks.
    """

    sizes: tuple[int, ...]
    learning_rate: float
    weight_decays: tuple[float, float]
    steps_at_largest: int
    num_seeds: int


DESIGNS: dict[Size, Design] = {
    "smoke": Design(
        sizes=(10, 20, 40, 80),
        learning_rate=0.015,
        weight_decays=(1e-3, 3e-3),
        steps_at_largest=500,
        num_seeds=3,
    ),
    # Chosen by measurement: docs/decisions/021-circuits-and-rest.md.
    "quick": Design(
        sizes=(50, 103, 137, 183, 244, 325, 433),
        learning_rate=0.015,
        weight_decays=(1e-3, 3e-3),
        steps_at_largest=54_000,
        num_seeds=12,
    ),
    # Guesses, not tried.
    "standard": Design(
        sizes=(151, 280, 373, 498, 664, 885, 1180),
        learning_rate=0.01,
        weight_decays=(1e-3, 3e-3),
        steps_at_largest=80_000,
        num_seeds=6,
    ),
    "paper": Design(
        sizes=ungrokking.PAPER_SIZES,
        learning_rate=0.005,
        weight_decays=(1e-3, 3e-3),
        steps_at_largest=160_000,
        num_seeds=6,
    ),
}


def descending(ground: Ground, start: RunSettings, dataset_size: int, decay: float) -> RunSettings:
    """Return the run that continues a start network by gradient descent on fewer examples."""
    d = DESIGNS[ground.size]
    return RunSettings(
        task=start.task,
        network=start.network,
        optimiser=OptimiserSettings(
            method="gradient-descent",
            learning_rate=d.learning_rate,
            weight_decay=decay,
            warmup_steps=WARMUP_STEPS,
            decay_fraction=0.25,
        ),
        dataset_size=dataset_size,
        data_seed=start.data_seed,
        start=start,
        num_steps=round(d.steps_at_largest * max(d.weight_decays) / decay),
    )


class Descent(Prediction):
    """A claim about start networks that are continued by gradient descent."""

    min_seeds: ClassVar[int] = MIN_SEEDS
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        FALL: "final, on novel pairs, mean over both penalties",
        KEEP: "final, on novel pairs, mean over both penalties",
        "log_odds_ratio": "log-odds at the end with the smaller penalty / with the larger",
        "threshold_ratio": "threshold with the larger penalty / with the smaller",
        "threshold_at": "D' at which accuracy crosses the middle between chance and 1, with this λ",
        "accuracy_difference": "final accuracy with the larger penalty − with the smaller, "
        "averaged over D'",
        "log_odds_at": "at the end, mean over D', geometric mean over start networks, with this λ",
        "norm_at": "likewise",
        "drift_at": "change of accuracy from the first to the second half of the tail, with this "
        "λ, mean over D'",
        "share_settled_at": "of the continuations with this λ; the others are kept",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        d, on = DESIGNS[size], ground(size, self.variant)
        runs = self.settings(size, num_seeds)
        ways = " and ".join(
            f"λ = {decay:g} for {round(d.steps_at_largest * max(d.weight_decays) / decay):,} steps"
            for decay in d.weight_decays
        )
        starts = sum(run.start is None for run in runs)
        return (
            f"{on.describe()}; {starts} start networks trained on the whole table for "
            f"{on.start_steps:,} steps (AdamW), each continued on D' = {on.listed(d.sizes)} "
            f"examples by gradient descent with an L2 penalty, η = {d.learning_rate:g}, with "
            f"{ways}. {len(runs)} runs."
        )

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        d, on = DESIGNS[size], ground(size, self.variant)
        starts = [on.start(seed) for seed in on.seeds(num_seeds or d.num_seeds)]
        return starts + [
            descending(on, start, D, decay)
            for start in starts
            for decay in d.weight_decays
            for D in on.scaled(d.sizes)
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes, seeds = tuple(left_out), sweeps(counted) if counted else {}
        if not seeds:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        num_sizes = len({one.size for one in counted})
        if len(seeds) < MIN_SEEDS or num_sizes < MIN_SIZES:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(seeds), 'start network')} that count and "
                f"{too_few(num_sizes, 'size')}: the rule needs {MIN_SEEDS} and {MIN_SIZES}.",
                notes=notes,
            )
        numbers, clauses = self.clauses(seeds, counted)
        numbers |= _where_it_rests(seeds, counted)
        return Finding.of(decide(clauses), self.sentence(numbers, counted), numbers, notes)

    @abstractmethod
    def clauses(
        self, seeds: Seeds, counted: Sequence[Continued]
    ) -> tuple[dict[str, Estimate], list[Clause]]:
        """Return the numbers of the rule, and its clauses."""

    @abstractmethod
    def sentence(self, numbers: Mapping[str, Estimate], counted: Sequence[Continued]) -> str:
        """Return the finding, without its outcome."""


class GradientDescent(Descent):
    """Ungrokking (paper, sections 3 and 5.2) where networks come to rest at minima."""

    name: ClassVar[str] = "gradient-descent"
    title: ClassVar[str] = "Ungrokking by gradient descent"
    claim: ClassVar[str] = (
        "Trained on by plain gradient descent with an L2 penalty, whose rest points are minima of "
        "loss and penalty together, a network that has learned to generalise forgets how on few "
        "examples and keeps it on many."
    )
    rule: ClassVar[str] = (
        "Final accuracy on novel pairs of start networks that count, as in ungrokking, averaged "
        "over both strengths of the penalty; intervals are 95% over start networks, and the middle "
        "lies between chance and 1. Supported if (fall) the upper bound at the smallest D' lies "
        "below the middle and (keep) the lower bound at the largest D' above it. Refuted if the "
        "lower bound at the smallest lies above, or the upper bound at the largest below. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} start networks or {MIN_SIZES} sizes. "
        "Invalid if no start network counts."
    )
    criterion: ClassVar[str] = "falls at the smallest D', kept at the largest"
    refutation: ClassVar[str] = (
        "Networks that keep what they know on few examples, or lose it on many."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "That networks were trained by AdamW before, and by descent after, is the same at every "
        "D': it cannot make few examples differ from many.",
        "Steps suffice: drifts and the share that has settled are reported.",
    )
    power: ClassVar[str] = (
        "4 start networks support the claim in at least 8 of 10 experiments if accuracy ends at "
        "0.1 and at 0.9, spreading by 0.15 between networks (simulated)."
    )

    def clauses(
        self, seeds: Seeds, counted: Sequence[Continued]
    ) -> tuple[dict[str, Estimate], list[Clause]]:
        """See ``Descent``."""
        sizes = [one.size for one in counted]
        low, high = (
            by_start([one for one in counted if one.size == D], "novel_accuracy")
            for D in (min(sizes), max(sizes))
        )
        middle = counted[0].task.halfway
        numbers = {
            FALL: over_seeds(low.values(), least=0.0, most=1.0),
            KEEP: over_seeds(high.values(), least=0.0, most=1.0),
        }
        return numbers, [below(FALL, low, middle), above(KEEP, high, middle)]

    def sentence(self, numbers: Mapping[str, Estimate], counted: Sequence[Continued]) -> str:
        """See ``Descent``."""
        sizes = [one.size for one in counted]
        return (
            f"By gradient descent accuracy on novel pairs ends at {numbers[FALL]} at "
            f"D' = {min(sizes)} and at {numbers[KEEP]} at D' = {max(sizes)} "
            f"({plural(numbers[FALL].n, 'start network')})."
        )


class DescentDecay(Descent):
    """The third prediction (paper, section 3.3) where networks come to rest at minima."""

    name: ClassVar[str] = "gradient-descent-decay"
    title: ClassVar[str] = "The critical size and the strength of the penalty"
    claim: ClassVar[str] = (
        "Trained on by plain gradient descent with an L2 penalty, networks ungrok at the same "
        "dataset size whatever the strength of the penalty."
    )
    rule: ClassVar[str] = (
        "The runs of gradient-descent, compared at both strengths of the penalty, after equally "
        "long training in units of η·λ·steps. Within start networks: the difference of final "
        "accuracies on novel pairs, averaged over D', and the ratio of thresholds (D' at which "
        "accuracy crosses the middle between chance and 1); intervals are 95% over start networks. "
        f"Supported if the difference lies within ±{ACCURACY_MARGIN:g} and the ratio within "
        f"1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}, if with either penalty accuracy moves by less "
        f"than ±{AT_REST:g} from the first to the second half of the tail (mean over D'), and if "
        f"the smaller one ends at log-odds that are more than {APART:g} times as large. Refuted if "
        "the difference or the ratio lies outside altogether. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} start networks or {MIN_SIZES} sizes. "
        "Invalid if no start network counts."
    )
    criterion: ClassVar[str] = (
        f"accuracies within ±{ACCURACY_MARGIN:g}, thresholds within a factor of {RATIO_MARGIN:g}"
    )
    refutation: ClassVar[str] = (
        "A difference of accuracies or a ratio of thresholds beyond the margin."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "What gradient-descent assumes.",
        "The theory derives that the critical size does not depend on weight decay from norms that "
        "both circuits need for one logit, growing with it by one exponent. A penalty decides how "
        "large logits are where networks rest: log-odds shift by about the logarithm of what it "
        "is multiplied by, which is little of 17 (weight-decay, AdamW) and more of 5.",
        "Equal η·λ·steps is equally long. What is forgotten at a rate that is proportional to it "
        "would be as far with either penalty, at rest or not: hence the bound on drifts.",
        "Written after a look at one development seed (741): 0.83 of accuracy at D' = 183 with "
        "either penalty, at log-odds of 3.9 and 5.1.",
    )
    power: ClassVar[str] = (
        "6 start networks refute the claim in at least 8 of 10 experiments if thresholds differ by "
        "a factor of 1.6 and that spreads by 0.15 in the logarithm (simulated)."
    )

    def clauses(
        self, seeds: Seeds, counted: Sequence[Continued]
    ) -> tuple[dict[str, Estimate], list[Clause]]:
        """See ``Descent``."""
        small, large = _extremes(counted)
        ratio = Ratio.of(thresholds(seeds, large), thresholds(seeds, small))
        difference = {
            seed: float(np.mean(by[large].accuracy) - np.mean(by[small].accuracy))
            for seed, by in seeds.items()
        }
        arms = {d: [one for one in counted if one.weight_decay == d] for d in (small, large)}
        drifts = {d: by_start(arm, "novel_accuracy_drift") for d, arm in arms.items()}
        log_odds = {d: by_start(arm, "log_odds") for d, arm in arms.items()}
        apart = {seed: log_odds[small][seed] / log_odds[large][seed] for seed in seeds}
        numbers = {
            "log_odds_ratio": over_seeds(apart.values()),
            "threshold_ratio": ratio.estimate,
            "accuracy_difference": over_seeds(difference.values(), least=-1.0, most=1.0),
        }
        return numbers, [
            ratio.near_one("threshold_ratio", RATIO_MARGIN),
            within("accuracy_difference", difference, ACCURACY_MARGIN),
            *(
                replace(within(f"drift_at_{d:g}", drifts[d], AT_REST), fails=None)
                for d in (small, large)
            ),
            replace(above("log_odds_ratio", apart, APART), fails=None),
        ]

    def sentence(self, numbers: Mapping[str, Estimate], counted: Sequence[Continued]) -> str:
        """See ``Descent``."""
        small, large = _extremes(counted)
        return (
            f"With penalties of {large:g} and {small:g} networks cross the middle at "
            f"{numbers[f'threshold_at_{large:g}']} and {numbers[f'threshold_at_{small:g}']}, a "
            f"factor of {numbers['threshold_ratio']} (margin {RATIO_MARGIN:g}), and final accuracy "
            f"differs by {numbers['accuracy_difference']} (margin ±{ACCURACY_MARGIN:g}); log-odds "
            f"end at {numbers[f'log_odds_at_{large:g}']} and {numbers[f'log_odds_at_{small:g}']}."
        )


def _extremes(counted: Sequence[Continued]) -> tuple[float, float]:
    """Return the smallest and the largest penalty."""
    decays = [one.weight_decay for one in counted]
    return min(decays), max(decays)


def _where_it_rests(seeds: Seeds, counted: Sequence[Continued]) -> dict[str, Estimate]:
    """Return thresholds, and what networks are like at the end, at each penalty."""
    numbers = {}
    for decay in sorted({one.weight_decay for one in counted}):
        arm = [one for one in counted if one.weight_decay == decay]
        at = [[bounds] for bounds in thresholds(seeds, decay).values()]
        numbers[f"threshold_at_{decay:g}"] = population(at, unit="examples")
        for name, unit in (("log_odds", "nats"), ("norm", "1")):
            values = by_start(arm, name)
            numbers[f"{name}_at_{decay:g}"] = geometric(values.values(), unit=unit)
        drifts = by_start(arm, "novel_accuracy_drift")
        numbers[f"drift_at_{decay:g}"] = over_seeds(drifts.values())
        settled = [one.run.outcome.status == "settled" for one in arm]
        numbers[f"share_settled_at_{decay:g}"] = Estimate(
            value=float(np.mean(settled)), low=None, high=None, n=len(settled), unit="1"
        )
    return numbers
