"""What a figure of a paper is: runs that it needs, a drawing of them, a caption from the records.

A figure reads what the store holds and what predictions judge of it; it never trains, and fits
nothing that no prediction has judged.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from paper_figures import captions, style
from predictions.cells import Run
from predictions.judging import plural
from predictions.protocol import Prediction
from predictions.registry import PREDICTIONS
from predictions.sizes import Size
from predictions.stored import DEFAULT_STORE, judge_stored, stored
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
        """Return the prediction."""
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
    """Where figures read: a store, at one size.

    Attributes:
        store: The store.
        size: The size.
        read: What has been read, or why it could not be.
    """

    store: Store
    size: Size
    read: dict[Need, Evidence | str] = field(default_factory=dict, compare=False, repr=False)

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
        prediction = need.asked()
        if self.size not in prediction.sizes:
            return f"{prediction.name} has no design of the size {self.size}"
        held = stored(prediction, self.size, self.store)
        if held.num_absent or held.num_open:
            place = str(self.store.path)
            where = "" if place == DEFAULT_STORE else f" --store {shlex.quote(place)}"
            name = " ".join([prediction.name, *need.variant.options()])
            return (
                f"{held.num_absent} of {held.num_wanted} runs of {name} are not in the "
                f"store {place}; train them with `{prediction.command(self.size)}{where}`"
            )
        verdict = judge_stored(prediction, self.size, self.store)
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
        """Return what it shows, on which runs, what is not as it should be, and how it differs.

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
        shows = captions.below_each_other(self.shows) if style.stacked() else self.shows
        parts = [f"After {self.after}.", shows, captions.facts(runs)]
        parts += [captions.state(runs), captions.differences([r.settings for r in runs], papers)]
        parts += [captions.notes([one.verdict for one in read])]
        parts += [
            f"{one.need.prediction} was judged on {plural(len(one.runs), 'run')}."
            for one in self.evidence(source)
            if one.need not in drawn
        ]
        parts += [self.apart, *(f"Not drawn: {why}." for why in self.missing(source).values())]
        return " ".join(part for part in parts if part)
