"""Claim 3: the critical size that is foretold of a network is that network's, one for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from efficiency.statistics import pairing
from efficiency.statistics.intervals import TooFewError, equivalence
from predictions.circuit_efficiency.critical_size.claim import MIN_SEEDS, Claim, gate, slopes
from predictions.circuit_efficiency.critical_size.records import Records
from predictions.clauses import Clause
from predictions.labelled import Numbers

SLOPE_MARGIN = 0.25
"""Largest difference of the slope from 1 that counts as none."""

MIN_RELIABILITY = 0.5
"""Least part of the variance of what was foretold that is not its errors', for a slope."""


class CriticalSizeIdentity(Claim):
    """D_crit seed by seed: do midpoints differ between networks as much as is foretold?"""

    name: ClassVar[str] = "critical-size-identity"
    title: ClassVar[str] = "The critical size of each network: identity"
    claim: ClassVar[str] = (
        "Where a critical size is foretold that is larger by some factor, the network ungroks at a "
        "size that is larger by the same factor."
    )
    rule: ClassVar[str] = (
        "The slope over seeds of log midpoint after the longest training on log foretold D_crit, "
        "how Mem's log norm bends away from a line in all seeds alike taken into account, and the "
        "error of what was foretold (the rest of that scatter) taken out by moments; 95% interval "
        "from pseudo-values of seeds. "
        f"Supported if it lies within {1 - SLOPE_MARGIN:g} … {1 + SLOPE_MARGIN:g}, refuted if "
        f"outside. Undecided if less than {MIN_RELIABILITY:.0%} of the variance of what was "
        "foretold is more than its errors." + gate(MIN_SEEDS, beyond="is lost")
    )
    criterion: ClassVar[str] = f"slope within 1 ± {SLOPE_MARGIN:g}"
    refutation: ClassVar[str] = (
        "Midpoints that spread more, or less, between networks than their foretold sizes do."
    )
    power: ClassVar[str] = (
        "48 seeds support the claim in at least 8 of 10 experiments if the slope is 1, foretold "
        "sizes spread by 0.14 and midpoints by 0.06 around them (simulated)."
    )
    needs_midpoint: ClassVar[bool] = True
    figure_caption: ClassVar[str] = ""

    def clauses(self, records: Records) -> Sequence[Clause]:
        """See ``Claim.clauses``."""
        try:
            known = pairing.reliability(records.straightened, records.errors) >= MIN_RELIABILITY
            equal = equivalence([one - 1 for one in slopes(records)], SLOPE_MARGIN)
        except TooFewError:
            known = False
        if not known:
            return [Clause(number="slope", holds=1.0, fails=1.0)]
        return [Clause(number="slope", holds=equal.p_within, fails=equal.p_beyond)]

    def sentence(self, numbers: Numbers) -> str:
        """See ``Claim.sentence``."""
        slope = numbers.get("slope")
        found = "is not known" if slope is None else f"is {slope}"
        return (
            f"The slope of log midpoint on log foretold size {found} (margin 1 ± {SLOPE_MARGIN:g})."
        )
