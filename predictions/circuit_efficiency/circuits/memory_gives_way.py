"""Memory gives way: Mem's logit falls again while Gen's rises, and so does the norm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from predictions.cells import Run
from predictions.circuit_efficiency.circuits.logits import Courses, comes_to, final, largest
from predictions.circuit_efficiency.circuits.scratch_claim import WHO_COUNTS, OverTraining
from predictions.clauses import below, decide, most
from predictions.judging import MIN_SEEDS, over_seeds, plural, share
from predictions.verdicts import Finding

LEFT = 0.5
"""Largest part of its logit that Mem keeps where it has given way."""

NORM_FALLS, MEM_LEFT = "norm_falls_faster_while_gen_rises", "mem_left"


class MemoryGivesWay(OverTraining):
    """What the theory says happens between fitting and generalising (paper, Figure 9)."""

    name: ClassVar[str] = "memory-gives-way"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Mem gives way to Gen while the norm falls"
    claim: ClassVar[str] = (
        "As a network generalises, Gen takes the place of Mem and not a place beside it: Mem's "
        "logit falls again, and the norm falls while Gen's rises, faster than before."
    )
    rule: ClassVar[str] = (
        f"{WHO_COUNTS} What Mem's logit is at the end (median of the last records) as a part of "
        "its largest (of medians of three records), mean over seeds with its 95% interval; and the "
        "share of runs, with that of Clopper and Pearson, in which the norm falls while Gen's "
        "logit rises from a quarter to three quarters of its largest, and by more a step than "
        "between where Mem's comes to half of its largest and Gen's to a quarter (no if Gen's "
        "never does). "
        f"Supported if the upper bound of the first lies below {LEFT:g} and the lower bound of the "
        "second above one half. Refuted if the lower bound of the first lies above, or the upper "
        f"bound of the second below. Undecided otherwise, or with fewer than {MIN_SEEDS} seeds. "
        "Invalid if no run fitted its examples."
    )
    criterion: ClassVar[str] = (
        f"less than {LEFT:g} of Mem's logit left, and a norm that falls faster while Gen's rises"
    )
    refutation: ClassVar[str] = (
        "Mem that stays beside Gen, or a norm that falls no faster while Gen comes."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Weight decay makes norms fall without any Gen, if they are above what Mem needs: that "
        "fall gets slower, so that one which gets faster is not of decay alone.",
        "All logits end where gradients stop, so that what Gen gains in the logit of trained "
        "examples Mem loses: that Mem's falls is nearly that the gap to novel pairs closes.",
        "What is left of Mem is normal over seeds. Steps are those of the records.",
        "Written after a look at eight development seeds (730 to 737). That the norm must fall "
        "faster than before, and not only fall, was asked after a first look at seeds from 12000.",
    )
    power: ClassVar[str] = (
        "9 seeds support the claim in at least 8 of 10 experiments if a tenth of Mem is left, "
        "spreading by half of that between seeds, and in 98 of 100 the norm falls faster."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        MEM_LEFT: "Mem's correct logit at the end / its largest",
        NORM_FALLS: "share of runs in which it falls, and by more a step than before",
        "norm_change_while_gen_rises": "of its logarithm, from a quarter to three quarters of "
        "Gen's largest logit",
        "norm_change_before": "of its logarithm, from half of Mem's largest logit to a quarter of "
        "Gen's",
        "gen_where_mem_is_largest": "Gen's correct logit there / its largest",
    }

    def judged(
        self, seen: Mapping[int, Courses], runs: Mapping[int, Run], notes: tuple[str, ...]
    ) -> Finding:
        """See ``OverTraining``."""
        left = {seed: _left(one, runs[seed]) for seed, one in seen.items()}
        changes = {seed: _changes(one) for seed, one in seen.items()}
        faster = {
            seed: known is not None and known[0].total < 0 and known[0].a_step < known[1].a_step
            for seed, known in changes.items()
        }
        numbers = {MEM_LEFT: over_seeds(left.values()), NORM_FALLS: share(list(faster.values()))}
        both = [known for known in changes.values() if known is not None]
        if len(both) > 1:
            numbers["norm_change_while_gen_rises"] = over_seeds([one.total for one, _ in both])
            numbers["norm_change_before"] = over_seeds([one.total for _, one in both])
        shares = [_gen_at_largest(one) for one in seen.values()]
        known_shares = [one for one in shares if one is not None]
        if len(known_shares) > 1:
            numbers["gen_where_mem_is_largest"] = over_seeds(known_shares)
        return Finding.of(
            decide([below(MEM_LEFT, left, LEFT), most(NORM_FALLS, faster)]),
            f"In {plural(len(seen), 'network')} trained from scratch {numbers[MEM_LEFT]} of Mem's "
            f"largest logit is left at the end, and in {sum(faster.values())} the norm falls while "
            "Gen's logit rises from a quarter to three quarters, faster than before.",
            numbers,
            notes,
        )


@dataclass(frozen=True, kw_only=True)
class _Change:
    """Of the logarithm of the norm over a stretch of training.

    Attributes:
        total: Over all of it.
        steps: Its length.
    """

    total: float
    steps: float

    @property
    def a_step(self) -> float:
        """Mean over its steps; 0 if there is none."""
        return self.total / self.steps if self.steps > 0 else 0.0


def _changes(one: Courses) -> tuple[_Change, _Change] | None:
    """Return the change while Gen rises, and that before; ``None`` if Gen never comes so far."""
    mem, quarter, three = comes_to(one.mem, 0.5), comes_to(one.gen, 0.25), comes_to(one.gen, 0.75)
    if mem is None or quarter is None or three is None:
        return None

    def between(begin: int, end: int) -> _Change:
        total = math.log(one.norm[end] / one.norm[begin])
        return _Change(total=total, steps=float(one.step[end] - one.step[begin]))

    return between(quarter, max(quarter, three)), between(min(mem, quarter), quarter)


def _gen_at_largest(one: Courses) -> float | None:
    """Return the part of its largest logit that Gen has where Mem's is largest."""
    most_of_gen = largest(one.gen)
    return float(one.gen[one.mem.argmax()] / most_of_gen) if most_of_gen > 0 else None


def _left(one: Courses, run: Run) -> float:
    """Return what is left of Mem's logit at the end; all of it if that cannot be said."""
    pair, most_of_mem = final(run.outcome.numbers), largest(one.mem)
    return 1.0 if pair is None or not most_of_mem > 0 else pair[1] / most_of_mem
