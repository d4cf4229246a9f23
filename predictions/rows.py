"""Finished runs and what was found of them as rows of tables, for whoever goes on from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

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
        Columns ``prediction``, ``stage``, ``arm``, ``role``, ``task``, ``seed``,
        ``dataset_size``, ``learning_rate``, ``weight_decay``, ``norm_factor``, ``num_steps``,
        ``run`` and ``start`` (identities), and those of ``ending``.
    """
    return pd.DataFrame(
        {
            "prediction": claim,
            "stage": run.cell.stage,
            "arm": run.arm,
            "role": run.cell.role,
            "task": run.task.words,
            "seed": run.seed,
            "dataset_size": run.dataset_size,
            "learning_rate": run.settings.optimiser.learning_rate,
            "weight_decay": run.weight_decay,
            "norm_factor": run.settings.optimiser.norm_factor,
            "num_steps": run.settings.num_steps,
            "run": run.identity,
            "start": "" if run.start is None else identity(run.start.document()),
            **ending(run.outcome),
        }
        for claim, runs in claims
        for run in sorted(
            runs,
            key=lambda run: (
                *(run.cell.stage, run.arm, run.seed, run.cell.role != "start"),
                *(run.weight_decay, run.dataset_size, run.identity),
            ),
        )
    )
