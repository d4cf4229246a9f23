"""What the claims about foretold critical sizes share: which seeds count, and all numbers."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics import pairing
from efficiency.statistics.intervals import FloatArray, TooFewError, rank_correlation
from efficiency.statistics.jackknife import pseudo_values
from predictions.cells import Run
from predictions.circuit_efficiency.critical_size.arms import DESIGNS, LENGTHS, ForetoldSize
from predictions.circuit_efficiency.critical_size.records import Limit, Records, read
from predictions.clauses import Clause, Decision, decide
from predictions.grounds import ground
from predictions.judging import count, geometric, over_seeds, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.sizes import Size
from predictions.verdicts import Finding

MAX_LOST = 0.25
"""Largest part of the seeds whose circuits are known and that say nothing, for a verdict."""

MIN_COUNTED = 1 / 3
"""Least part of the seeds whose circuits are known, for a verdict."""

MIN_SEEDS = 6
"""Of fewer seeds there are too few pairings for a permutation test at several looks."""

LIMIT = "midpoint_in_the_limit"


def gate(min_seeds: int, *, beyond: str) -> str:
    """Return when a claim decides nothing, in words.

    Args:
        min_seeds: Seeds below which it does not.
        beyond: How a seed counts that ungroks beyond the sizes that it was continued on.
    """
    return (
        f" Undecided with fewer than {min_seeds} seeds, if fewer than a third of the seeds count, "
        f"or if more than {MAX_LOST:.0%} of these are lost: nothing is foretold of them because "
        "Mem and Gen do not meet, or a continued network diverges or stops fitting its examples. "
        "Invalid if no seed counts. The midpoint is the D' at which accuracy on novel pairs (the "
        "median of the last quarter of the steps) crosses the middle between chance and 1. A seed "
        f"whose midpoint lies beyond its sizes, after one of the lengths, {beyond}."
    )


class Claim(ForetoldSize):
    """A claim about the critical sizes that were foretold, and what was observed then.

    Attributes:
        needs_midpoint: Whether a seed that ungroks beyond its sizes is lost to it.
    """

    min_seeds: ClassVar[int] = MIN_SEEDS
    needs_midpoint: ClassVar[bool] = False
    amended: ClassVar[str] = (
        "These claims took the place of one on the mean alone, which was undecided on the seeds of "
        "the designs at quick (1.15 [1.04, 1.26]) and standard (1.08 [0.94, 1.26]); their rules "
        "were changed once more after a first look at seeds 7000 to 7011 that decided nothing, see "
        "decision 016."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "What efficiency assumes of Mem, Gen and the isologit norm, but that Mem's random labels "
        "are alike in mirror images where the true ones are.",
        "Gen's norm, measured above the critical size, is the same below it.",
        "Seeds are independent; intervals are Student's over seeds, of pseudo-values where a "
        "number is no mean.",
        "Midpoints rise with the length of training. Their limit is that of rises which go on "
        f"shrinking as from {LENGTHS[0]} to {LENGTHS[1]} and from there to {LENGTHS[2]} times "
        "the length: an extrapolation. Rises that shrink ever more slowly would have none.",
        "Errors of what is foretold are those that differ between the networks of a seed. What its "
        "networks have in common (examples, labels, the start) is not among them, and draws the "
        "slope towards 0.",
        "Norms are matched at log-odds that differ by a few percent as if weights were scaled; "
        "with half of that exponent foretold sizes move by half a percent.",
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "foretold": "D_crit from norms alone, geometric mean over seeds, or that of one seed",
        "midpoint": "where accuracy crosses the middle after so many steps, geometric mean over "
        "seeds, or that of one seed",
        LIMIT: "the same for ever longer training",
        "rise": "factor by which the midpoint rises when training gets four times as long, up to "
        "so many steps",
        "foretold_to_midpoint": "foretold D_crit / midpoint within a seed, at the longest",
        "foretold_to_limit": "the same with the midpoint's limit",
        "rank_correlation": "Spearman's, of foretold and observed over seeds",
        "skill": "1 − squared errors of what was foretold / those of the mean of the other seeds, "
        "in logarithms, at the longest; nothing fitted",
        "slope": "of log midpoint on log foretold over seeds at the longest (or after so many "
        "steps), errors of what was foretold and the bend that Mem has in all seeds taken out",
        "reliability": "part of the variance of what was foretold that is not its measurement's",
        "inside": "share of seeds whose midpoint in the limit lies in its foretold 95% interval",
        "seeds_counted": "of those that were asked: their circuits had settled, and were pure",
    }

    @abstractmethod
    def clauses(self, records: Records) -> Sequence[Clause]:
        """Return the clauses of the claim on seeds that suffice."""

    @abstractmethod
    def sentence(self, numbers: Numbers) -> str:
        """Return the finding, without its outcome."""

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        records = read(self, size, runs)
        shortest = DESIGNS.on(ground(size, self.variant)).shortest
        steps = [shortest * times for times in LENGTHS]
        return self.judged(records, steps)

    def judged(self, records: Records, steps: Sequence[int]) -> Finding:
        """Apply the rule to what seeds say.

        Args:
            records: What they say.
            steps: The lengths at which their midpoints were read.
        """
        if self.needs_midpoint:
            records = records.bracketed()
        n, lost, uncounted = len(records.seeds), records.num_lost, records.num_uncounted
        if not n + lost:
            return Finding(outcome="invalid", sentence="No seed counts.", notes=records.notes)
        numbers = numbers_of(records, steps)
        numbers["seeds_counted"] = count(n + lost, n + lost + uncounted)
        why = None
        if n < self.min_seeds:
            why = f"{too_few(n, 'seed')} for the rule, which needs {self.min_seeds}"
        elif lost > MAX_LOST * (n + lost):
            why = f"{plural(lost, 'seed')} of {n + lost} that count say nothing"
        elif n + lost < MIN_COUNTED * (n + lost + uncounted):
            why = f"only {n + lost} of {n + lost + uncounted} seeds count"
        if why is not None:
            return Finding(
                outcome="undecided", sentence=f"{why}.", numbers=numbers, notes=records.notes
            )
        return Finding.of(self.decision(records), self.sentence(numbers), numbers, records.notes)

    def decision(self, records: Records) -> Decision:
        """Return what the rule says of seeds that suffice."""
        return decide(self.clauses(records))


def numbers_of(records: Records, steps: Sequence[int]) -> Numbers:
    """Return every number that seeds give, as far as they suffice for it."""
    numbers: Numbers = {}
    if len(records.seeds) > 2:
        numbers |= _means(records, steps) | _pairing(records, steps)
    for one in records.seeds:
        low, value, high = (
            math.exp(x) for x in (one.foretold.low, one.foretold.value, one.foretold.high)
        )
        numbers[Labelled("foretold", seed=one.seed)] = Estimate(
            value=value, low=low, high=high, n=1, unit="examples"
        )
        for number, midpoint in zip(steps, one.midpoints, strict=True):
            numbers[Labelled("midpoint", seed=one.seed, steps=number)] = Estimate(
                value=math.exp(midpoint), low=None, high=None, n=1, unit="examples"
            )
    return numbers


def _means(records: Records, steps: Sequence[int]) -> Numbers:
    numbers: Numbers = {"foretold": _geometric(records.foretold, unit="examples")}
    for number, column in zip(steps, records.midpoints.T, strict=True):
        numbers[Labelled("midpoint", steps=number)] = _geometric(column, unit="examples")
    if len(records.rises) > 1:
        for number, column in zip(steps[1:], records.rises.T, strict=True):
            numbers[Labelled("rise", steps=number)] = _geometric(column)
    apart = records.foretold - records.midpoints[:, -1]
    numbers["foretold_to_midpoint"] = _geometric(apart)
    limits = records.limits()
    if limits:
        # The likelier of the two ways; a rule asks both.
        rest = min(limits, key=lambda limit: limit.p_value).rest
        numbers[LIMIT] = _geometric(records.midpoints[:, -1] + rest, unit="examples")
        numbers["foretold_to_limit"] = _geometric(apart - rest)
    return numbers


def _geometric(logarithms: FloatArray, unit: str = "1") -> Estimate:
    return geometric([math.exp(x) for x in logarithms], unit=unit)


def _pairing(records: Records, steps: Sequence[int]) -> Numbers:
    """Return what says whether seeds go together one by one."""
    x, y, n = records.foretold, records.midpoints[:, -1], len(records.seeds)

    def alone(value: float) -> Estimate:
        return Estimate(value=value, low=None, high=None, n=n, unit="1")

    numbers: Numbers = {}
    inside = [inside_of(records, limit) for limit in records.limits()]
    if inside:
        numbers["inside"] = alone(min(float(np.mean(one)) for one in inside))
    try:
        rank = rank_correlation(x, y).interval
        numbers["rank_correlation"] = Estimate(
            value=rank.value, low=rank.low, high=rank.high, n=n, unit="1"
        )
        numbers["skill"] = alone(pairing.skill(x, y))
        numbers["reliability"] = alone(pairing.reliability(records.straightened, records.errors))
        numbers["slope"] = over_seeds(slopes(records))
        for number, column in enumerate(steps[:-1]):
            numbers[Labelled("slope", steps=column)] = over_seeds(slopes(records, number))
    except TooFewError:
        pass
    return numbers


def slopes(records: Records, length: int = -1) -> list[float]:
    """Return pseudo-values of the slope of log midpoint on log foretold, one for each seed.

    Args:
        records: What seeds say.
        length: After which of the lengths.

    Raises:
        TooFewError: What was foretold varies no more than its errors do.
    """
    rows = np.stack([records.straightened, records.midpoints[:, length], records.errors], axis=1)
    return [float(x) for x in pseudo_values(rows, pairing.slope_with_errors)]


def inside_of(records: Records, limit: Limit) -> list[bool]:
    """Return whether each seed's midpoint in a limit lies in its foretold interval.

    The remaining rise is that of the mean; a seed beyond its sizes is outside.
    """
    limits = records.midpoints[:, -1] + float(np.mean(limit.rest))
    return [
        not one.beyond and one.foretold.low <= at <= one.foretold.high
        for one, at in zip(records.seeds, limits, strict=True)
    ]
