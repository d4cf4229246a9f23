"""What is found of a claim, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from efficiency.estimates import Estimate
from predictions import labelled
from predictions.cells import Run
from predictions.clauses import BySeed, Decision, Known
from predictions.labelled import Named, Numbers
from predictions.plans import Look
from predictions.sizes import Size

LEFT_OPEN = " Left open: "
"""What follows is the number that a verdict could not be decided by."""

VerdictOutcome = Literal["supported", "refuted", "undecided", "invalid"]

_OUTCOMES = get_args(VerdictOutcome)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule says of the runs.

    Attributes:
        outcome: The outcome.
        sentence: Why, in one sentence.
        numbers: Every number the sentence rests on, and more.
        deciding: The name of the number that decided, or on which it was left open.
        p_value: The smallest 1 − confidence of the rule's intervals at which the claim counts as
            supported: a p for the family. ``None`` where nothing was tested.
        p_refuted: The p of its refutation, see ``predictions.clauses``.
        notes: What was left out and why, a sentence each.
        by_seed: What each number of the rule is computed from.
    """

    outcome: VerdictOutcome
    sentence: str
    numbers: Numbers = field(default_factory=dict)
    deciding: Named | None = None
    p_value: float | None = None
    p_refuted: float | None = None
    notes: tuple[str, ...] = ()
    by_seed: Mapping[Named, BySeed] = field(default_factory=dict)

    def wrong(self) -> str | None:
        """Return what of it cannot be told, ``None`` if all can: rules come from outside too."""
        if self.outcome not in _OUTCOMES:
            return f"the outcome {self.outcome!r}; choose from {', '.join(_OUTCOMES)}"
        for name, number in self.numbers.items():
            if not isinstance(number, Estimate):
                return f"the number {name} is {type(number).__name__}, and must be an Estimate"
        # What is left open may be so by a number that could not be had.
        decided = self.outcome in ("supported", "refuted") and self.deciding is not None
        if decided and self.deciding not in self.numbers:
            there = ", ".join(map(str, self.numbers)) or "none"
            return f"{self.deciding} decides, and is none of its numbers ({there})"
        return None

    @classmethod
    def of(
        cls,
        decision: Decision,
        sentence: str,
        numbers: Mapping[str, Estimate] | Numbers,
        notes: tuple[str, ...] = (),
    ) -> Finding:
        """Return what clauses decided, in words and with the numbers."""
        return cls(
            outcome=decision.outcome,
            sentence=sentence,
            numbers=Numbers(numbers.items()),
            deciding=decision.deciding,
            p_value=None if decision.outcome == "invalid" else decision.p_value,
            p_refuted=None if decision.outcome == "invalid" else decision.p_refuted,
            notes=notes,
            by_seed=decision.by_seed,
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the runs say of a claim.

    Attributes:
        prediction: Name of the prediction.
        size: Size it was tested at.
        rule: The rule that decided, as it was fixed before the runs.
        finding: What was found; over several looks that of all of them, see ``predictions.plans``.
        options: What differs from that size, as options of the command line.
        next_command: What may decide a claim that is not decided.
        runs: Identities of the runs it was judged on.
        look: Which look at which plan it is; ``None`` if not of a store.
        evidence: The runs themselves, those left out too; empty if it was read from a document.
    """

    prediction: str
    size: Size
    rule: str
    finding: Finding
    options: str = ""
    next_command: str | None = None
    runs: tuple[str, ...] = ()
    look: Look | None = None
    evidence: tuple[Run, ...] = field(default=(), compare=False, repr=False)

    @property
    def outcome(self) -> VerdictOutcome:
        """``supported``, ``refuted``, ``undecided`` or ``invalid``."""
        return self.finding.outcome

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        return self.finding.sentence

    @property
    def numbers(self) -> Numbers:
        """Every number the sentence rests on, and more."""
        return self.finding.numbers

    @property
    def deciding(self) -> Named | None:
        """Name of the number that decided, or on which it was left open."""
        return self.finding.deciding

    @property
    def p_value(self) -> float | None:
        """The smallest 1 − confidence at which the claim counts as supported."""
        return self.finding.p_value

    @property
    def p_refuted(self) -> float | None:
        """The p of its refutation."""
        return self.finding.p_refuted

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out and why, a sentence each."""
        return self.finding.notes

    @property
    def by_seed(self) -> Mapping[Named, BySeed]:
        """What each number of the rule is computed from, where that is one thing of each seed."""
        return self.finding.by_seed

    def saying(self, **changes: Any) -> Verdict:
        """Return the verdict with parts of its finding replaced."""
        return replace(self, finding=replace(self.finding, **changes))

    def document(self) -> dict[str, Any]:
        """Return the verdict as JSON types, in the form that ``judge --json`` prints."""
        return {
            "prediction": self.prediction,
            "size": self.size,
            "options": self.options,
            "outcome": self.outcome,
            "sentence": self.sentence,
            "rule": self.rule,
            "numbers": labelled.rows(self.numbers),
            "deciding": None if self.deciding is None else labelled.document(self.deciding),
            "p_value": self.p_value,
            "p_refuted": self.p_refuted,
            "next_command": self.next_command,
            "runs": list(self.runs),
            "notes": list(self.notes),
            "look": None if self.look is None else self.look.document(),
            "by_seed": [
                labelled.document(name)
                | {"seeds": {str(seed): _finite(known) for seed, known in by_seed.items()}}
                for name, by_seed in self.by_seed.items()
            ],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Verdict:
        """Return the verdict that ``document`` describes."""
        look, deciding = document.get("look"), document["deciding"]
        found = {
            "numbers": labelled.from_rows(document["numbers"]),
            "deciding": None if deciding is None else labelled.from_document(deciding),
            "by_seed": {
                labelled.from_document(row): {
                    int(seed): _known(value) for seed, value in row["seeds"].items()
                }
                for row in document.get("by_seed", [])
            },
            "notes": tuple(document["notes"]),
        }
        of_finding = {one.name for one in fields(Finding)}
        said = {name: value for name, value in document.items() if name in of_finding}
        held = {name: value for name, value in document.items() if name not in of_finding}
        held |= {
            "finding": Finding(**(said | found)),
            "runs": tuple(document["runs"]),
            "look": None if look is None else Look(**look),
        }
        return cls(**held)


def _finite(known: Known) -> float | list[float | None]:
    """Return what a seed says as JSON types, which have no infinity."""
    if isinstance(known, tuple):
        return [end if math.isfinite(end) else None for end in known]
    return known


def _known(value: float | Sequence[float | None]) -> Known:
    """Return what ``_finite`` was given."""
    if isinstance(value, Sequence):
        low, high = value
        return (-math.inf if low is None else low, math.inf if high is None else high)
    return value
