"""Predictions look by look: plans are written down, then runs trained and judged until it is so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from predictions import foretold
from predictions.cli.running import Judged, train_missing, verdicts_on
from predictions.command import FAILED
from predictions.judging import plural
from predictions.looks import last_look, planned, write_look, write_plan
from predictions.plans import Extent
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.stages import Staged, foreseen
from predictions.stored import stored
from predictions.trainer import NetworkTrainer
from predictions.verdicts import Verdict
from runs import Document, Store, StoreError, generations
from runs.execution.executors import THREADS, Executor


def _is_open(verdict: Verdict) -> bool:
    """Return whether more seeds may decide: it was judged, and left open."""
    return verdict.outcome == "undecided" and verdict.look is not None


def documents_of(
    chosen: Sequence[Prediction], size: Size, looks: Mapping[str, Sequence[int]], number: int = 0
) -> list[Document]:
    """Return the runs of one look, of those predictions whose plan goes so far."""
    return [
        settings.document()
        for prediction in chosen
        if number < len(looks[prediction.name])
        for settings in prediction.settings(size, looks[prediction.name][number])
    ]


def known_in(
    store: Store, chosen: Sequence[Prediction], size: Size, looks: Mapping[str, Sequence[int]]
) -> list[Prediction]:
    """Return predictions with what was foretold of the seeds of their first looks."""
    return [
        foretold.knowing(one, size, store, looks[one.name][0]) if looks[one.name] else one
        for one in chosen
    ]


def ranges(
    chosen: Sequence[Prediction], size: Size, looks: Mapping[str, Sequence[int]]
) -> tuple[tuple[list[Document], list[Document]] | None, list[Document] | None]:
    """Return what may be trained beyond what is known, where that is more.

    Args:
        chosen: The predictions, with what was foretold.
        size: At which size.
        looks: Seeds of each look.

    Returns:
        All runs of the first look if what is still to be foretold takes the least, and if it takes
        the most (``None`` if everything was); and all runs of the last look if it takes the most
        (``None`` if there is one look only).
    """

    def documents(number: int, extreme: int) -> list[Document]:
        found = []
        for one in chosen:
            if looks[one.name]:
                seeds = looks[one.name][number]
                both = foreseen(one, size, seeds)
                runs = one.settings(size, seeds) if both is None else both[extreme]
                found += [settings.document() for settings in runs]
        return found

    still = any(one.open_seeds(size, looks[one.name][0]) for one in chosen if looks[one.name])
    several = any(len(seeds) > 1 for seeds in looks.values())
    return (documents(0, 0), documents(0, 1)) if still else None, (
        documents(-1, 1) if several else None
    )


def seeds_to_judge(
    store: Store, chosen: Sequence[Prediction], size: Size, seeds: int | None
) -> Mapping[str, int] | int | None:
    """Return with how many seeds predictions are judged: as asked, or as last looked at."""
    if seeds is not None:
        return seeds
    last = {prediction.name: last_look(store, prediction, size) for prediction in chosen}
    return {name: number for name, number in last.items() if number is not None}


def train(
    chosen: Sequence[Prediction],
    size: Size,
    seeds: Mapping[str, int],
    store: Store,
    trainer: NetworkTrainer,
    *,
    executor: Executor = THREADS,
) -> bool:
    """Train what predictions need, stage by stage; return False if interrupted.

    What follows from a stage is written down before anything of the next is trained.
    """
    while True:
        known = [
            foretold.knowing(prediction, size, store, seeds[prediction.name])
            for prediction in chosen
            if prediction.name in seeds
        ]
        looks = {name: (number,) for name, number in seeds.items()}
        if not train_missing(documents_of(known, size, looks), store, trainer, executor):
            return False
        if not sum(_foretell(p, size, store, seeds[p.name]) for p in known):
            return True


def _foretell(prediction: Prediction, size: Size, store: Store, num_seeds: int) -> int:
    """Write down what follows from a stage that is complete; return for how many seeds."""
    if not prediction.open_seeds(size, num_seeds):
        return 0
    try:
        held = stored(prediction, size, store, num_seeds)
    except StoreError:  # judging says so, of this prediction alone
        return 0
    if held.num_absent or not isinstance(held.known, Staged):
        return 0
    return foretold.foretell(held.known, size, store, num_seeds, held.runs)


def plan_looks(
    chosen: Sequence[Prediction], size: Size, store: Store, looks: Mapping[str, Sequence[int]]
) -> None:
    """Write the plans down, of predictions that have runs yet to train or several looks to take.

    Raises:
        StoreError: The store may not be written.
    """
    for prediction in chosen:
        seeds = looks[prediction.name]
        if not seeds:
            continue
        known = foretold.knowing(prediction, size, store, seeds[-1])
        last = [settings.document() for settings in known.settings(size, seeds[-1])]
        there = all(store.has(run) for level in generations(last) for run in level)
        if len(seeds) > 1 or not there or known.open_seeds(size, seeds[-1]):
            store.require_writable()
            write_plan(store, prediction, size, seeds)


def run_in_looks(
    chosen: Sequence[Prediction],
    size: Size,
    extent: Extent,
    store: Store,
    trainer: NetworkTrainer,
    *,
    executor: Executor = THREADS,
) -> Judged | None:
    """Train and judge predictions, as often as is planned or until each is decided.

    Returns:
        The last verdict of each, ``None`` if training was interrupted.
    """
    planned(store)  # a statement that cannot be read is found before anything is trained
    looks = {prediction.name: extent.looks(prediction, size) for prediction in chosen}
    plan_looks(chosen, size, store, looks)
    found: dict[str, Verdict] = {}
    judged, still, number = Judged(), list(chosen), 0
    while still:
        seeds = {p.name: looks[p.name][number] for p in still if looks[p.name]}
        if not train(still, size, seeds, store, trainer, executor=executor):
            return None
        now = verdicts_on(store, still, size, seeds)
        judged.code = FAILED if FAILED in (judged.code, now.code) else judged.code or now.code
        for verdict in now.verdicts:
            found[verdict.prediction] = verdict
            try:
                write_look(store, verdict)
            except StoreError as error:  # of a store that may only be read; the verdict stands
                print(
                    f"this look at {verdict.prediction} was not written down: {error}",
                    file=sys.stderr,
                )
        number += 1
        still = [
            prediction
            for prediction in still
            if _is_open(found[prediction.name]) and number < len(looks[prediction.name])
        ]
        for prediction in still:
            before, after = looks[prediction.name][number - 1 : number + 1]
            print(
                f"{prediction.name} is {found[prediction.name].outcome} with "
                f"{plural(before, 'seed')}: look {number + 1} of {len(looks[prediction.name])} "
                f"takes {after}",
                file=sys.stderr,
            )
    judged.verdicts = [found[prediction.name] for prediction in chosen]
    return judged
