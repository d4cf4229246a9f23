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
        number: Name of the number that decided, or left it open, for a reader.
        value: That number.
        interval: Its 95% interval.
        n: Independent units.
        criterion: The rule in a phrase.
        p: p-value of the rule.
        adjusted: The same after Holm's correction for all that is tested here, see ``adjusted``.
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
    corrected, found = adjusted(verdicts, predictions), []
    for verdict, prediction in zip(verdicts, predictions, strict=True):
        deciding = verdict.numbers.get(verdict.deciding or "")
        texts = deciding.texts() if deciding is not None else dict.fromkeys(_COLUMNS, "")
        value = f"{texts['value']} {texts['unit']}".strip()
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
                adjusted=_show(corrected.get(verdict.prediction)),
            )
        )
    return found


def falls_with_the_family(
    verdicts: Sequence[Verdict], predictions: Sequence[Prediction]
) -> list[str]:
    """Return the supported predictions whose adjusted p exceeds the level of the family."""
    corrected = adjusted(verdicts, predictions)
    return [
        verdict.prediction
        for verdict in verdicts
        if verdict.outcome == "supported" and corrected.get(verdict.prediction, 0.0) > LEVEL
    ]


def adjusted(verdicts: Sequence[Verdict], predictions: Sequence[Prediction]) -> dict[str, float]:
    """Return each p-value after Holm's correction.

    The family is every prediction of the table that tests anything, whether it came to a p or not:
    one that could not be decided counts as p = 1. How many tests there were must not depend on how
    they went.
    """
    tested = {
        verdict.prediction: 1.0 if verdict.p_value is None else verdict.p_value
        for verdict, prediction in zip(verdicts, predictions, strict=True)
        if prediction.min_seeds > 0
    }
    return dict(zip(tested, holm(list(tested.values())), strict=True))


_COLUMNS = ("value", "interval", "n", "unit", "status")


def _show(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"
