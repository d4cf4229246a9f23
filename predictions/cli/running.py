"""What `predictions run` does between its arguments and its verdicts: damage, plan, training."""

from __future__ import annotations

import json as json_module
import logging
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings
from predictions.cli.progress import MARGIN, Display, duration, estimated
from predictions.command import DONE, FAILED, USAGE_ERROR, as_given
from predictions.judging import plural
from predictions.plans import ONE_LOOK, Extent
from predictions.protocol import Prediction
from predictions.report import LONGEST_NAME, stem, write_report
from predictions.sizes import Size
from predictions.stored import judge_stored, not_judged, on, wrong_with
from predictions.trainer import NetworkTrainer
from predictions.verdicts import Verdict
from runs import (
    Document,
    Store,
    StoreError,
    estimated_seconds,
    generations,
    identity,
    plan,
)
from runs.execution.executors import Executor, Submitted

_LOG = logging.getLogger(__name__)

JUDGING_BYTES = 128 * 2**20
"""What judging and drawing take beside what training took."""

DEFAULT_OUT = "report"
"""Where reports go if nothing else is said."""


def existing(path: Path) -> Store:
    """Return the store at a path.

    Raises:
        StoreError: There is none.
    """
    store = Store(path)
    if not store.exists:
        raise StoreError(
            f"there is no store at {path}; "
            "train with `predictions run`, or name another with --store"
        )
    return store


def make_writable(out: Path, name: str) -> None:
    """Find out before hours of training that a report of this name cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out, prefix=f".{name}-{LONGEST_NAME}"):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"reports cannot be written to {out} ({error.strerror}); choose a folder with --out"
        ) from error


def warn_of_too_few_seeds(chosen: Sequence[Prediction], seeds: int | None) -> None:
    """Say before training which predictions so few seeds cannot decide."""
    for prediction in chosen:
        if seeds is not None and seeds < prediction.min_seeds:
            print(
                f"warning: {prediction.name} decides nothing with fewer than "
                f"{prediction.min_seeds} seeds",
                file=sys.stderr,
            )


def require_designs(chosen: Sequence[Prediction], size: Size, seeds: int | None) -> None:
    """Find out before training that a design cannot be told: reports and plans have it.

    Raises:
        InvalidInputError: One of another package fails.
    """
    for prediction in chosen:
        try:
            prediction.design(size, seeds)
        except InvalidInputError:
            raise
        except Exception as error:  # somebody else's code
            raise InvalidInputError(
                f"the design of {prediction.name} cannot be told ({type(error).__name__}: "
                f"{error}); its method design returns a few lines of text"
            ) from error


def set_damaged_aside(store: Store, documents: Sequence[Document], *, retrain: bool) -> None:
    """Move damaged runs aside if asked to, with all that continue them; else refuse them.

    A run that is trained again may differ in its last bits, because it shares its ensemble with
    others; what continued the old one would no longer continue anything in the store.
    """
    moved: set[str] = set()
    for level in generations(documents):
        for name, document in level.items():
            parent = document.get("start")
            problem = problem_of(store, name, document) if retrain else None
            if problem is None and parent is not None and identity(parent) in moved:
                problem = "it continues one that is"
            if problem is not None and store.folder(name).exists():
                moved.add(name)
                place = store.set_aside(name)
                print(f"run {name} is damaged ({problem}); moved to {place}", file=sys.stderr)
            if store.has(name) and (problem := problem_of(store, name, document)) is not None:
                raise store.load(name).damaged(problem)


def problem_of(store: Store, name: str, document: Document) -> str | None:
    """Return what is wrong with a run of the store; ``None`` if it is absent or whole."""
    if (problem := store.damage(name)) is not None or not store.has(name):
        return problem
    return wrong_with(store.load(name), RunSettings.from_document(document))


def print_plan(
    documents: Sequence[Document],
    store: Store,
    trainer: NetworkTrainer,
    executor: Executor,
    *,
    foreseen: tuple[Sequence[Document], Sequence[Document]] | None = None,
    later: Sequence[Document] | None = None,
    json: bool,
) -> int:
    """Print what would be trained and what it costs; return the exit code.

    Args:
        documents: The runs that will be trained in any case.
        store: What of them may be there.
        trainer: What would train them.
        executor: Who would have it done.
        foreseen: All runs if what is still to be foretold takes the least, and the most.
        later: All that may be trained, if more than that is not sure yet.
        json: Whether to print JSON.
    """
    levels = plan(documents, store, trainer)
    warn_of_memory(levels, trainer)
    groups = [group for level in levels for group in level]
    wanted = [run for level in generations(documents) for run in level]
    # The cost model was fitted on a CPU; of other devices it knows nothing.
    known = trainer.device == "cpu"
    seconds = estimated_seconds(levels, trainer) if known else None
    facts: dict[str, Any] = {
        "runs_to_train": sum(map(len, groups)),
        "ensembles": len(groups),
        "runs_in_store": sum(map(store.has, wanted)),
        "runs": len(wanted),
        "estimated_seconds": seconds,
        "estimated_range": None if seconds is None else [seconds / MARGIN, seconds * MARGIN],
        "estimated_mebibytes": round((trainer.memory_bytes(groups) + JUDGING_BYTES) / 2**20)
        if groups
        else 0,
        "snapshot_mebibytes": round(
            trainer.snapshot_bytes([run for group in groups for run in group]) / 2**20, 1
        ),
        "workers": trainer.workers,
    }

    def extreme(of: Sequence[Document]) -> tuple[int, float | None]:
        every = plan(of, store, trainer)
        number = sum(len(group) for level in every for group in level)
        return number, estimated_seconds(every, trainer) if known else None

    if foreseen is not None:
        least, most = map(extreme, foreseen)
        facts["runs_with_later_stages"] = [least[0], most[0]]
        facts["estimated_seconds_with_later_stages"] = [least[1], most[1]]
    if later is not None:
        facts["runs_to_train_at_most"], facts["estimated_seconds_at_most"] = extreme(later)
    if json:
        print(json_module.dumps(facts, indent=2))
        return 0
    time = "not known for this device" if seconds is None else estimated(seconds)
    print(f"runs to train      {facts['runs_to_train']}, in {facts['ensembles']} ensembles")
    print(f"runs in the store  {facts['runs_in_store']} of {facts['runs']}")
    print(f"estimated time     {time}, {trainer.workers} ensembles side by side")
    print(f"estimated memory   {facts['estimated_mebibytes']:,} MiB")
    if facts["snapshot_mebibytes"]:
        print(f"snapshots          {facts['snapshot_mebibytes']:,} MiB in the store")
    if foreseen is not None:
        print("that is all that is known; the rest is foretold from it, and trained then:")
        for (number, more), words in ((least, "at least"), (most, "at most")):
            time = "" if more is None else f", {estimated(more)}"
            print(f"  all stages       {words} {number} runs{time}")
    if later is not None:
        more = facts["estimated_seconds_at_most"]
        time = "not known for this device" if more is None else estimated(more)
        print(f"if nothing is decided before the last look: {facts['runs_to_train_at_most']} runs,")
        print(f"                   {time}")
    if said := executor.preview(documents, store, trainer):
        print(f"\n{said}")
    return 0


def warn_of_memory(levels: Sequence[Sequence[Sequence[Document]]], trainer: NetworkTrainer) -> None:
    """Say so if training will take more memory than it may: a run alone is trained anyway."""
    groups = [group for level in levels for group in level]
    needed = trainer.memory_bytes(groups) if groups else 0.0
    if needed > trainer.memory:
        print(
            f"warning: about {needed / 2**30:.2f} GiB will be needed, {trainer.memory / 2**30:.2f} "
            "GiB are allowed or free; it trains on, one network on each core: allow more with "
            "--memory, or take fewer cores (taskset), a smaller --size or another machine",
            file=sys.stderr,
        )


def print_submitted(submitted: Submitted, store: Store) -> None:
    """Say what was submitted, and how it goes on."""
    names = ", ".join(str(store.path / "jobs" / name) for name in submitted.jobs)
    print(
        f"submitted; what the jobs print goes to {names}. The same command follows them without "
        f"--detach, and judges when they have ended:\n  {as_given()}"
    )


def train_missing(
    documents: Sequence[Document], store: Store, trainer: NetworkTrainer, executor: Executor
) -> bool:
    """Train what is missing; return False if interrupted.

    Raises:
        Submitted: Others train it now, and nobody waits for it.
    """
    wanted = {run for level in generations(documents) for run in level}
    if all(store.has(run) for run in wanted):
        # A store that may only be read will do.
        print(f"0 runs trained, {len(wanted)} were in {store.path}", file=sys.stderr)
        return True
    store.require_writable()
    warn_of_memory(plan(documents, store, trainer), trainer)
    if (reason := trainer.why_slow(documents)) is not None:
        print(f"training without compiled code, several times slower: {reason}", file=sys.stderr)
    with Display() as display:
        execution = executor.execute(documents, store, trainer, report=display.update)
    others = f", {execution.by_others} {execution.elsewhere}" if execution.by_others else ""
    print(
        f"{len(execution.trained)} runs trained in {duration(execution.seconds)}{others}, "
        f"{execution.found} were in {store.path}",
        file=sys.stderr,
    )
    for name, why in execution.skipped.items():
        print(f"run {name} was not trained: {why}", file=sys.stderr)
    if execution.interrupted:
        begun = f": {plural(execution.begun, 'group')} of runs that had begun lie in checkpoints"
        kept = f": {execution.goes_on}" if execution.goes_on else begun * bool(execution.begun)
        print(
            f"Interrupted; nothing is lost{kept}. "
            f"The same command goes on from there:\n  {as_given()}",
            file=sys.stderr,
        )
    return not execution.interrupted


@dataclass(kw_only=True)
class Judged:
    """Verdicts, and which predictions could not be judged.

    Attributes:
        verdicts: One for each prediction; undecided where it could not be judged.
        code: What the command ends with: ``FAILED`` if a judge did, else ``USAGE_ERROR`` if a
            run is damaged, else ``DONE``.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    code: int = DONE


def verdicts_on(
    store: Store, chosen: Sequence[Prediction], size: Size, seeds: Mapping[str, int] | int | None
) -> Judged:
    """Return the verdict of each prediction on what a store holds.

    Args:
        store: The store.
        chosen: The predictions.
        size: At which size.
        seeds: Independent networks, of all or by prediction.

    One that cannot be judged, because a run of it is damaged or by a fault of its code, does not
    take the others with it.
    """
    found = Judged()
    for prediction in chosen:
        if prediction.waits:
            print(f"judging {prediction.name}: {prediction.waits}", file=sys.stderr)
        try:
            number = seeds.get(prediction.name) if isinstance(seeds, Mapping) else seeds
            verdict = judge_stored(prediction, size, store, number)
        except StoreError as error:
            print(f"{prediction.name} could not be judged: {error}", file=sys.stderr)
            verdict = not_judged(prediction, size, str(error))
            found.code = found.code or USAGE_ERROR
        except (InvalidInputError, ValidationError):
            raise
        except Exception as error:
            _LOG.error("%s could not be judged:", prediction.name, exc_info=True)
            why = f"{type(error).__name__}: {error} (a fault of code; its trace was printed)"
            verdict, found.code = not_judged(prediction, size, why), FAILED
        found.verdicts.append(verdict)
    return found


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Commands as a reader would repeat them, with the folders that were asked for.

    Attributes:
        store: The store.
        extent: How many seeds were asked for.
        out: Where reports go.
    """

    store: Store
    extent: Extent = ONE_LOOK
    out: Path = Path(DEFAULT_OUT)

    def judging(self, verdict: Verdict) -> str:
        """Return the command that prints all of a verdict."""
        words = ["predictions", "judge", verdict.prediction, "--size", verdict.size]
        extent = Extent(seeds=self.extent.seeds)
        if self.extent.until_decided and verdict.look is not None:
            extent = Extent(seeds=verdict.look.seeds)
        words += extent.options()
        words += shlex.split(verdict.options)
        return on(self.store, shlex.join(words))

    def going_on(self, command: str) -> str:
        """Return a command that a verdict names, to be given as this one was."""
        if str(self.out) == DEFAULT_OUT:
            return command
        return f"{command} --out {shlex.quote(str(self.out))}"


def write_reports(
    verdicts: Sequence[Verdict],
    chosen: Sequence[Prediction],
    store: Store,
    out: Path,
    extent: Extent,
    *,
    quiet: bool,
) -> None:
    """Write the report and say where it is."""
    name = stem(chosen, verdicts[0].size, extent)
    html, markdown = write_report(verdicts, chosen, store, out, name=name, extent=extent)
    print(f"report: {html} and {markdown}", file=sys.stderr if quiet else sys.stdout)
