"""Claim 1: on average networks ungrok where their circuits are equally efficient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from efficiency.statistics.intervals import equivalence
from predictions.circuit_efficiency.critical_size.claim import MIN_SEEDS, Claim, gate
from predictions.circuit_efficiency.critical_size.records import STILL, Records
from predictions.clauses import Clause
from predictions.labelled import Numbers

RATIO_MARGIN = 1.25
"""Largest ratio of two estimates, either way, that counts as agreement."""


class CriticalSizeRatio(Claim):
    """D_crit in the mean (paper, sections 3.2 and 5; agreement has not been measured before)."""

    name: ClassVar[str] = "critical-size-ratio"
    title: ClassVar[str] = "The critical size of each network: ratio"
    claim: ClassVar[str] = (
        "On average, the dataset size at which Mem and Gen are equally efficient, foretold from "
        "norms alone, is the one below which networks ungrok if they are trained for long enough."
    )
    rule: ClassVar[str] = (
        "The mean over seeds of log(foretold D_crit / midpoint), with the midpoint after the "
        "longest training and with its limit for ever longer training. Supported if the 95% "
        f"intervals of both lie within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}, refuted if both lie "
        "outside. Either only if midpoints have a limit: they rise, at the last fourfold "
        f"lengthening, by less than {STILL:.0%} (then no farther), or by less than at the one "
        "before (then as a geometric series; its error is in the interval). Either of these may "
        "be what decides, so that each is asked at half of the level."
        + gate(MIN_SEEDS, beyond="counts with the end of these")
    )
    criterion: ClassVar[str] = f"ratio within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}"
    refutation: ClassVar[str] = "Equal efficiency and ungrokking at sizes that differ."
    power: ClassVar[str] = (
        "48 seeds support the claim in at least 8 of 10 experiments if both are equal, midpoints "
        "scatter by 0.1 and their rises by 0.04 between seeds (simulated): the limit costs most. "
        "It cannot see whether what is foretold of a seed is its own: that is asked by "
        "critical-size-association and critical-size-identity."
    )
    figure_caption: ClassVar[str] = (
        "Left: each seed's foretold D_crit with its interval, and its midpoints of ungrokking "
        "after three lengths of training. Right: midpoint after the longest against foretold, seed "
        "by seed, with the line of equality and the margin."
    )

    def clauses(self, records: Records) -> Sequence[Clause]:
        """See ``Claim.clauses``."""
        margin = math.log(RATIO_MARGIN)
        apart = records.foretold - records.midpoints[:, -1]
        longest, holds, fails = equivalence(apart, margin), 1.0, 1.0
        for limit in records.limits():
            equal = equivalence(apart - limit.rest, margin)
            holds = min(holds, 2 * max(equal.p_within, longest.p_within, limit.p_value))
            fails = min(fails, 2 * max(equal.p_beyond, longest.p_beyond, limit.p_value))
        return [Clause(number="foretold_to_limit", holds=holds, fails=fails)]

    def sentence(self, numbers: Numbers) -> str:
        """See ``Claim.sentence``."""
        limit = numbers.get("foretold_to_limit")
        after = "is not known" if limit is None else f"is {limit}"
        return (
            f"Foretold at D = {numbers['foretold']}, which is {numbers['foretold_to_midpoint']} "
            "times the midpoint after the longest training; of its limit the ratio "
            f"{after}, margin {RATIO_MARGIN:g}."
        )
