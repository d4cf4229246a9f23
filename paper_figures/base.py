"""What a figure of a paper is: runs that it needs, a drawing of them, a caption from the records.

A figure reads what the store holds and what predictions judge of it; it never trains, and fits
nothing that no prediction has judged.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from matplotlib.figure import Figure

from efficiency.errors import InvalidInputError
from paper_figures import captions, style
from predictions.cells import Run
from predictions.columns import below_each_other
from predictions.judging import plural
from predictions.looks import last_look
from predictions.plans import Extent
from predictions.protocol import Prediction
from predictions.registry import PREDICTIONS, select
from predictions.sizes import Size
from predictions.stored import judge_stored, on, stored
from predictions.variants import AS_DESIGNED, Variant
from predictions.verdicts import Verdict
from runs import Store


class MissingRunsError(ValueError):
    """Runs that a figure needs are not in the store."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """A prediction whose runs and verdict a figure reads.

    Attributes:
        prediction: Its name.
        variant: Another operation or network than its design has.
    """

    prediction: str
    variant: Variant = AS_DESIGNED

    def asked(self) -> Prediction:
        """Return the prediction as the paper has it."""
        return type(PREDICTIONS[self.prediction])(self.variant)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A verdict and all runs that it was judged on, those left out of it too.

    Attributes:
        need: What was asked.
        verdict: The verdict.
        runs: The runs, with their histories and weights.
    """

    need: Need
    verdict: Verdict
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Source:
    """Where figures read, and whose runs: a store, at one size, as predictions are asked.

    Attributes:
        store: The store.
        size: The size.
        variant: Another operation, network, design or first seed than the design's.
        num_seeds: Independent networks; ``None`` for as many as were last looked at, or as the
            design fixes.
        read: What has been read, or why it could not be.
    """

    store: Store
    size: Size
    variant: Variant = AS_DESIGNED
    num_seeds: int | None = None
    read: dict[Need, Evidence | str] = field(default_factory=dict, compare=False, repr=False)

    def options(self) -> list[str]:
        """Return the options of the command line that ask for the same."""
        return [*Extent(seeds=self.num_seeds).options(), *self.variant.options()]

    def label(self) -> str:
        """Return what differs from the design as a part of a file's name."""
        return f"{self.variant.label()}{Extent(seeds=self.num_seeds).label()}"

    def asks(self, need: Need) -> Prediction:
        """Return a prediction as it is asked here.

        Raises:
            MissingRunsError: It cannot be asked so.
        """
        variant = self.variant
        if need.variant != AS_DESIGNED:
            if variant.elsewhere:
                raise MissingRunsError(
                    f"it sets {shlex.join(need.variant.options())} of {need.prediction} beside "
                    f"others; leave out {shlex.join(variant.options())}"
                )
            variant = replace(need.variant, first_seed=variant.first_seed)
        try:
            (asked,) = select((need.prediction,), variant, self.size)
        except InvalidInputError as error:
            raise MissingRunsError(str(error)) from error
        return asked

    def evidence(self, need: Need) -> Evidence:
        """Return what the store holds of a prediction; it is judged once.

        Raises:
            MissingRunsError: Not all of its runs are there; says which command makes them.
            StoreError: A run is damaged.
        """
        if need not in self.read:
            self.read[need] = self._ask(need)
        found = self.read[need]
        if isinstance(found, str):
            raise MissingRunsError(found)
        return found

    def _ask(self, need: Need) -> Evidence | str:
        """Return what the store holds of a prediction, or why that is not enough."""
        try:
            prediction = self.asks(need)
        except MissingRunsError as error:
            return str(error)
        seeds = self.num_seeds
        if seeds is None:
            seeds = last_look(self.store, prediction, self.size)
        held = stored(prediction, self.size, self.store, seeds)
        if held.num_absent or held.num_open:
            name = " ".join([prediction.name, *prediction.variant.options()])
            command = prediction.command(self.size, Extent(seeds=self.num_seeds))
            return (
                f"{held.num_absent} of {held.num_wanted} runs of {name} are not in the "
                f"store {self.store.path}; train them with `{on(self.store, command)}`"
            )
        verdict = judge_stored(prediction, self.size, self.store, seeds)
        return Evidence(need=need, verdict=verdict, runs=verdict.evidence)


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """A figure of a paper.

    Attributes:
        name: What users call it.
        after: Paper and figure.
        title: In a few words.
        shows: What it shows, in a sentence or two.
        needs: The predictions that it cannot be drawn without.
        draw: From what the store holds of each, and then of what it wants as far as it is there, to
            the figure.
        wants: Predictions that it also reads where the store has them; of a figure without needs,
            one at least.
        apart: In what it is not the paper's figure, beside sizes, seeds and lengths.
    """

    name: str
    after: str
    title: str
    shows: str
    needs: tuple[Need, ...]
    draw: Callable[[Sequence[Evidence]], Figure]
    wants: tuple[Need, ...] = ()
    apart: str = ""

    def evidence(self, source: Source) -> list[Evidence]:
        """Return what it reads.

        Raises:
            MissingRunsError: Runs are not in the store.
            StoreError: A run is damaged.
        """
        found = [source.evidence(need) for need in self.needs]
        missing = self.missing(source)
        found += [source.evidence(need) for need in self.wants if need not in missing]
        if not found:
            raise MissingRunsError("; ".join(missing.values()))
        return found

    def missing(self, source: Source) -> dict[Need, str]:
        """Return what it wants and the store does not have, each with why.

        Raises:
            StoreError: A run is damaged.
        """
        found = {}
        for need in self.wants:
            try:
                source.evidence(need)
            except MissingRunsError as error:
                found[need] = str(error)
        return found

    def build(self, store: Store, size: Size) -> Figure:
        """Return the figure.

        Raises:
            MissingRunsError: Runs are not in the store.
            StoreError: A run is damaged.
        """
        return self.draw(self.evidence(Source(store, size)))

    def caption(self, source: Source) -> str:
        """Return its paragraphs as one text; see there."""
        return " ".join(self.paragraphs(source))

    def paragraphs(self, source: Source) -> list[str]:
        """Return what it shows, on which runs, what is not as it should be, and how it differs.

        What is said of runs may be the same for another figure.

        Raises:
            MissingRunsError: Runs are not in the store.
            StoreError: A run is damaged.
        """
        drawn = self.needs or self.wants
        # Predictions share runs; each is counted once.
        read = [one for one in self.evidence(source) if one.need in drawn]
        every = [run for one in read for run in one.runs]
        runs = list({run.identity: run for run in every}.values())
        papers = [run for need in drawn for run in need.asked().settings("paper")]
        shows = below_each_other(self.shows) if style.stacked() else self.shows
        asked = source.options()
        parts = [f"After {self.after}. {shows}", captions.facts(runs)]
        parts += [f"Asked with {shlex.join(asked)}." if asked else ""]
        parts += [captions.state(runs), captions.differences([r.settings for r in runs], papers)]
        parts += [captions.notes([one.verdict for one in read])]
        parts += [
            f"{one.need.prediction} was judged on {plural(len(one.runs), 'run')}."
            for one in self.evidence(source)
            if one.need not in drawn
        ]
        parts += [self.apart, *(f"Not drawn: {why}." for why in self.missing(source).values())]
        return [part for part in parts if part]


def as_in_reports(
    panels: Callable[[Verdict, Sequence[Run]], Figure],
) -> Callable[[Sequence[Evidence]], Figure]:
    """Return a drawing of what a figure needs as reports have it, of all runs together.

    Args:
        panels: From a verdict, that of the first prediction, and runs to a figure. Predictions
            share runs, each is drawn once.
    """

    def draw(evidence: Sequence[Evidence]) -> Figure:
        runs = {run.identity: run for one in evidence for run in one.runs}
        return panels(evidence[0].verdict, list(runs.values()))

    return draw
