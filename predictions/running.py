"""What `predictions run` does between its arguments and its verdicts: damage, plan, training."""

from __future__ import annotations

import json as json_module
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from predictions.progress import Display, duration
from predictions.protocol import Prediction, Size, Verdict
from predictions.registry import group_of
from predictions.report import stem, write_report
from predictions.stored import judge_stored
from predictions.trainer import NetworkTrainer
from runs import (
    Document,
    Store,
    StoreError,
    estimated_seconds,
    execute,
    generations,
    identity,
    plan,
)


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


def make_writable(out: Path) -> None:
    """Find out before hours of training that the report cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(
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


def set_damaged_aside(store: Store, documents: Sequence[Document], *, retrain: bool) -> None:
    """Move damaged runs aside if asked to, with all that continue them; else refuse them.

    A run that is trained again may differ in its last bits, because it shares its ensemble with
    others; what continued the old one would no longer continue anything in the store.
    """
    moved: set[str] = set()
    for level in generations(documents):
        for document in level:
            name, parent = identity(document), document.get("start")
            problem = store.damage(name) if retrain else None
            if problem is None and parent is not None and identity(parent) in moved:
                problem = "it continues one that is"
            if problem is not None and store.folder(name).exists():
                moved.add(name)
                place = store.set_aside(name)
                print(f"run {name} is damaged ({problem}); moved to {place}", file=sys.stderr)
            store.has(name)


def print_plan(
    documents: Sequence[Document], store: Store, trainer: NetworkTrainer, *, json: bool
) -> int:
    """Print what would be trained and what it costs; return the exit code."""
    levels = plan(documents, store, trainer)
    groups = [group for level in levels for group in level]
    wanted = [identity(document) for level in generations(documents) for document in level]
    # The cost model was fitted on a CPU; of other devices it knows nothing.
    known = trainer.device == "cpu"
    seconds = estimated_seconds(levels, trainer) if known else None
    facts = {
        "runs_to_train": sum(map(len, groups)),
        "ensembles": len(groups),
        "runs_in_store": sum(map(store.has, wanted)),
        "runs": len(wanted),
        "estimated_seconds": seconds,
        "estimated_mebibytes": round(trainer.memory_bytes(groups) / 2**20) if groups else 0,
        "workers": trainer.workers,
    }
    if json:
        print(json_module.dumps(facts, indent=2))
        return 0
    time = "not known for this device" if seconds is None else duration(seconds)
    print(f"runs to train      {facts['runs_to_train']}, in {facts['ensembles']} ensembles")
    print(f"runs in the store  {facts['runs_in_store']} of {facts['runs']}")
    print(f"estimated time     {time}, {trainer.workers} ensembles side by side")
    print(f"estimated memory   {facts['estimated_mebibytes']:,} MiB")
    return 0


def warn_of_memory(documents: Sequence[Document], store: Store, trainer: NetworkTrainer) -> None:
    """Say so if training will take more memory than it may: a run alone is trained anyway."""
    groups = [group for level in plan(documents, store, trainer) for group in level]
    needed = trainer.memory_bytes(groups) if groups else 0.0
    if needed > trainer.memory:
        print(
            f"warning: about {needed / 2**30:.2f} GiB will be needed, {trainer.memory / 2**30:.2f} "
            "GiB are allowed or free; it trains on, one network on each core: allow more with "
            "--memory, or take fewer cores (taskset), a smaller --size or another machine",
            file=sys.stderr,
        )


def train_missing(documents: Sequence[Document], store: Store, trainer: NetworkTrainer) -> bool:
    """Train what is missing; return False if interrupted."""
    if (reason := trainer.why_slow()) is not None:
        print(f"training without compiled code, about five times slower: {reason}", file=sys.stderr)
    with Display() as display:
        execution = execute(documents, store, trainer, report=display.update)
    others = f", {execution.by_others} by another process" if execution.by_others else ""
    print(
        f"{len(execution.trained)} runs trained in {duration(execution.seconds)}{others}, "
        f"{execution.found} were in {store.path}",
        file=sys.stderr,
    )
    for name, why in execution.skipped.items():
        print(f"run {name} was not trained: {why}", file=sys.stderr)
    if execution.interrupted:
        print(
            f"Interrupted; nothing is lost. The same command goes on from here:\n"
            f"  {shlex.join(sys.argv)}",
            file=sys.stderr,
        )
    return not execution.interrupted


def verdicts_on(
    store: Store, chosen: Sequence[Prediction], size: Size, seeds: int | None
) -> list[Verdict]:
    """Return the verdict of each prediction on what a store holds."""
    found = []
    for prediction in chosen:
        if prediction.waits:
            print(f"judging {prediction.name}: {prediction.waits}", file=sys.stderr)
        found.append(judge_stored(prediction, size, store, seeds))
    return found


def write_reports(
    verdicts: Sequence[Verdict],
    chosen: Sequence[Prediction],
    store: Store,
    out: Path,
    seeds: int | None,
    *,
    quiet: bool,
) -> None:
    """Write the report and say where it is."""
    group = group_of([verdict.prediction for verdict in verdicts])
    name = stem(verdicts, group, seeds)
    html, markdown = write_report(verdicts, chosen, store, out, name=name, num_seeds=seeds)
    print(f"report: {html} and {markdown}", file=sys.stderr if quiet else sys.stdout)
