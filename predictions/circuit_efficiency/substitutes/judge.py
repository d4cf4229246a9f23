"""What start networks become with decay and in another way, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from efficiency.estimates import Estimate
from efficiency.statistics.intervals import TooFewError, rank_correlation
from predictions.cells import Run, of_arm, starts
from predictions.circuit_efficiency.substitutes.ways import DECAY, Way
from predictions.circuit_efficiency.ungrokking.numbers import by_start, threshold
from predictions.circuit_efficiency.ungrokking.reading import sweeps, usable
from predictions.judging import geometric, over_seeds, share_settled
from predictions.labelled import Labelled, Numbers
from predictions.ratios import Ratio

FALL, KEEP = "accuracy_at_smallest_size", "accuracy_at_largest_size"
RATIO, RANKS = "threshold_ratio", "rank_correlation"


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Runs of the start networks that count in both arms, in the same order.

    Attributes:
        decayed: With weight decay.
        other: In the other way.
        started: The start networks.
        notes: What was left out and why, a sentence each.
    """

    decayed: tuple[Run, ...]
    other: tuple[Run, ...]
    started: tuple[Run, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, way: Way, runs: Sequence[Run]) -> Paired:
        """Return what counts: a start network by the rule of ungrokking, in each arm."""
        first = starts(runs)
        arms, notes = [], []
        for one in (DECAY, way):
            counted, left_out = usable([*first.values(), *of_arm(runs, one.name)])
            arms.append(counted)
            notes += left_out
        both = {one.start for one in arms[0]} & {one.start for one in arms[1]}
        decayed, other = (
            tuple(
                sorted(
                    (one for one in arm if one.start in both),
                    key=lambda one: (one.seed, one.dataset_size),
                )
            )
            for arm in arms
        )
        return cls(
            decayed=decayed,
            other=other,
            started=tuple(run for run in first.values() if run.settings in both),
            notes=tuple(dict.fromkeys(notes)),
        )

    @property
    def num_seeds(self) -> int:
        """Start networks that count."""
        return len(self.started)

    @property
    def sizes(self) -> list[int]:
        """D', increasing."""
        return sorted({one.dataset_size for one in self.other})

    @property
    def middle(self) -> float:
        """The accuracy between chance and 1."""
        task = self.started[0].task
        return task.halfway

    def accuracies(self, size: int, *, decayed: bool = False) -> dict[int, float]:
        """Return final accuracies on novel pairs in the other way or with decay, by seed."""
        arm = self.decayed if decayed else self.other
        return by_start([one for one in arm if one.dataset_size == size], "novel_accuracy")

    @cached_property
    def ratio(self) -> Ratio:
        """Threshold in the other way / with decay."""
        above, below = (
            {seed: next(iter(by.values())).crossing.threshold for seed, by in seeds.items()}
            for seeds in (sweeps(self.other), sweeps(self.decayed))
        )
        return Ratio.of(above, below)

    def numbers(self) -> Numbers:
        """Return every number, of three start networks at least."""
        smallest, largest = self.sizes[0], self.sizes[-1]
        numbers: Numbers = {
            FALL: over_seeds(self.accuracies(smallest).values(), least=0.0, most=1.0),
            KEEP: over_seeds(self.accuracies(largest).values(), least=0.0, most=1.0),
            RATIO: self.ratio.estimate,
            "threshold": threshold(sweeps(self.other)),
            "threshold_with_decay": threshold(sweeps(self.decayed)),
            "accuracy_difference": over_seeds(self._differences(), least=-1.0, most=1.0),
        }
        try:
            rank = rank_correlation(*self.mean_accuracies).interval
            numbers[RANKS] = Estimate(
                value=rank.value, low=rank.low, high=rank.high, n=self.num_seeds, unit="1"
            )
        except TooFewError:
            pass
        for name, arm in (("", self.other), ("_with_decay", self.decayed)):
            for size in self.sizes:
                there = [one for one in arm if one.dataset_size == size]
                accuracy = [one.number("novel_accuracy") for one in there]
                numbers[Labelled(f"accuracy{name}", dataset_size=size)] = over_seeds(
                    accuracy, least=0.0, most=1.0
                )
                if size not in (smallest, largest):
                    continue
                # Of StableMax they are skewed over many powers of ten.
                log_odds = [one.number("log_odds") for one in there]
                numbers[Labelled(f"log_odds{name}", dataset_size=size)] = geometric(
                    log_odds, unit="nats"
                )
                numbers[Labelled(f"norm{name}", dataset_size=size)] = geometric(self._growth(there))
            drifts = by_start(arm, "novel_accuracy_drift")
            numbers[f"drift{name}"] = over_seeds(drifts.values())
            numbers[f"share_settled{name}"] = share_settled(arm)
        for name, arm in (("", self.other), ("_with_decay", self.decayed)):
            for one in arm:
                at = Labelled(f"accuracy{name}", seed=one.seed, dataset_size=one.dataset_size)
                numbers[at] = _alone(one)
        return numbers

    @cached_property
    def mean_accuracies(self) -> tuple[list[float], list[float]]:
        """Accuracy averaged over D' of each start network: in the other way, and with decay."""
        other, decayed = (
            list(by_start(arm, "novel_accuracy").values()) for arm in (self.other, self.decayed)
        )
        return other, decayed

    def _differences(self) -> list[float]:
        """Return accuracy in the other way − with decay, averaged over D'."""
        return [other - decayed for other, decayed in zip(*self.mean_accuracies, strict=True)]

    def _growth(self, arm: Sequence[Run]) -> list[float]:
        """Return the norm at the end / that of the start network."""
        norms = {start: run.number("norm") for start, run in starts(self.started).items()}
        return [one.number("norm") / norms[one.start] for one in arm]


def _alone(one: Run) -> Estimate:
    value = one.number("novel_accuracy")
    return Estimate(value=value, low=None, high=None, n=1, unit="1")
