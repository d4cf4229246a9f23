"""Judging what a store holds."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from efficiency.outcome import Outcome
from efficiency.settings import RunSettings
from predictions.protocol import Prediction, Run, Size, Verdict
from runs.identity import identity
from runs.record import Record
from runs.store import Store

DEFAULT_STORE = "store"
"""Where runs are kept if nothing else is said."""


def _descends(settings: RunSettings, from_any: set[RunSettings]) -> bool:
    start = settings.start
    return start is not None and (start in from_any or _descends(start, from_any))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a store holds of what a prediction needs.

    Attributes:
        runs: The runs that are there.
        num_wanted: Runs that the design asks for.
        num_absent: Runs that are not there and could be.
        origins: What trained those that are there, a phrase each.
    """

    runs: list[Run]
    num_wanted: int
    num_absent: int
    origins: frozenset[str]


def stored(
    prediction: Prediction, size: Size, store: Store, num_seeds: int | None = None
) -> Stored:
    """Return what a store holds of what a prediction needs.

    Raises:
        StoreError: A run is damaged.
    """
    wanted = prediction.settings(size, num_seeds)
    found, origins = [], set()
    for settings in wanted:
        run = identity(settings.document())
        if store.has(run):
            record = store.load(run)
            outcome = Outcome.from_document(record.outcome)
            found.append(Run(settings=settings, outcome=outcome, left=record))
            origins |= _origins(record)
    diverged = {run.settings for run in found if run.outcome.status == "diverged"}
    # A run whose start diverged can never be trained; the judge sees what is left without it.
    possible = [settings for settings in wanted if not _descends(settings, diverged)]
    return Stored(
        runs=found,
        num_wanted=len(wanted),
        num_absent=len(possible) - sum(run.settings in possible for run in found),
        origins=frozenset(origins),
    )


def judge_stored(
    prediction: Prediction, size: Size, store: Store, num_seeds: int | None = None
) -> Verdict:
    """Judge a prediction on what a store holds.

    A sweep with missing runs is undecided: which runs are missing may depend on what they show.

    Raises:
        StoreError: A run is damaged.
    """
    held = stored(prediction, size, store, num_seeds)
    if held.num_absent > 0:
        return Verdict(
            prediction=prediction.name,
            size=size,
            outcome="undecided",
            sentence=f"{held.num_absent} of the {held.num_wanted} runs are not in the store "
            f"{store.path}; none was judged.",
            rule=prediction.rule,
            next_command=_on(store, prediction.command(size, num_seeds)),
            runs=tuple(sorted(run.identity for run in held.runs)),
            options=shlex.join(prediction.variant.options()),
        )
    verdict = prediction.judge(size, held.runs)
    notes = []
    if len(held.origins) > 1:
        origins = "; ".join(sorted(held.origins))
        notes.append(f"The runs do not all come from one program: {origins}.")
    for schema, number in sorted(store.of_other_schemas().items()):
        notes.append(
            f"The store {store.path} also holds {number} runs of schema {schema}, which were not "
            "read: settings meant something else then."
        )
    following = verdict.next_command
    if following is not None:
        following = _on(store, following)
    return replace(verdict, notes=(*verdict.notes, *notes), next_command=following)


def _on(store: Store, command: str) -> str:
    """Return a command with the store that it should use."""
    if str(store.path) == DEFAULT_STORE:
        return command
    return f"{command} --store {shlex.quote(str(store.path))}"


def _origins(record: Record) -> set[str]:
    """Return what trained a run: commit and engine, of each leg of an interrupted one."""
    legs = [record.provenance, *record.provenance.get("earlier", ())]
    return {
        f"commit {(leg['code']['commit'] or 'unknown')[:12]}"
        f"{' with changes' if leg['code']['dirty'] else ''}, "
        f"engine {leg['training'].get('engine', 'unknown')}"
        for leg in legs
    }
