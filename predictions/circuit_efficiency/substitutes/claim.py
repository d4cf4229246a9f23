"""What is asked of each way: whether networks forget by it, and at the same size as with decay."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from efficiency.statistics.intervals import TooFewError, rank_correlation
from efficiency.statistics.pairing import pairing_p
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.substitutes.judge import FALL, KEEP, RANKS, RATIO, Paired
from predictions.circuit_efficiency.substitutes.ways import DECAY, DESIGNS, Way, continuations
from predictions.circuit_efficiency.weight_decay.claim import RATIO_MARGIN
from predictions.clauses import Clause, above, below, decide
from predictions.designs import Part
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

MIN_PAIRED = 6
"""Start networks of fewer of which there are too few pairings for a permutation test."""

LEAST = 0.5
"""Rank correlation below which thresholds have too little in common to speak of networks."""

_COMMON = (
    " A start network counts if it has settled at training accuracy 1 with half of its logit norm "
    "in the answer subspace, and if none of its continuations, in either arm, diverged or stopped "
    "fitting its examples. Accuracy is that on novel pairs at the end (median of the last quarter "
    "of learning time); intervals are 95% over start networks. Undecided with fewer than "
    "{} of them, invalid with none."
)


class Substitute(Prediction):
    """Start networks that are continued with weight decay, and in another way.

    Attributes:
        way: Which.
    """

    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    min_seeds: ClassVar[int] = MIN_SEEDS
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    way: ClassVar[Way]
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "Both arms have one learning rate, schedule and length, and Adam's ε is 1e-20: gradients "
        "of fitted examples come to it at log-odds of 46, to the usual 1e-8 at 18, and then "
        "training stops (small-epsilon). Steps need not count for as much in one as in the other.",
        "Where the norm cannot grow and ε is small Adam's steps stay as long as the learning rate "
        "allows, so that a network with many examples is kept from the least loss that its norm "
        "would permit: log-odds at the end are reported.",
        "Where gradients are orthogonal the norm is not exactly held, because Adam scales "
        "coordinates afterwards: how far it went is reported.",
        "Chosen after a look at six development seeds (720 to 725): in every way networks fell, "
        "at thresholds near those with decay.",
    )
    figure_caption: ClassVar[str] = (
        "Left: final accuracy on novel pairs against D′ of the start networks that count, trained "
        "on with weight decay and in the other way: a faint mark for each, means with Student's "
        "95% intervals cut at 0 and 1. Right: the norm at the end relative to that of the start "
        "network, medians. Dotted: chance; no change."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        FALL: "final, at the smallest D', in the other way",
        KEEP: "final, at the largest D', in the other way",
        RANKS: "Spearman's, of accuracy averaged over D' in both ways, over start networks",
        RATIO: "threshold in the other way / with decay, within start networks",
        "threshold": "D' at which accuracy crosses the middle between chance and 1, in the other "
        "way",
        "threshold_with_decay": "the same with decay, at the same ε",
        "accuracy_difference": "in the other way − with decay, averaged over D'",
        "accuracy": "final, at this D', in the other way, mean or of one start network",
        "accuracy_with_decay": "the same with decay",
        "drift": "of accuracy from the first to the second half of the tail, mean over D'",
        "drift_with_decay": "the same with decay",
        "log_odds": "geometric mean at the end, at this D', in the other way",
        "log_odds_with_decay": "at the end, at this D', with decay",
        "norm": "at the end / norm of the start network, at this D', in the other way",
        "norm_with_decay": "the same with decay",
        "share_settled": "of the runs in the other way; the others are kept",
        "share_settled_with_decay": "of the runs with decay; the others are kept",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        number = len(self.settings(size, num_seeds))
        one_epsilon = self.way.epsilon == DECAY.epsilon
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} start networks trained on the whole "
            f"table for {on.start_steps:,} steps, each trained on with D' = "
            f"{on.listed(DESIGNS.on(on).sizes)} examples for {DESIGNS.on(on).num_steps:,} steps: "
            f"{DECAY.phrase}, and {self.way.phrase}; η = {on.calm_learning_rate:g}, ε = "
            f"{DECAY.epsilon:g}{'' if one_epsilon else ' but for the latter'}. {number} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return continuations(ground(size, self.variant), num_seeds, self.way)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        paired = Paired.of(self.way, runs)
        n, notes = paired.num_seeds, paired.notes
        if not n:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        if n < self.min_seeds:
            sentence = f"{too_few(n, 'start network')}: the rule needs {self.min_seeds}."
            return Finding(outcome="undecided", sentence=sentence, notes=notes)
        numbers = paired.numbers()
        decision = decide(self.clauses(paired))
        return Finding.of(decision, self.sentence(paired, numbers), numbers, notes)

    @abstractmethod
    def clauses(self, paired: Paired) -> Sequence[Clause]:
        """Return the clauses of the claim."""

    def sentence(self, paired: Paired, numbers: Numbers) -> str:
        """Return the finding, without its outcome."""
        smallest, largest = paired.sizes[0], paired.sizes[-1]
        n = paired.ratio.estimate.n
        bounded = "" if n == paired.num_seeds else f", {n} of which bound it"
        own = f"; rank correlation {numbers[RANKS]}" if RANKS in numbers else ""
        return (
            f"Trained on {self.way.phrase}, networks end at accuracy {numbers[FALL]} on novel "
            f"pairs at D' = {smallest} and at {numbers[KEEP]} at {largest}, and cross the middle "
            f"at {numbers['threshold']}, {numbers[RATIO]} times as many examples as with decay "
            f"({plural(paired.num_seeds, 'start network')}{bounded}{own})."
        )


class Forgets(Substitute):
    """Networks ungrok in this way."""

    rule: ClassVar[str] = (
        "The middle is (1 + 1/S)/2, between chance 1/S and 1. Supported if (fall) the upper bound "
        "of the accuracy at the smallest D' lies below the middle and (keep) its lower bound at "
        "the largest D' above it. Refuted if the lower bound at the smallest D' lies above the "
        "middle." + _COMMON.format(MIN_SEEDS)
    )
    criterion: ClassVar[str] = "falls at the smallest D', kept at the largest"
    refutation: ClassVar[str] = "Networks that keep what they know on few examples."
    power: ClassVar[str] = (
        "4 start networks support the claim in at least 8 of 10 experiments if accuracy is 0.15 at "
        "the smallest D' and 0.85 at the largest, and spreads by 0.15 between networks (simulated)."
    )

    def clauses(self, paired: Paired) -> Sequence[Clause]:
        """See ``Substitute.clauses``."""
        low, high = (paired.accuracies(size) for size in (paired.sizes[0], paired.sizes[-1]))
        return [
            below(FALL, low, paired.middle),
            replace(above(KEEP, high, paired.middle), fails=None),
        ]


class Keeps(Substitute):
    """Networks do not ungrok in this way where they do with decay."""

    rule: ClassVar[str] = (
        "The middle is (1 + 1/S)/2, between chance 1/S and 1. At the smallest D': supported if "
        "(fall) the upper bound of the accuracy with decay lies below the middle and (keep) the "
        "lower bound in this way above it. Refuted if the upper bound in this way lies below the "
        "middle." + _COMMON.format(MIN_SEEDS)
    )
    criterion: ClassVar[str] = "falls with decay, kept in this way, at the smallest D'"
    refutation: ClassVar[str] = "Networks that forget in this way too."
    power: ClassVar[str] = (
        "8 start networks support the claim in at least 8 of 10 experiments if accuracy at the "
        "smallest D' is 0.75 in this way and 0.15 with decay, and spreads by 0.2 between networks "
        "(simulated)."
    )

    def clauses(self, paired: Paired) -> Sequence[Clause]:
        """See ``Substitute.clauses``."""
        smallest = paired.sizes[0]
        fallen = paired.accuracies(smallest, decayed=True)
        falls = below(Labelled("accuracy_with_decay", dataset_size=smallest), fallen, paired.middle)
        return [above(FALL, paired.accuracies(smallest), paired.middle), replace(falls, fails=None)]

    def sentence(self, paired: Paired, numbers: Numbers) -> str:
        """See ``Substitute.sentence``."""
        smallest, second = paired.sizes[:2]
        other = numbers[Labelled("accuracy", dataset_size=second)]
        decayed = [
            numbers[Labelled("accuracy_with_decay", dataset_size=size)]
            for size in (smallest, second)
        ]
        return (
            f"Trained on {self.way.phrase}, networks end at accuracy {numbers[FALL]} on novel "
            f"pairs at D' = {smallest} and at {other} at {second}, with decay at {decayed[0]} and "
            f"{decayed[1]} "
            f"({plural(paired.num_seeds, 'start network')}; middle {paired.middle:.3f})."
        )


class SameSize(Substitute):
    """Networks ungrok at the size at which they do with decay."""

    rule: ClassVar[str] = (
        "(ratio) Of thresholds within a start network: D' at which accuracy crosses the middle "
        "between chance and 1, in this way / with weight decay at the same ε, each known between "
        "two sizes. (own) Spearman's correlation, over start networks, of accuracy averaged over "
        "D' in this way and with decay: which network goes with which. Supported if the mean ratio "
        f"lies within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g} and the correlation is above 0 by a "
        "permutation test. Refuted if the ratio lies outside, or the correlation (Fisher's z) "
        f"below {LEAST:g}." + _COMMON.format(MIN_PAIRED)
    )
    min_seeds: ClassVar[int] = MIN_PAIRED
    criterion: ClassVar[str] = (
        f"thresholds within a factor of {RATIO_MARGIN:g}, those of a network going together"
    )
    refutation: ClassVar[str] = (
        "A ratio of thresholds beyond the margin, or thresholds that are not a network's own."
    )
    power: ClassVar[str] = (
        "10 start networks support the claim in at least 8 of 10 experiments if thresholds are "
        "equal but for a spread by 0.1 within a network and by 0.2 between networks (simulated)."
    )

    def clauses(self, paired: Paired) -> Sequence[Clause]:
        """See ``Substitute.clauses``."""
        return [
            paired.ratio.near_one(RATIO, RATIO_MARGIN),
            _own(paired),
        ]


def _own(paired: Paired) -> Clause:
    """Return the clause that networks which fall at more with decay do so in the other way."""
    other, decayed = paired.mean_accuracies
    try:
        holds = min(1.0, 2 * pairing_p(other, decayed, ranks=True))
        fails = rank_correlation(other, decayed).p_less(LEAST)
    except TooFewError:  # networks that are all the same
        holds = fails = 1.0
    return Clause(number=RANKS, holds=holds, fails=fails)
