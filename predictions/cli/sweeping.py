"""What `predictions sweep` writes and prints: a row for each run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from runs.files import explain_os_error, write_file

SHOWN = ("train_accuracy", "novel_accuracy", "log_odds", "norm", "step_fitted", "step_halfway")
"""Numbers that are printed; the file has all."""

MOST_ROWS = 40
"""Rows that are printed."""


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV, whole or not at all; return where it is.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        write_file(path, table.to_csv(index=False))
    except OSError as error:
        raise explain_os_error(error, path) from error
    return path


def is_of_an_answer(column: str) -> bool:
    """Return whether a column is the accuracy on novel examples of one answer of several."""
    return column.startswith("novel_") and column.endswith("_accuracy") and column not in SHOWN


def print_sweep(
    table: pd.DataFrame, varied: Sequence[str], path: Path, asked: Sequence[str], *, json: bool
) -> None:
    """Print what differs and the most telling numbers of each run, and where the rest is.

    Args:
        table: See ``predictions.sweeps.table``.
        varied: Columns that say what differs.
        path: Where it was written.
        asked: Columns of measures that were asked for.
        json: Whether to print all of it as JSON, and nothing else on standard output.
    """
    where = f"table: {path} ({len(table)} runs, {len(table.columns)} columns)"
    if json:
        print(table.to_json(orient="records", indent=2, double_precision=15))
        print(where, file=sys.stderr)
        return
    # Of a task with several answers each, and measures that were asked for.
    more = [name for name in map(str, table) if is_of_an_answer(name) or name in asked]
    shown = [name for name in (*varied, "status", *SHOWN, *more) if name in table]
    # Names of settings by their last part, where that tells them apart.
    last = {path: path.rpartition(".")[2] for path in varied}
    short = {p: name for p, name in last.items() if list(last.values()).count(name) == 1}
    rows = table[shown].rename(columns=short).head(MOST_ROWS)
    print(rows.to_string(index=False, na_rep="", float_format=lambda x: f"{x:.4g}"))
    if len(table) > MOST_ROWS:
        print(f"... {len(table) - MOST_ROWS} more")
    print(where)
