"""Finished runs and what was found of them as rows of tables, for whoever goes on from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from efficiency.settings import RunSettings, leaves
from efficiency.training.outcome import Outcome
from predictions.cells import Run
from predictions.labelled import labels, word
from predictions.verdicts import Verdict
from runs.identity import identity


def ending(outcome: Outcome) -> dict[str, Any]:
    """Return how a run ended: ``status``, and of each number NAME, NAME_low and NAME_high.

    A value is the median of the records in the last quarter of learning time, and its ends are the
    smallest and the largest of them: the range of one run, not a confidence interval. Of a step,
    which is the first at which something was recorded, they are the records between which it lies;
    one that never came has no value, and the last step as its lower end. Losses, log-odds, margins
    and logits are in nats.
    """
    found: dict[str, Any] = {"status": outcome.status}
    for name, number in outcome.numbers.items():
        found[name] = math.nan if number.value is None else number.value
        ends = {f"{name}_low": number.low, f"{name}_high": number.high}
        found |= {end: value for end, value in ends.items() if value is not None}
    return found


def of_verdicts(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Return a row for each number of each verdict.

    Returns:
        Columns ``prediction``, ``name``, one for each label that any of them has (empty where a
        number has not), ``value``, ``low``, ``high`` (a 95% interval where the report says nothing
        else), ``n``, ``unit``, ``status`` and ``deciding``.
    """
    held = [
        (verdict, name, number) for verdict in verdicts for name, number in verdict.numbers.items()
    ]
    every = sorted({label for _, name, _ in held for label in labels(name)})
    return pd.DataFrame(
        {
            "prediction": verdict.prediction,
            "name": word(name),
            **{label: labels(name).get(label) for label in every},
            **number.document(),
            "deciding": name == verdict.deciding,
        }
        for verdict, name, number in held
    ).convert_dtypes()


def judged(claims: Iterable[tuple[str, Iterable[Run]]]) -> pd.DataFrame:
    """Return a row for each run in each place that it has in a claim.

    Args:
        claims: The name of each with the runs that it was judged on.

    Returns:
        Columns ``prediction``, ``stage``, ``arm``, ``role``, and those of ``trained``.
    """
    places = [
        (claim, run)
        for claim, runs in claims
        for run in sorted(
            runs,
            key=lambda run: (
                *(run.cell.stage, run.arm, run.seed, run.cell.role != "start"),
                *(run.weight_decay, run.dataset_size, run.identity),
            ),
        )
    ]
    place = [(claim, run.cell.stage, run.arm, run.cell.role) for claim, run in places]
    columns = pd.DataFrame(place, columns=["prediction", "stage", "arm", "role"])
    return pd.concat([columns, trained((run.settings, run.outcome) for _, run in places)], axis=1)


def trained(runs: Iterable[tuple[RunSettings, Outcome]]) -> pd.DataFrame:
    """Return a row for each run.

    Returns:
        Columns ``task``, ``seed`` (that of its data), ``dataset_size``, ``learning_rate``,
        ``weight_decay``, ``norm_factor``, ``num_steps``, ``run`` and ``start`` (identities); one
        for every other setting that is not the same in all runs, ``network.d_model`` or
        ``task.size`` say, but for what is recorded and when (a run that has no such setting has
        none); and those of ``ending``.
    """
    runs = list(runs)
    held = [dict(leaves(settings)) for settings, _ in runs]
    main = pd.DataFrame(
        [
            (
                *(settings.task.words, *(of_run[path] for path in _MAIN.values())),
                identity(settings.document()),
                "" if settings.start is None else identity(settings.start.document()),
            )
            for (settings, _), of_run in zip(runs, held, strict=True)
        ],
        columns=["task", *_MAIN, "run", "start"],
    )
    # Whole numbers stay so where some runs have none.
    others = pd.DataFrame(varied(held)).convert_dtypes()
    ends = pd.DataFrame(
        [ending(outcome) for _, outcome in runs], columns=None if runs else ["status"]
    )
    return pd.concat([main, others, ends], axis=1)


_MAIN = {
    "seed": "data_seed",
    "dataset_size": "dataset_size",
    "learning_rate": "optimiser.learning_rate",
    "weight_decay": "optimiser.weight_decay",
    "norm_factor": "optimiser.norm_factor",
    "num_steps": "num_steps",
}
"""Columns that every table of runs has, and the settings that they are."""


def varied(held: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return by path the settings without a column of their own that differ between runs.

    Args:
        held: Those of each run by path, see ``efficiency.settings.leaves``.

    Returns:
        One value for each run, ``None`` where it has no such setting.
    """
    told = {*_MAIN.values(), "start"}
    paths = dict.fromkeys(
        path
        for one in held
        for path in one
        if path not in told and not path.startswith("recording.")
    )
    values = {path: [one.get(path) for one in held] for path in paths}
    return {path: each for path, each in values.items() if any(one != each[0] for one in each)}
