"""What a store holds, written as one file for other programs: CSV, parquet or SQLite."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from efficiency.errors import InvalidInputError
from predictions.opened import OpenStore
from runs.files import explain_os_error, write_file

MOST_HISTORIES = 500
"""Histories that are written to a database at once, so that not all of them are in memory."""


def _csv(store: OpenStore, runs: pd.DataFrame, path: Path) -> None:
    runs.to_csv(path, index=False)


def _parquet(store: OpenStore, runs: pd.DataFrame, path: Path) -> None:
    runs.to_parquet(path, index=False)


def _sqlite(store: OpenStore, runs: pd.DataFrame, path: Path) -> None:
    """Write tables ``runs`` and ``history`` (a row for each recorded step, with its run)."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        runs.to_sql("runs", database, index=False)
        columns: list[str] = []
        for part in _histories(store, runs):
            new = [name for name in map(str, part.columns) if name not in columns]
            if not columns:
                part.head(0).to_sql("history", database, index=False)
            else:
                for name in new:  # measures that no run before had
                    database.execute(f'ALTER TABLE history ADD COLUMN "{name}" REAL')
            columns += new
            part.to_sql("history", database, index=False, if_exists="append")
        if columns:
            database.execute("CREATE INDEX history_of_run ON history (run, step)")
        database.execute("CREATE INDEX run ON runs (run)")


def _histories(store: OpenStore, runs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    names = list(dict.fromkeys(runs["run"]))
    for i in range(0, len(names), MOST_HISTORIES):
        some = names[i : i + MOST_HISTORIES]
        every = [store.history(run).assign(run=run) for run in some]
        together = pd.concat(every, ignore_index=True)
        yield together[["run", *(name for name in together.columns if name != "run")]]


FORMATS: dict[str, Callable[[OpenStore, pd.DataFrame, Path], None]] = {
    ".csv": _csv,
    ".parquet": _parquet,
    ".sqlite": _sqlite,
}
"""What writes a file, by how its name ends."""


def export(store: OpenStore, runs: pd.DataFrame, path: Path) -> None:
    """Write runs to a file, whole or not at all; what was there is replaced.

    Args:
        store: Where their histories are, which a database has too.
        runs: Rows of ``OpenStore.frame``.
        path: The file, .csv, .parquet or .sqlite (which sqlite3 and datasette open).

    Raises:
        InvalidInputError: Its name ends in something else.
        StoreError: It cannot be written, or a run is damaged.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise InvalidInputError(
            f"{path} ends in none of {', '.join(FORMATS)}; choose a name that does: it says what "
            "the file is"
        )
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        written = Path(folder) / f"written{ending}"
        FORMATS[ending](store, runs, written)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(written, "rb") as whole:
                write_file(path, lambda file: shutil.copyfileobj(whole, file))
        except OSError as error:
            raise explain_os_error(error, path, named_by="FILE") from error
