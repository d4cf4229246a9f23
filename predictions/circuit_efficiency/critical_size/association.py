"""Claim 2: the critical size that is foretold of a network says something of that network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from efficiency.statistics import pairing
from efficiency.statistics.intervals import greater_p, rank_correlation
from predictions.circuit_efficiency.critical_size.claim import MIN_SEEDS, Claim, gate
from predictions.circuit_efficiency.critical_size.records import Records
from predictions.clauses import Clause
from predictions.labelled import Numbers

LEAST = 0.5
"""Rank correlation below which what is foretold says too little of a seed to speak of."""


class CriticalSizeAssociation(Claim):
    """D_crit seed by seed: does a network whose circuits cross later ungrok later?"""

    name: ClassVar[str] = "critical-size-association"
    title: ClassVar[str] = "The critical size of each network: association"
    claim: ClassVar[str] = (
        "A network of which a larger critical size is foretold ungroks at a larger size, and what "
        "is foretold of it says more of it than the other networks do."
    )
    rule: ClassVar[str] = (
        "Over seeds, log midpoint after the longest training and log foretold D_crit. Supported if "
        "both Spearman's and Pearson's correlation are above 0 by a permutation test over all "
        "pairings of the seeds, and the mean over seeds of the squared error of the mean of the "
        "other seeds less that of what was foretold, with nothing fitted, is above 0 (skill). "
        "Refuted if the upper bound of Spearman's 95% interval (Fisher's z) is below "
        f"{LEAST:g}." + gate(MIN_SEEDS, beyond="is lost")
    )
    criterion: ClassVar[str] = "correlations and skill above 0"
    refutation: ClassVar[str] = f"A rank correlation below {LEAST:g}."
    power: ClassVar[str] = (
        "24 seeds support the claim in at least 8 of 10 experiments if foretold sizes spread by "
        "0.14 in the logarithm and midpoints by 0.06 around them (simulated)."
    )
    needs_midpoint: ClassVar[bool] = True
    figure_caption: ClassVar[str] = ""

    def clauses(self, records: Records) -> Sequence[Clause]:
        """See ``Claim.clauses``."""
        x, y = records.foretold, records.midpoints[:, -1]
        paired = max(pairing.pairing_p(x, y, ranks=ranks) for ranks in (True, False))
        skilled = greater_p(pairing.gains(x, y), 0.0)
        return [
            Clause(
                number="rank_correlation",
                holds=max(min(1.0, 2 * paired), skilled),
                fails=rank_correlation(x, y).p_less(LEAST),
            )
        ]

    def sentence(self, numbers: Numbers) -> str:
        """See ``Claim.sentence``."""
        skill = numbers["skill"].value
        assert skill is not None
        return (
            "Foretold and observed critical sizes have a rank correlation of "
            f"{numbers['rank_correlation']} over {numbers['skill'].n} seeds; the squared errors of "
            f"what is foretold are {1 - skill:.2g} times those of the mean of the other seeds."
        )
