"""What a page shows of one run when it is opened: its curves, its settings and where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from predictions.report.run_table import SHOWN_LETTERS, origin_of
from runs import Record

MOST_POINTS = 64
"""Of a curve: as many as its width can show."""

MOST_RUNS = 400
"""Of a page, which has a kilobyte or two for each."""

PANELS: Mapping[str, Mapping[str, str]] = {
    "accuracy": {
        "train_accuracy": "training",
        "test_accuracy": "test",
        "novel_accuracy": "novel pairs",
    },
    "norm of the weights": {"norm": "norm"},
}
"""Pictures of a run: each with columns of its history and what they are called there."""


def details(records: Sequence[Record]) -> dict[str, Any]:
    """Return what is shown of runs by the first letters of their identities.

    Args:
        records: The runs; of more than ``MOST_RUNS`` nothing is returned.

    Returns:
        For each ``steps``, ``panels`` (curves by name by title, ``None`` where a number is not
        finite), ``settings`` (its document) and ``origin``, all of them JSON.
    """
    if len(records) > MOST_RUNS:
        return {}
    return {record.identity[:SHOWN_LETTERS]: details_of(record) for record in records}


def details_of(record: Record) -> dict[str, Any]:
    """Return what is shown of one run, see ``details``."""
    return curves(record.history) | {"settings": record.settings, "origin": origin_of(record)}


def curves(
    history: pd.DataFrame, pictures: Mapping[str, Mapping[str, str]] = PANELS
) -> dict[str, Any]:
    """Return some steps of a history, and its curves there by panel.

    Args:
        history: A row for each recorded step.
        pictures: See ``PANELS``.
    """
    rows = np.unique(np.linspace(0, len(history) - 1, MOST_POINTS).round().astype(int))
    chosen = history.iloc[rows]
    panels: dict[str, dict[str, list[float | None]]] = {}
    for title, names in pictures.items():
        for column, name in names.items():
            if column in chosen and np.isfinite(chosen[column]).any():
                panels.setdefault(title, {})[name] = _rounded(chosen[column])
    return {"steps": [int(step) for step in chosen["step"]], "panels": panels}


def _rounded(values: pd.Series[float]) -> list[float | None]:
    """Return numbers to four digits, and nothing in place of what is no number."""
    return [float(f"{v:.4g}") if np.isfinite(v) else None for v in values]
