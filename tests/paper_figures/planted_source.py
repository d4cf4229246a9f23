"""A source of figures whose evidence is planted, for every figure of the theory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from paper_figures.base import Evidence, Need, Source
from paper_figures.catalogue import FIGURES
from predictions.cells import Run
from predictions.groups import THEORY
from predictions.variants import AS_DESIGNED
from runs import Store
from tests.build import number
from tests.predictions import planted
from tests.predictions.foretelling import planted_runs
from tests.predictions.plant import remembered
from tests.predictions.test_family import family

FORETOLD, CLAIM = planted_runs()
RECORDS = family(seed=3, num_seeds=7) | {CLAIM.name: FORETOLD}
ASKED = THEORY | {CLAIM.name: CLAIM}
NEEDS = sorted(
    {
        need.prediction
        for figure in FIGURES.values()
        for need in (*figure.needs, *figure.wants)
        if need.prediction in ASKED and need.variant == AS_DESIGNED
    }
)


def history(run: Run) -> pd.DataFrame:
    """Return a course with every quantity that a figure draws."""
    simulated = planted.history(run.settings, planted.rising(3000.0, 6.0))
    whole = run.left is not None and "train_accuracy" in run.history
    found = run.history if whole else simulated
    part = found["step"] / found["step"].iloc[-1]
    more = {"novel_centred_logit": 12 * part, "centred_logit": 14 * part**0.5, "norm": 20 - part}
    return found.assign(**{name: column for name, column in more.items() if name not in found})


def source(folder: Path, change: Callable[[str, list[Run]], list[Run]] | None = None) -> Source:
    """Return a source with evidence for every prediction of the theory.

    Args:
        folder: Of an empty store, for whatever else is asked.
        change: From a prediction's name and its records to those that it is judged on.
    """
    read = {}
    for name in NEEDS:
        records = [
            planted.with_number(
                run,
                centred_logit=number(9.0 - i % 7, "nats"),
                novel_centred_logit=number(i % 9 - 1.0, "nats"),
            )
            for i, run in enumerate(RECORDS.get(name, []))
        ]
        runs = [
            replace(run, left=None) if run.outcome.status == "diverged" else run
            for run in remembered(change(name, records) if change else records, history)
        ]
        need = Need(prediction=name)
        verdict = ASKED[name].judge("quick", runs)
        read[need] = Evidence(need=need, verdict=verdict, runs=tuple(runs))
    return Source(Store(folder), "quick", read=read)
