"""Verdicts side by side: what decided each, and what is left of it among so many tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from efficiency.statistics import holm
from predictions.protocol import Prediction, Verdict

LEVEL = 0.05
"""Chance of any false "supported" in the family, at most, for a claim to stand in it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict, in the words of a table.

    Attributes:
        name: Of the prediction.
        outcome: Its outcome.
        number: Name of the number that decided, for a reader.
        value: That number.
        interval: Its 95% interval.
        n: Independent units.
        criterion: The rule in a phrase.
        p: p-value of the rule.
        adjusted: The same after Holm's correction for all verdicts of the table with a p-value.
    """

    name: str
    outcome: str
    number: str
    value: str
    interval: str
    n: str
    criterion: str
    p: str
    adjusted: str


def rows(verdicts: Sequence[Verdict], predictions: Sequence[Prediction]) -> list[Row]:
    """Return the table of verdicts."""
    tested = [v.p_value for v in verdicts if v.p_value is not None]
    corrected = iter(holm(tested))
    found = []
    for verdict, prediction in zip(verdicts, predictions, strict=True):
        deciding = verdict.numbers.get(verdict.deciding or "")
        texts = deciding.texts() if deciding is not None else dict.fromkeys(_COLUMNS, "")
        value = f"{texts['value']} {texts['unit']}".strip()
        tested_here = verdict.p_value is not None
        found.append(
            Row(
                name=verdict.prediction,
                outcome=verdict.outcome,
                number=(verdict.deciding or "").replace("_", " "),
                value=value,
                interval=texts["interval"],
                n=texts["n"],
                criterion=prediction.criterion,
                p=_show(verdict.p_value),
                adjusted=_show(next(corrected)) if tested_here else "",
            )
        )
    return found


def falls_with_the_family(
    verdicts: Sequence[Verdict], predictions: Sequence[Prediction]
) -> list[str]:
    """Return the supported predictions whose adjusted p exceeds the level of the family."""
    tested = [v for v in verdicts if v.p_value is not None]
    corrected = holm([v.p_value for v in tested if v.p_value is not None])
    return [
        verdict.prediction
        for verdict, p in zip(tested, corrected, strict=True)
        if verdict.outcome == "supported" and p > LEVEL
    ]


_COLUMNS = ("value", "interval", "n", "unit", "status")


def _show(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
