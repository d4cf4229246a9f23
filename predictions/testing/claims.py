"""What every prediction must do, and runs as if they had ended so."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from efficiency.estimates import Estimate
from efficiency.settings import (
    RunSettings,
)
from efficiency.training.outcome import Outcome, RunStatus
from predictions.cells import Cell, Run, settings_of
from predictions.labelled import word
from predictions.protocol import Prediction
from predictions.sizes import OF_ALL, SIZES
from predictions.variants import FIRST_REPLICATION, Variant
from predictions.verdicts import Verdict, VerdictOutcome
from runs.identity import canonical_json


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What a planted run left behind: a history, and nothing else."""

    history: pd.DataFrame

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Nowhere."""
        return {}

    def weights(self) -> Mapping[str, np.ndarray]:
        """There are none."""
        return {}

    def snapshots(self) -> Mapping[int, Mapping[str, np.ndarray]]:
        """There are none."""
        return {}


def finished(
    cell: Cell,
    *,
    status: RunStatus = "settled",
    history: pd.DataFrame | None = None,
    **numbers: float | None,
) -> Run:
    """Return a run as if it had ended so, to plant a world that a rule must recognise.

    Args:
        cell: What was run, and what for.
        status: How it ended.
        history: A row for every recorded step, for a rule that reads courses.
        **numbers: Its final numbers, see ``efficiency.Outcome``; ``None`` leaves one out.
    """
    held = {
        name: Estimate(value=value, low=value, high=value, n=10, unit="1")
        for name, value in numbers.items()
        if value is not None
    }
    reasons = () if status == "settled" else ("planted",)
    outcome = Outcome(status=status, reasons=reasons, numbers=held)
    left = None if history is None else _Left(history=history)
    return Run(cell=cell, outcome=outcome, left=left)


def check_prediction(prediction: Prediction, *, true: Sequence[Run], false: Sequence[Run]) -> None:
    """Check that a prediction says what it claims, has designs, and judges as judges must.

    Args:
        prediction: The prediction.
        true: Finished runs, see ``finished``, of its size quick in a world in which the claim is
            true.
        false: The same of one in which it is false. A rule that no world refutes says nothing.
    """
    for what in ("name", "title", "claim", "rule", "refutation"):
        assert getattr(prediction, what, "").strip(), f"{prediction.name} has no {what}"
    assert prediction.min_seeds >= 1, "it takes one independent network at least"
    assert set(OF_ALL) <= set(prediction.sizes) <= set(SIZES), f"sizes are {prediction.sizes}"
    for size in prediction.sizes:
        _check_design(prediction, size)
    nothing = prediction.judge("quick", [])
    assert nothing.outcome in ("undecided", "invalid"), f"without runs it is {nothing.outcome}"
    _check_world(prediction, true, "supported")
    _check_world(prediction, false, "refuted")


def _check_design(prediction: Prediction, size: str) -> None:
    assert size in SIZES
    cells = prediction.cells(size)
    assert cells == prediction.cells(size), f"{size}: asked twice, its runs differ"
    assert len(set(cells)) == len(cells), f"{size}: it wants a run twice for one thing"
    runs = settings_of(cells)
    assert all(run.start is None or run.start in set(runs) for run in runs), (
        f"{size}: a run continues one that is not among its runs"
    )
    assert prediction.design(size).strip(), f"{size}: its design is not told"
    fresh = type(prediction)(Variant(first_seed=FIRST_REPLICATION)).settings(size)
    shared = {run.data_seed for run in runs} & {run.data_seed for run in fresh}
    assert not shared, f"{size}: --first-seed {FIRST_REPLICATION} still asks seeds {shared}"
    fewer, more = (set(prediction.settings(size, number)) for number in (2, 3))
    assert fewer <= more, f"{size}: with one seed more it no longer wants what it wanted"
    for run in itertools.islice(runs, 3):
        assert RunSettings.from_document(run.document()) == run


def _check_world(prediction: Prediction, runs: Sequence[Run], wanted: VerdictOutcome) -> None:
    assert runs, f"no run is planted in which the claim is {wanted}"
    foreign_kind = next((run for run in runs if not isinstance(run, Run)), None)
    assert foreign_kind is None, (
        f"planted {wanted} are runs of one world, in one list; given: {type(foreign_kind).__name__}"
    )
    number = len({run.seed for run in runs})
    asked = set(prediction.cells("quick", number))
    foreign = [run.cell for run in runs if run.cell not in asked]
    assert not foreign, f"planted {wanted}: with {number} seeds it does not ask for {foreign[0]}"
    verdict = prediction.judge("quick", runs)
    assert verdict.outcome == wanted, (
        f"planted {wanted}, found {verdict.outcome}: {verdict.sentence}"
    )
    backwards = prediction.judge("quick", list(reversed(runs)))
    assert backwards.document() == verdict.document(), "the order of runs changes the verdict"
    document = verdict.document()
    canonical_json(document)  # nothing but JSON, nothing that is not finite
    assert Verdict.from_document(document) == verdict, "it does not come back from its document"
    assert verdict.deciding in verdict.numbers, f"{verdict.deciding!r} is none of its numbers"
    unexplained = {word(name) for name in verdict.numbers} - set(prediction.glossary)
    assert not prediction.glossary or not unexplained, f"not in its glossary: {unexplained}"
    seeds = sorted({run.seed for run in runs})
    few = [run for run in runs if run.seed in seeds[: prediction.min_seeds - 1]]
    found = prediction.judge("quick", few).outcome
    assert found in ("undecided", "invalid"), f"with fewer seeds than it needs it is {found}"
    smoke = prediction.judge("smoke", runs).outcome
    assert smoke == "undecided", f"the size smoke decides nothing, and here it is {smoke}"
