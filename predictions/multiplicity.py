"""Verdicts side by side: what decided each, and what is left of it among so many tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from efficiency.statistics.intervals import holm
from predictions.clauses import LEVEL
from predictions.labelled import told
from predictions.protocol import Prediction
from predictions.verdicts import Verdict, VerdictOutcome

EXPLAINED = (
    "Outcome: what stands at 5% among all predictions of this table, of the chance of any false "
    "one; alone: by its own rule, and what its looks cost. p for a claim is the smallest "
    "1 − confidence at which its rule supports it, p against that of refuting it. They are "
    "corrected for both of every prediction, of which only one can be a mistake (Holm 1979; "
    "Shaffer 1986): multiplied by the number of predictions."
)
"""What the table says, in the words that stand below it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict, in the words of a table.

    Attributes:
        name: Of the prediction.
        outcome: What stands of its outcome after the correction for all that is tested here.
        alone: Its outcome by its own rule and looks.
        standing: Whether it is confirmatory or exploratory, empty if it was not looked at so.
        number: Name of the number that decided, or left it open, for a reader.
        value: That number.
        interval: Its 95% interval.
        n: Independent units.
        criterion: The rule in a phrase.
        support: p-value of the rule, and the same after the correction.
        refutation: The same of its refutation.
        corrected: The smaller of both after the correction, and which it is.
    """

    name: str
    outcome: VerdictOutcome
    alone: VerdictOutcome
    standing: str
    number: str
    value: str
    interval: str
    n: str
    criterion: str
    support: str
    refutation: str
    corrected: str


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """p-values of one prediction after the correction.

    Attributes:
        support: Of the claim's support.
        refutation: Of its refutation.
    """

    support: float
    refutation: float

    def smaller(self) -> str:
        """Return the smaller of both in words."""
        if self.support == self.refutation == 1:
            return "1"
        for_it = self.support <= self.refutation
        return f"{_in_digits(min(self.support, self.refutation))} {'for' if for_it else 'against'}"


def rows(verdicts: Sequence[Verdict], predictions: Sequence[Prediction]) -> list[Row]:
    """Return the table of verdicts."""
    every, found = adjusted(verdicts, predictions), []
    for verdict, prediction in zip(verdicts, predictions, strict=True):
        deciding = None if verdict.deciding is None else verdict.numbers.get(verdict.deciding)
        texts = deciding.texts() if deciding is not None else dict.fromkeys(_COLUMNS, "")
        value = f"{texts['value']} {texts['unit']}".strip()
        after = every.get(verdict.prediction)
        found.append(
            Row(
                name=verdict.prediction,
                outcome=_standing(verdict, after),
                alone=verdict.outcome,
                standing="" if verdict.look is None else verdict.look.standing,
                number=""
                if verdict.deciding is None or deciding is None
                else told(verdict.deciding),
                value=value,
                interval=texts["interval"],
                n=texts["n"],
                criterion=prediction.criterion,
                support=_show(verdict.p_value, None if after is None else after.support),
                refutation=_show(verdict.p_refuted, None if after is None else after.refutation),
                corrected="" if after is None else after.smaller(),
            )
        )
    return found


def _standing(verdict: Verdict, after: Adjusted | None) -> VerdictOutcome:
    """Return the outcome of a verdict, undecided where it does not survive the correction."""
    if after is None or verdict.outcome not in ("supported", "refuted"):
        return verdict.outcome
    if verdict.outcome == "refuted" and verdict.p_refuted is None:
        return verdict.outcome  # of a verdict that was kept before refutations had a p
    p = after.support if verdict.outcome == "supported" else after.refutation
    return verdict.outcome if p < LEVEL else "undecided"


def adjusted(verdicts: Sequence[Verdict], predictions: Sequence[Prediction]) -> dict[str, Adjusted]:
    """Return the p-values of each prediction after the correction.

    The family is every prediction of the table that tests anything, with two hypotheses each: that
    its claim is false, which support rejects, and that it is true, which refutation does. One of
    both is, at most, so that there cannot be more true ones than predictions. A prediction that
    came to no p counts as p = 1: how many tests there were must not depend on how they went.
    """
    tested = [
        verdict
        for verdict, prediction in zip(verdicts, predictions, strict=True)
        if prediction.min_seeds > 0
    ]
    both = [
        1.0 if p is None else p for verdict in tested for p in (verdict.p_value, verdict.p_refuted)
    ]
    after = holm(both, most_true=len(tested))
    pairs = zip(after[::2], after[1::2], strict=True)
    return {
        verdict.prediction: Adjusted(support=support, refutation=refutation)
        for verdict, (support, refutation) in zip(tested, pairs, strict=True)
    }


_COLUMNS = ("value", "interval", "n", "unit", "status")


def _show(p: float | None, after: float | None) -> str:
    if p is None or after is None:
        return ""
    return f"{_in_digits(p)} ({_in_digits(after)})"


def _in_digits(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
