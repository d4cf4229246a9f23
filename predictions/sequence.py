"""Predictions look by look: plans are written down, then runs trained and judged until it is so."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from predictions.command import FAILED
from predictions.judging import plural
from predictions.looks import last_look, planned, write_look, write_plan
from predictions.plans import Extent
from predictions.protocol import Prediction, Size, Verdict
from predictions.running import Judged, train_missing, verdicts_on
from predictions.trainer import NetworkTrainer
from runs import Document, Store, StoreError, generations


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


def documents_of_all(
    chosen: Sequence[Prediction], size: Size, looks: Mapping[str, Sequence[int]]
) -> list[Document]:
    """Return the runs of the last look of each prediction, which those of all others are among."""
    last = {name: seeds[-1:] for name, seeds in looks.items()}
    return documents_of(chosen, size, last)


def seeds_to_judge(
    store: Store, chosen: Sequence[Prediction], size: Size, seeds: int | None
) -> Mapping[str, int] | int | None:
    """Return with how many seeds predictions are judged: as asked, or as last looked at."""
    if seeds is not None:
        return seeds
    last = {prediction.name: last_look(store, prediction, size) for prediction in chosen}
    return {name: number for name, number in last.items() if number is not None}


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
        last = [settings.document() for settings in prediction.settings(size, seeds[-1])]
        there = all(store.has(run) for level in generations(last) for run in level)
        if len(seeds) > 1 or not there:
            store.require_writable()
            write_plan(store, prediction, size, seeds)


def run_in_looks(
    chosen: Sequence[Prediction],
    size: Size,
    extent: Extent,
    store: Store,
    trainer: NetworkTrainer,
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
        if not train_missing(documents_of(still, size, looks, number), store, trainer):
            return None
        seeds = {p.name: looks[p.name][number] for p in still if looks[p.name]}
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
