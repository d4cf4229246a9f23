"""Plain sweeps: runs of one's own, written down as a grid or a list, without a claim.

A file has settings that all runs share, a grid of values that are combined with one another, and a
list of runs that say what differs, each combined with the grid; what none of them says has its
default (``efficiency.settings``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.measures import MEASURES
from efficiency.settings import OneLayerTransformerSettings, RunSettings
from efficiency.settings.base import explain, leaves
from predictions.design_files import read_toml
from predictions.rows import ending
from predictions.stored import outcome_of, wrong_with
from runs import Store
from runs.identity import identity

TABLES = ("settings", "grid", "runs")
"""What a file may have."""

MOST_RUNS = 100_000
"""More runs than this are surely a slip of the finger."""

HINT = "examples/sweep.toml is one"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Runs of one file.

    Attributes:
        name: Its name, without ending.
        runs: Each run once, in the order of the file, the last entry of the grid changing fastest.
    """

    name: str
    runs: tuple[RunSettings, ...]

    def measures(self) -> list[str]:
        """Return the columns of the measures that some run records."""
        names = {name for run in self.runs for name in run.recording.measures or ()}
        return sorted(MEASURES.find(name).column for name in names)

    def varied(self) -> list[str]:
        """Return the paths of settings in which the runs differ, ``optimiser.beta1`` say."""
        values: dict[str, set[Any]] = {}
        number: dict[str, int] = {}
        for run in self.runs:
            for path, value in leaves(run):
                values.setdefault(path, set()).add(value)
                number[path] = number.get(path, 0) + 1
        # A network of another kind has other settings: a run without one differs from one with it.
        return [p for p, seen in values.items() if len(seen) > 1 or number[p] < len(self.runs)]


def read(path: Path) -> Sweep:
    """Return the sweep that a TOML file describes.

    Raises:
        InvalidInputError: It cannot be read, or some run of it cannot be.
    """
    said = read_toml(path, "a sweep", HINT)
    for name in said:
        if name not in TABLES:
            raise InvalidInputError(
                f"{path} has {name}; {did_you_mean(name, TABLES)}write [settings] for what all "
                "runs share, [grid] for values to combine, or [[runs]] for one run each"
            )
    shared, grid, listed = (said.get(name, {} if name != "runs" else [{}]) for name in TABLES)
    if not isinstance(shared, dict) or not isinstance(grid, dict):
        raise InvalidInputError(f"{path}: settings and grid are tables; write [settings], [grid]")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise InvalidInputError(f"{path}: runs are a list of tables; write [[runs]] before each")
    axes = [_axis(path, names, values) for names, values in _flat(grid)]
    _require_once(path, axes, listed)
    number = len(listed)
    for axis in axes:
        number *= len(axis)
    if number > MOST_RUNS:
        raise InvalidInputError(f"{path} has {number:,} runs, more than {MOST_RUNS:,}; split it")
    found: dict[RunSettings, None] = {}
    for one, chosen in itertools.product(listed, itertools.product(*axes)):
        document = _merged(shared, one)
        for values in chosen:
            for name, value in values.items():
                document = _merged(document, _nested(name, value))
        found[_checked(path, document, one, chosen)] = None
    return Sweep(name=path.stem, runs=tuple(found))


def _checked(
    path: Path, document: dict[str, Any], one: Mapping[str, Any], chosen: Sequence[dict[str, Any]]
) -> RunSettings:
    network = document.get("network")
    if isinstance(network, dict):  # of the default kind, unless it says another
        kind = OneLayerTransformerSettings().architecture
        document = document | {"network": {"architecture": kind, **network}}
    try:
        return RunSettings.from_document(document)
    except ValidationError as error:
        differs = dict(_flat(dict(one))) | {k: v for values in chosen for k, v in values.items()}
        words = ", ".join(f"{name} = {value}" for name, value in differs.items())
        which = f"the run with {words}: " if words else ""
        raise InvalidInputError(f"{path}: {which}{explain(error)}") from error


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a table with their paths."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _axis(path: Path, names: str, values: Any) -> list[dict[str, Any]]:
    """Return the steps of one axis of a grid: what each sets."""
    if not isinstance(values, list) or not values:
        raise InvalidInputError(
            f"{path}: [grid] {names} = {values!r}; give a list of values, or write what all runs "
            "share into [settings]"
        )
    several = [name.strip() for name in names.split(",")]
    return [dict.fromkeys(several, value) for value in values]


def _require_once(
    path: Path, axes: Sequence[list[dict[str, Any]]], listed: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse a setting that the grid has twice, or that a listed run has too."""
    in_grid = [name for axis in axes for name in axis[0]]
    in_runs = {name for one in listed for name, _ in _flat(one)}
    twice = {name for name in in_grid if in_grid.count(name) > 1}
    if both := sorted(twice | in_runs.intersection(in_grid)):
        raise InvalidInputError(
            f"{path} has {', '.join(both)} twice, in [grid] or in [[runs]] too; one of them would "
            "have no effect"
        )


def _nested(path: str, value: Any) -> dict[str, Any]:
    """Return a value in the tables that its path names."""
    for name in reversed(path.split(".")):
        value = {name: value}
    nested: dict[str, Any] = value
    return nested


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return two tables as one; where both have a value the other's counts."""
    found = dict(one)
    for name, value in other.items():
        was = found.get(name)
        if isinstance(was, Mapping) and isinstance(value, Mapping):
            found[name] = _merged(was, value)
        else:
            found[name] = value
    return found


def table(sweep: Sweep, store: Store) -> pd.DataFrame:
    """Return a row for each run: what differs, how it ended, and its final numbers.

    Columns are ``run`` (its identity), the settings in which runs differ, ``status``
    (``absent`` if the store lacks it) and for each number its value, and ``NAME_low`` and
    ``NAME_high`` as far as it has them; see ``efficiency.Outcome``. A step that never came has no
    value, and the last step as its lower end.

    Raises:
        StoreError: A run is damaged.
    """
    varied, rows = sweep.varied(), []
    for run in sweep.runs:
        settings = dict(leaves(run))
        row: dict[str, Any] = {"run": identity(run.document())}
        row |= {path: _plain(settings.get(path)) for path in varied}
        rows.append(row | _ended(run, store))
    return pd.DataFrame(rows)


def _plain(value: Any) -> Any:
    """Return a setting as a cell: a run that another starts from by its identity."""
    return identity(value.document()) if isinstance(value, RunSettings) else value


def _ended(run: RunSettings, store: Store) -> dict[str, Any]:
    name = identity(run.document())
    if not store.has(name):
        return {"status": "absent"}
    record = store.load(name)
    if (problem := wrong_with(record, run)) is not None:
        raise record.damaged(problem)
    return ending(outcome_of(record, run))
