"""Memory gives way: Mem's logit falls again while Gen's rises, and so does the norm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from predictions.circuit_efficiency.circuits.logits import Courses, comes_to, final
from predictions.circuit_efficiency.circuits.scratch_claim import WHO_COUNTS, OverTraining
from predictions.clauses import below, decide
from predictions.judging import MIN_SEEDS, over_seeds, plural
from predictions.protocol import Finding, Run

LEFT = 0.5
"""Largest part of its logit that Mem keeps where it has given way."""

NORM_FALLS, MEM_LEFT = "norm_change_while_gen_rises", "mem_left"


class MemoryGivesWay(OverTraining):
    """What the theory says happens between fitting and generalising (paper, Figure 9)."""

    name: ClassVar[str] = "memory-gives-way"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Mem gives way to Gen while the norm falls"
    claim: ClassVar[str] = (
        "As a network generalises, Gen takes the place of Mem and not a place beside it: Mem's "
        "logit falls again, and the norm falls while Gen's rises."
    )
    rule: ClassVar[str] = (
        f"{WHO_COUNTS} Two numbers of each run, with 95% intervals over seeds: what Mem's logit is "
        "at the end (median of the last records) as a part of its largest; and the change of the "
        "logarithm of the norm between the steps at which Gen's logit comes to a quarter and to "
        "three quarters of its largest (0 if it never does). Supported if the upper bound of the "
        f"first lies below {LEFT:g} and that of the second below 0. Refuted if the lower bound of "
        "either lies above, at as much more than 95% as there are of them. Undecided otherwise, or "
        f"with fewer than {MIN_SEEDS} seeds. Invalid if no run fitted its examples."
    )
    criterion: ClassVar[str] = (
        f"less than {LEFT:g} of Mem's logit left, and a norm that falls while Gen's rises"
    )
    refutation: ClassVar[str] = "Mem that stays beside Gen, or a norm that rises with Gen."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Weight decay makes norms fall without any Gen, if they are above what Mem needs: by how "
        "much the norm changed while Gen came to its first quarter, since Mem was largest, is "
        "reported beside.",
        "Values are normal over seeds. Steps are those of the records.",
        "Written after a look at eight development seeds (730 to 737): 0.05 to 0.17 of Mem left, "
        "changes of the norm between -0.26 and -0.07.",
    )
    power: ClassVar[str] = (
        "5 seeds support the claim in at least 8 of 10 experiments if a tenth of Mem is left and "
        "the norm falls by a tenth, each spreading by half of that between seeds (simulated)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        MEM_LEFT: "Mem's correct logit at the end / its largest",
        NORM_FALLS: "of its logarithm, from a quarter to three quarters of Gen's largest logit",
        "norm_change_while_mem_is_largest": "of its logarithm, from Mem's largest logit to a "
        "quarter of Gen's, where that comes later",
        "norm_change_until_mem_is_largest": "of its logarithm, from half of Mem's largest logit to "
        "all of it",
        "gen_where_mem_is_largest": "Gen's correct logit there / its largest",
    }

    def judged(
        self, seen: Mapping[int, Courses], runs: Mapping[int, Run], notes: tuple[str, ...]
    ) -> Finding:
        """See ``OverTraining``."""
        left = {seed: _left(one, runs[seed]) for seed, one in seen.items()}
        change = {
            seed: _change(one, comes_to(one.gen, 0.25), comes_to(one.gen, 0.75)) or 0.0
            for seed, one in seen.items()
        }
        numbers = {
            MEM_LEFT: over_seeds(left.values()),
            NORM_FALLS: over_seeds(change.values()),
        }
        largest = {seed: int(one.mem.argmax()) for seed, one in seen.items()}
        others = {
            "norm_change_while_mem_is_largest": [
                _change(one, largest[seed], comes_to(one.gen, 0.25)) for seed, one in seen.items()
            ],
            "norm_change_until_mem_is_largest": [
                _change(one, comes_to(one.mem, 0.5), largest[seed]) for seed, one in seen.items()
            ],
            "gen_where_mem_is_largest": [
                float(one.gen[largest[seed]] / one.gen.max()) if one.gen.max() > 0 else None
                for seed, one in seen.items()
            ],
        }
        for name, values in others.items():
            known = [value for value in values if value is not None]
            if len(known) > 1:
                numbers[name] = over_seeds(known)
        return Finding.of(
            decide([below(MEM_LEFT, left, LEFT), below(NORM_FALLS, change, 0.0)]),
            f"In {plural(len(seen), 'network')} trained from scratch {numbers[MEM_LEFT]} of Mem's "
            "largest logit is left at the end, and the logarithm of the norm changes by "
            f"{numbers[NORM_FALLS]} while Gen's logit rises from a quarter to three quarters.",
            numbers,
            notes,
        )


def _left(one: Courses, run: Run) -> float:
    """Return what is left of Mem's logit at the end; all of it if that cannot be said."""
    pair, largest = final(run.outcome.numbers), float(one.mem.max())
    return 1.0 if pair is None or not largest > 0 else pair[1] / largest


def _change(one: Courses, begin: int | None, end: int | None) -> float | None:
    """Return the change of the log norm between two records, if there are both in this order."""
    if begin is None or end is None or begin > end:
        return None
    return math.log(one.norm[end] / one.norm[begin])
