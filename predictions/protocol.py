"""What a prediction is: a claim, the runs that test it, and a rule fixed beforehand."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings
from predictions.cells import Cell, Run, in_order, settings_of
from predictions.labelled import told
from predictions.plans import ONE_LOOK, Extent
from predictions.sizes import OF_ALL, Size
from predictions.variants import AS_DESIGNED, Variant
from predictions.verdicts import LEFT_OPEN, Finding, Verdict, VerdictOutcome

if TYPE_CHECKING:
    from predictions.designs import Part


class RuleError(Exception):
    """The rule of a prediction cannot be applied to runs: a fault of its code."""


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
        glossary: The meaning of each of its numbers, in a phrase, by the word of its name.
        varies: Whether another operation or network can be asked for.
        continues: Whether all that it asks of is what start networks become, so that networks which
            were trained elsewhere can stand in their place.
        sizes: The sizes that it has a design for.
        parts: What a design file may have for it beside the ground; none if it has designs of its
            own that no file changes.
        amended: What was changed after a first look at judged runs, a sentence; empty if nothing.
        foretelling: What is foretold after each stage but the last and how, and what follows; empty
            of a design that is no design in stages, see ``predictions.stages``.
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
    continues: ClassVar[bool] = False
    sizes: ClassVar[tuple[Size, ...]] = OF_ALL
    parts: ClassVar[tuple[Part[Any], ...]] = ()
    amended: ClassVar[str] = ""
    foretelling: ClassVar[str] = ""
    waits: ClassVar[str] = ""

    def __init__(self, variant: Variant = AS_DESIGNED) -> None:
        self.variant = variant

    @property
    def fixed(self) -> str:
        """All words that a plan holds it to."""
        return f"{self.rule} {self.foretelling}".strip()

    @abstractmethod
    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """Return the design at a size, in a few lines."""

    @abstractmethod
    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """Return the runs that the judge needs at a size, each with what it is there for.

        Args:
            size: The size.
            num_seeds: Independent networks; ``None`` for the number fixed in the design.

        Raises:
            ValueError: ``num_seeds`` is not positive.
        """

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """Return the runs of its cells, each once; see there.

        Raises:
            InvalidInputError: ``cells`` returns something else, see ``predictions.cells``.
        """
        cells = self.cells(size, num_seeds)
        try:
            return settings_of(cells)
        except InvalidInputError as error:
            raise InvalidInputError(f"{self.name} at {size}: {error}") from error

    def open_seeds(self, size: Size, num_seeds: int | None = None) -> Sequence[int]:
        """Return the seeds of which something is still to be foretold before all runs are known.

        Designs in stages have some, see ``predictions.stages.Staged``, and no others can.
        """
        return ()

    @abstractmethod
    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """Apply the rule to the runs of cells, which ``judge`` hands over in a fixed order."""

    def judge(self, size: Size, runs: Sequence[Run]) -> Verdict:
        """Return the verdict on runs, whose order does not matter.

        That of the size ``smoke`` decides nothing, by rule.

        Raises:
            RuleError: The rule could not be applied, or says what is no finding.
        """
        runs = in_order(runs)
        finding = self._found(size, runs)
        if size == "smoke" and runs and finding.outcome != "undecided":
            finding = replace(
                finding,
                outcome="undecided",
                sentence=f"The smoke size decides nothing (its few runs alone would say "
                f"{finding.outcome}). {finding.sentence}",
                p_value=None,
                p_refuted=None,
                deciding=None,
            )
        if finding.outcome == "undecided" and finding.deciding is not None:
            open_number = told(finding.deciding)
            finding = replace(finding, sentence=f"{finding.sentence}{LEFT_OPEN}{open_number}.")
        following = None
        if finding.outcome in ("undecided", "invalid"):
            following = self._next_command(size, finding.outcome, runs)
        return Verdict(
            prediction=self.name,
            size=size,
            rule=self.rule,
            finding=replace(finding, notes=(*finding.notes, *self._own_design())),
            next_command=following,
            runs=tuple(dict.fromkeys(run.identity for run in runs)),
            options=shlex.join(self.variant.options()),
            evidence=tuple(runs),
        )

    def _found(self, size: Size, runs: Sequence[Run]) -> Finding:
        """Return what the rule says, if that is a finding."""
        try:
            found = self.find(size, runs)
        except InvalidInputError as error:  # of numbers that no user gave
            raise RuleError(f"the rule of {self.name} fails: {error}") from error
        if not isinstance(found, Finding):
            raise RuleError(
                f"the rule of {self.name} returns {type(found).__name__}; find() must return a "
                "predictions.verdicts.Finding"
            )
        if (why := found.wrong()) is not None:
            raise RuleError(f"the rule of {self.name} finds what is no finding: {why}")
        return found

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
        seeds = len({run.seed for run in runs})
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
