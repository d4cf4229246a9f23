"""What a prediction is: a claim, the runs that test it, and a rule fixed beforehand."""

from __future__ import annotations

import math
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.training.outcome import Outcome
from predictions.clauses import BySeed, Decision, Known
from predictions.plans import ONE_LOOK, Extent, Look
from predictions.sizes import OF_ALL, Size
from predictions.variants import AS_DESIGNED, Variant
from runs.identity import identity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from predictions.designs import Part

LEFT_OPEN = " Left open: "
"""What follows is the number that a verdict could not be decided by."""

VerdictOutcome = Literal["supported", "refuted", "undecided", "invalid"]


class Left(Protocol):
    """What a run left behind, read when asked for."""

    @property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        ...

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it comes from."""
        ...

    def weights(self) -> Mapping[str, np.ndarray]:
        """Return the final weights."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run as a judge sees it.

    Attributes:
        settings: What was run.
        outcome: How it ended.
        left: Its history and its weights, for the few judges that need more than the outcome.
    """

    settings: RunSettings
    outcome: Outcome
    left: Left | None = field(default=None, compare=False, repr=False)

    @cached_property
    def identity(self) -> str:
        """The identity of the run."""
        return identity(self.settings.document())

    @property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        assert self.left is not None, self.identity
        return self.left.history

    @property
    def began(self) -> datetime:
        """When its training began, to the second."""
        assert self.left is not None, self.identity
        return datetime.fromisoformat(self.left.provenance["times"]["began"])

    def weights(self) -> Mapping[str, np.ndarray]:
        """Return the final weights."""
        assert self.left is not None, self.identity
        return self.left.weights()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the runs say of a claim.

    Attributes:
        prediction: Name of the prediction.
        size: Size it was tested at.
        options: What differs from that size, as options of the command line.
        outcome: ``supported``, ``refuted``, ``undecided`` (the runs do not suffice) or ``invalid``
            (the runs are not a test of the claim).
        sentence: The finding in one sentence.
        rule: The rule that decided, as it was fixed before the runs.
        numbers: Every number the sentence rests on, and more.
        deciding: Name of the number that decided, or on which it was left open.
        p_value: Smallest 1 − confidence at which the rule counts the claim as supported; over
            several looks that of all of them, see ``predictions.plans``.
        p_refuted: The p of its refutation, see ``predictions.clauses``.
        next_command: What may decide a claim that is not decided.
        runs: Identities of the runs it was judged on.
        notes: What was left out and why, a sentence each.
        look: Which look at which plan it is; ``None`` if not of a store.
        by_seed: What each number of the rule is computed from, where that is one thing of each
            seed; see ``predictions.clauses``.
    """

    prediction: str
    size: Size
    outcome: VerdictOutcome
    sentence: str
    rule: str
    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    deciding: str | None = None
    p_value: float | None = None
    p_refuted: float | None = None
    next_command: str | None = None
    runs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    options: str = ""
    look: Look | None = None
    by_seed: Mapping[str, BySeed] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the verdict as JSON types, in the form that ``judge --json`` prints."""
        return {
            "prediction": self.prediction,
            "size": self.size,
            "options": self.options,
            "outcome": self.outcome,
            "sentence": self.sentence,
            "rule": self.rule,
            "numbers": {name: number.document() for name, number in self.numbers.items()},
            "deciding": self.deciding,
            "p_value": self.p_value,
            "p_refuted": self.p_refuted,
            "next_command": self.next_command,
            "runs": list(self.runs),
            "notes": list(self.notes),
            "look": None if self.look is None else self.look.document(),
            "by_seed": {
                name: {str(seed): _finite(known) for seed, known in by_seed.items()}
                for name, by_seed in self.by_seed.items()
            },
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Verdict:
        """Return the verdict that ``document`` describes."""
        numbers = {
            name: Estimate.from_document(number) for name, number in document["numbers"].items()
        }
        look = document.get("look")
        held = {
            "numbers": numbers,
            "by_seed": {
                name: {int(seed): _known(value) for seed, value in by_seed.items()}
                for name, by_seed in document.get("by_seed", {}).items()
            },
            "runs": tuple(document["runs"]),
            "look": None if look is None else Look(**look),
        }
        return cls(**(document | held | {"notes": tuple(document["notes"])}))


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


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule says of the runs.

    Attributes:
        outcome: The outcome.
        sentence: Why, in one sentence.
        numbers: What it rests on, and more.
        deciding: The name of the number that decided, or on which it was left open.
        p_value: The smallest 1 − confidence of the rule's intervals at which the claim counts as
            supported: a p for the family. ``None`` where nothing was tested.
        p_refuted: The p of its refutation, see ``predictions.clauses``.
        notes: What was left out and why, a sentence each.
        by_seed: What each number of the rule is computed from.
    """

    outcome: VerdictOutcome
    sentence: str
    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    deciding: str | None = None
    p_value: float | None = None
    p_refuted: float | None = None
    notes: tuple[str, ...] = ()
    by_seed: Mapping[str, BySeed] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        decision: Decision,
        sentence: str,
        numbers: Mapping[str, Estimate],
        notes: tuple[str, ...] = (),
    ) -> Finding:
        """Return what clauses decided, in words and with the numbers."""
        return cls(
            outcome=decision.outcome,
            sentence=sentence,
            numbers=numbers,
            deciding=decision.deciding,
            p_value=decision.p_value,
            p_refuted=decision.p_refuted,
            notes=notes,
            by_seed=decision.by_seed,
        )


class Prediction(ABC):
    """A claim of the theory and its test. Everything here is fixed before any run.

    Args:
        variant: Another operation or network than its sizes have.

    Attributes:
        name: What users call it.
        min_seeds: Independent networks below which the judge decides nothing.
        title: A short title.
        claim: What the theory says.
        rule: When the claim counts as supported, refuted, undecided or invalid.
        criterion: When it counts as supported, in a phrase.
        refutation: What would refute it, in words.
        assumptions: What the test takes for granted.
        power: How many seeds it takes to see what is there, and under which assumptions.
        figure_caption: What its figure shows, if it has one.
        glossary: The meaning of each of its numbers, in a phrase.
        varies: Whether another operation or network can be asked for.
        sizes: The sizes that it has a design for.
        parts: What a design file may have for it beside the ground; none if it has designs of its
            own that no file changes.
        amended: What was changed after a first look at judged runs, a sentence; empty if nothing.
        waits: Why judging takes longer than a moment, in a phrase; empty if it does not.
    """

    name: ClassVar[str]
    min_seeds: ClassVar[int]
    title: ClassVar[str]
    claim: ClassVar[str]
    rule: ClassVar[str]
    refutation: ClassVar[str]
    criterion: ClassVar[str] = ""
    assumptions: ClassVar[tuple[str, ...]] = ()
    power: ClassVar[str] = "Not simulated."
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {}
    varies: ClassVar[bool] = True
    sizes: ClassVar[tuple[Size, ...]] = OF_ALL
    parts: ClassVar[tuple[Part[Any], ...]] = ()
    amended: ClassVar[str] = ""
    waits: ClassVar[str] = ""

    def __init__(self, variant: Variant = AS_DESIGNED) -> None:
        self.variant = variant

    @property
    def fixed(self) -> str:
        """All words that a plan holds it to."""
        return self.rule

    @abstractmethod
    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """Return the design at a size, in a few lines."""

    @abstractmethod
    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """Return the runs that the judge needs at a size.

        Args:
            size: The size.
            num_seeds: Independent networks; ``None`` for the number fixed in the design.

        Raises:
            ValueError: ``num_seeds`` is not positive.
        """

    @abstractmethod
    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """Apply the rule to runs, which ``judge`` hands over in the order of their identities."""

    def judge(self, size: Size, runs: Sequence[Run]) -> Verdict:
        """Return the verdict on runs, whose order does not matter.

        That of the size ``smoke`` decides nothing, by rule.
        """
        runs = sorted(runs, key=lambda run: run.identity)  # sums round by their order
        finding = self.find(size, runs)
        outcome, sentence = finding.outcome, finding.sentence
        if size == "smoke" and runs and outcome != "undecided":
            outcome, sentence = (
                "undecided",
                (
                    f"The smoke size decides nothing (its few runs alone would say {outcome}). "
                    f"{sentence}"
                ),
            )
            finding = replace(finding, p_value=None, p_refuted=None, deciding=None)
        open_ended = outcome in ("undecided", "invalid")
        if outcome == "undecided" and finding.deciding is not None:
            sentence = f"{sentence}{LEFT_OPEN}{finding.deciding.replace('_', ' ')}."
        return Verdict(
            prediction=self.name,
            size=size,
            outcome=outcome,
            sentence=sentence,
            rule=self.rule,
            numbers=finding.numbers,
            deciding=finding.deciding,
            p_value=finding.p_value,
            p_refuted=finding.p_refuted,
            next_command=self._next_command(size, outcome, runs) if open_ended else None,
            runs=tuple(run.identity for run in runs),
            notes=(*finding.notes, *self._own_design()),
            options=shlex.join(self.variant.options()),
            by_seed=finding.by_seed,
        )

    def _own_design(self) -> tuple[str, ...]:
        file = self.variant.design
        return () if file is None else (f"The design is that of a file: {file}.",)

    def _next_command(self, size: Size, outcome: VerdictOutcome, runs: Sequence[Run]) -> str | None:
        """Return the command that may decide.

        A larger size where no seed counts; more of the same seeds where they were too few for
        anything to be tested. Else fresh ones, as many as it takes: to look again at those that
        there are, with others added, at 5% each time, is to wait for chance. ``None`` where the
        larger size has no design for this table.
        """
        seeds = len({run.settings.data_seed for run in runs})
        larger = next((one for one in self.sizes[self.sizes.index(size) + 1 :]), size)
        if size == "smoke" or (outcome == "invalid" and larger != size):
            try:
                self.settings(larger)
            except ValueError:
                return None
            return self.command(larger)
        if seeds < self.min_seeds:
            return self.command(size, Extent(seeds=2 * self.min_seeds))
        return self.replication(size)

    def replication(self, size: Size) -> str:
        """Return the command that asks the same of fresh seeds, as many as it takes."""
        variant = replace(self.variant, first_seed=self.variant.another_first_seed())
        return type(self)(variant).command(size, Extent(until_decided=True))

    def command(self, size: Size, extent: Extent = ONE_LOOK) -> str:
        """Return the command that trains what it needs."""
        options = [*extent.options(), *self.variant.options()]
        return shlex.join(["predictions", "run", self.name, "--size", size, *options])
