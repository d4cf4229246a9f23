"""Claim 4: networks ungrok within the interval that was foretold of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from efficiency.statistics.intervals import share_p
from predictions.circuit_efficiency.critical_size.claim import Claim, gate, inside_of
from predictions.circuit_efficiency.critical_size.records import STILL, Records
from predictions.clauses import Clause
from predictions.labelled import Numbers

MIN_SEEDS_SHARE = 17
"""Seeds of which all must lie inside for a share of 0.8 to be excluded at one look."""

WIDEST = 1.6
"""Largest factor between the ends of what is foretold, of the median seed, that says anything."""

LEAST_SHARE = 0.8
"""Share of seeds in their intervals that the claim asks for: they are said to be 95%."""


class CriticalSizeCoverage(Claim):
    """D_crit seed by seed: is the measurement of both circuits all that there is to know?"""

    name: ClassVar[str] = "critical-size-coverage"
    title: ClassVar[str] = "The critical size of each network: coverage"
    claim: ClassVar[str] = (
        "Most networks ungrok within the 95% interval of the critical size that was foretold of "
        f"them: at least {LEAST_SHARE:.0%} do, so that little but the errors of measuring their "
        "circuits stands between the two."
    )
    rule: ClassVar[str] = (
        "The share of seeds whose midpoint, in the limit of ever longer training, lies in the 95% "
        "interval that was foretold. Supported if its 95% interval (Clopper and Pearson) lies "
        f"above {LEAST_SHARE:g}, refuted if it lies below. Undecided if half of the intervals span "
        f"a factor of more than {WIDEST:g}. Either only if midpoints have a limit: they rise, at "
        f"the last fourfold lengthening, by less than {STILL:.0%}, or by less than at the one "
        "before (then as a geometric series), each asked at half of the level."
        + gate(MIN_SEEDS_SHARE, beyond="is outside")
    )
    criterion: ClassVar[str] = f"share of seeds above {LEAST_SHARE:g}"
    refutation: ClassVar[str] = "Networks that ungrok outside of what was foretold of them."
    power: ClassVar[str] = (
        "17 seeds are the fewest that could support it, all of them inside; 96 do in 9 of 10 "
        "experiments if 95% lie inside (computed), and 24 refute it in 9 of 10 if half do."
    )
    min_seeds: ClassVar[int] = MIN_SEEDS_SHARE
    figure_caption: ClassVar[str] = ""

    def clauses(self, records: Records) -> Sequence[Clause]:
        """See ``Claim.clauses``."""
        widths = [one.foretold.high - one.foretold.low for one in records.seeds]
        holds = fails = 1.0
        if np.median(widths) <= math.log(WIDEST):
            for limit in records.limits():
                inside = inside_of(records, limit)
                k, n = sum(inside), len(inside)
                more = min(1.0, 2 * share_p(k, n, LEAST_SHARE))
                less = min(1.0, 2 * share_p(n - k, n, 1 - LEAST_SHARE))
                holds = min(holds, 2 * max(more, limit.p_value))
                fails = min(fails, 2 * max(less, limit.p_value))
        return [Clause(number="inside", holds=holds, fails=fails)]

    def sentence(self, numbers: Numbers) -> str:
        """See ``Claim.sentence``."""
        inside = numbers.get("inside")
        if inside is None or inside.value is None:
            return "The midpoints have no limit that could lie in what was foretold."
        return (
            f"{round(inside.value * inside.n)} of {inside.n} seeds ungrok within the interval that "
            "was foretold of them."
        )
