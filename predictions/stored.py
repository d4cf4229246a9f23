"""Judging what a store holds."""

from __future__ import annotations

import functools
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from efficiency.errors import InvalidInputError
from efficiency.estimates import alike
from efficiency.settings import RunSettings
from efficiency.training.outcome import Outcome, outcome
from predictions import foretold, plugins
from predictions.cells import Run, in_order, settings_of
from predictions.judging import plural
from predictions.looks import extent_of, with_look
from predictions.meaning import changed_since
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.stages import Staged
from predictions.verdicts import Finding, Verdict
from runs.files import StoreError
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
        known: The prediction with all that was foretold for it.
        runs: The runs that are there.
        num_wanted: Runs that the design asks for, of the stages that are known.
        num_absent: Runs that are not there and could be.
        num_open: Seeds of which something is still to be foretold, with the runs that follow.
        origins: What trained those that are there: what kind of thing, and which.
    """

    known: Prediction
    runs: list[Run]
    num_wanted: int
    num_absent: int
    num_open: int
    origins: frozenset[tuple[str, str]]


def stored(
    prediction: Prediction, size: Size, store: Store, num_seeds: int | None = None
) -> Stored:
    """Return what a store holds of what a prediction needs.

    Raises:
        StoreError: A run is damaged.
    """
    known = foretold.knowing(prediction, size, store, num_seeds)
    cells = known.cells(size, num_seeds)
    wanted = settings_of(cells)
    found, origins = [], set()
    for cell in cells:
        settings, run = cell.settings, identity(cell.settings.document())
        if store.has(run):
            record = store.load(run)
            if (problem := wrong_with(record, settings)) is not None:
                raise record.damaged(problem)
            found.append(Run(cell=cell, outcome=outcome_of(record, settings), left=record))
            origins |= _origins(record)
    diverged = {run.settings for run in found if run.outcome.status == "diverged"}
    # A run whose start diverged can never be trained; the judge sees what is left without it.
    possible = [settings for settings in wanted if not _descends(settings, diverged)]
    return Stored(
        known=known,
        runs=found,
        num_wanted=len(wanted),
        num_absent=len({*possible} - {run.settings for run in found}),
        num_open=len(known.open_seeds(size, num_seeds)),
        origins=frozenset(origins),
    )


def wrong_with(record: Record, settings: RunSettings) -> str | None:
    """Return why a run whose files are whole must not be used, ``None`` if it may.

    Its checksums are right; what they seal may still not be what this project writes, or of an
    operation or a network that has changed since.
    """
    try:
        outcome_of(record, settings)
        _origins(record)
        held = record.provenance.get("definition")
    except (StoreError, OSError):
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"it holds what no run leaves behind ({type(error).__name__}: {error})"
    return changed_since(settings, held)


@functools.lru_cache(maxsize=8192)
def _outcome_in(folder: Path, made: tuple[int, int], settings: RunSettings) -> Outcome:
    """Return the outcome of a run as its history has it, with the shares that need its weights.

    Args:
        folder: Where it is.
        made: What tells that folder from one that stood there before: a run may be trained again.
        settings: Its settings.

    Raises:
        InvalidInputError: What is kept as its outcome is another one.
        StoreError: Its files cannot be read.
    """
    record = Record(folder)
    kept, found = Outcome.from_document(record.outcome), outcome(record.history, settings)
    # Before decision 012 some runs had a half-way point on the way down from chance.
    ours = {n: x for n, x in kept.numbers.items() if n not in (*found.numbers, "step_halfway")}
    same = kept.status == found.status and all(
        name in kept.numbers and alike(number, kept.numbers[name])
        for name, number in found.numbers.items()
    )
    if not same or not all(name.startswith("gen_share") for name in ours):
        raise InvalidInputError("its outcome is not that of its history")
    return replace(found, numbers=found.numbers | ours)


def outcome_of(record: Record, settings: RunSettings) -> Outcome:
    """Return the outcome of a run; see ``_outcome_in``, which is asked once for each."""
    folder = record.folder.stat()
    return _outcome_in(record.folder, (folder.st_ino, folder.st_mtime_ns), settings)


def judge_stored(
    prediction: Prediction, size: Size, store: Store, num_seeds: int | None = None
) -> Verdict:
    """Judge a prediction on what a store holds.

    A sweep with missing runs is undecided: which runs are missing may depend on what they show.

    Raises:
        StoreError: A run is damaged.
    """
    held = stored(prediction, size, store, num_seeds)
    known = held.known
    if held.num_absent > 0 or held.num_open > 0:
        more = (
            f", and of {plural(held.num_open, 'seed')} nothing was foretold yet"
            if held.num_open
            else ""
        )
        return Verdict(
            prediction=prediction.name,
            size=size,
            rule=prediction.rule,
            finding=Finding(
                outcome="undecided",
                sentence=f"{held.num_absent} of the {held.num_wanted} runs are not in the store "
                f"{store.path}{more}; none was judged.",
            ),
            next_command=on(
                store, prediction.command(size, extent_of(store, prediction, size, num_seeds))
            ),
            runs=tuple(sorted({run.identity for run in held.runs})),
            evidence=tuple(in_order(held.runs)),
            options=shlex.join(prediction.variant.options()),
        )
    verdict = known.judge(size, held.runs)
    notes, objection = [], None
    if isinstance(known, Staged) and held.runs:
        notes.append(foretold.order(known, size, store, held.runs))
        objection = foretold.objection(known, size, store, held.runs)
    for kind in sorted({kind for kind, _ in held.origins}):
        which = sorted(one for other, one in held.origins if other == kind)
        if len(which) > 1:
            notes.append(f"The runs do not all come from one {kind}: {'; '.join(which)}.")
    for schema, number in sorted(store.of_other_schemas().items()):
        notes.append(
            f"The store in {store.path} also holds {number} runs of schema {schema}, which were "
            "not read: settings meant something else then."
        )
    verdict = with_look(verdict, prediction, size, store, held.runs, objection=objection)
    following = verdict.next_command
    if following is not None:
        following = on(store, following)
    said = verdict.saying(notes=(*verdict.notes, *notes))
    return replace(said, next_command=following)


def not_judged(prediction: Prediction, size: Size, why: str) -> Verdict:
    """Return what is said of a prediction that could not be judged."""
    return Verdict(
        prediction=prediction.name,
        size=size,
        rule=prediction.rule,
        finding=Finding(outcome="undecided", sentence=f"It could not be judged: {why}"),
        options=shlex.join(prediction.variant.options()),
    )


def on(store: Store, command: str) -> str:
    """Return a command with the store, and the plug-ins, that it should use."""
    words = plugins.options()
    if str(store.path) != DEFAULT_STORE:
        words = ["--store", str(store.path), *words]
    return f"{command} {shlex.join(words)}".strip()


def _origins(record: Record) -> set[tuple[str, str]]:
    """Return what trained a run, each leg of an interrupted one: program, processor, compiler.

    That some designs train a part in each engine is as it should be, and each engine has compiled
    code of its own.
    """
    found = set()
    for leg in (record.provenance, *record.provenance.get("earlier", ())):
        changed = " with changes" if leg["code"]["dirty"] else ""
        found.add(("program", f"commit {(leg['code']['commit'] or 'unknown')[:12]}{changed}"))
        if processor := leg["environment"].get("processor"):
            found.add(("processor", processor))
        if compiled := leg["training"].get("compiled"):
            found.add((f"compiler of the {leg['training']['engine']} engine", compiled))
    return found
