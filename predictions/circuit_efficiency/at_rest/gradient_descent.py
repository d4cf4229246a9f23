"""Ungrokking by gradient descent with an L2 penalty: whether, and at which size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from efficiency.statistics.critical_size import MIN_SIZES
from predictions.cells import Run
from predictions.circuit_efficiency.at_rest.descent import Descent
from predictions.circuit_efficiency.ungrokking.judge import FALL, KEEP
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import (
    Seeds,
    thresholds,
)
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN, RATIO_MARGIN
from predictions.clauses import Clause, above, below, within
from predictions.judging import MIN_SEEDS, over_seeds, plural
from predictions.labelled import Labelled, Numbers
from predictions.ratios import Ratio

AT_REST = 0.02
"""Largest mean change of accuracy between the halves of the tail that counts as none."""

APART = 1.1
"""Least ratio of log-odds with which two penalties are two questions."""


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

    def clauses(self, seeds: Seeds, counted: Sequence[Run]) -> tuple[Numbers, list[Clause]]:
        """See ``Descent``."""
        sizes = [one.dataset_size for one in counted]
        low, high = (
            by_start([one for one in counted if one.dataset_size == D], "novel_accuracy")
            for D in (min(sizes), max(sizes))
        )
        middle = counted[0].task.halfway
        numbers: Numbers = {
            FALL: over_seeds(low.values(), least=0.0, most=1.0),
            KEEP: over_seeds(high.values(), least=0.0, most=1.0),
        }
        return numbers, [below(FALL, low, middle), above(KEEP, high, middle)]

    def sentence(self, numbers: Numbers, counted: Sequence[Run]) -> str:
        """See ``Descent``."""
        sizes = [one.dataset_size for one in counted]
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

    def clauses(self, seeds: Seeds, counted: Sequence[Run]) -> tuple[Numbers, list[Clause]]:
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
        numbers: Numbers = {
            "log_odds_ratio": over_seeds(apart.values()),
            "threshold_ratio": ratio.estimate,
            "accuracy_difference": over_seeds(difference.values(), least=-1.0, most=1.0),
        }
        return numbers, [
            ratio.near_one("threshold_ratio", RATIO_MARGIN),
            within("accuracy_difference", difference, ACCURACY_MARGIN),
            *(
                replace(within(Labelled("drift", weight_decay=d), drifts[d], AT_REST), fails=None)
                for d in (small, large)
            ),
            replace(above("log_odds_ratio", apart, APART), fails=None),
        ]

    def sentence(self, numbers: Numbers, counted: Sequence[Run]) -> str:
        """See ``Descent``."""
        small, large = _extremes(counted)
        crosses, ends = (
            [numbers[Labelled(name, weight_decay=decay)] for decay in (large, small)]
            for name in ("threshold", "log_odds")
        )
        return (
            f"With penalties of {large:g} and {small:g} networks cross the middle at "
            f"{crosses[0]} and {crosses[1]}, a "
            f"factor of {numbers['threshold_ratio']} (margin {RATIO_MARGIN:g}), and final accuracy "
            f"differs by {numbers['accuracy_difference']} (margin ±{ACCURACY_MARGIN:g}); log-odds "
            f"end at {ends[0]} and {ends[1]}."
        )


def _extremes(counted: Sequence[Run]) -> tuple[float, float]:
    """Return the smallest and the largest penalty."""
    decays = [one.weight_decay for one in counted]
    return min(decays), max(decays)
