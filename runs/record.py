"""A finished run: as training hands it over, and as it is read back from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from runs.files import StoreError, read_json
from runs.identity import Document

T = TypeVar("T")

SNAPSHOTS = "snapshots.safetensors"
"""The file of a run that has any: arrays by step and name, with a space between."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run leaves behind.

    Attributes:
        history: A row for every recorded step.
        weights: Final weights by name.
        outcome: How the run ended, as JSON types.
        snapshots: Weights by name at some steps, if any were kept.
    """

    history: pd.DataFrame
    weights: Mapping[str, np.ndarray]
    outcome: dict[str, Any]
    snapshots: Mapping[int, Mapping[str, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A run in the store; files are read when asked for."""

    folder: Path

    @property
    def identity(self) -> str:
        """The identity of the run."""
        return self.folder.name

    @cached_property
    def settings(self) -> Document:
        """The complete settings."""
        return self._read(self._settings)

    @cached_property
    def outcome(self) -> dict[str, Any]:
        """How the run ended."""
        return self._read(lambda: read_json(self.folder / "outcome.json"))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Code, versions, machine, ensemble and times."""
        return self._read(lambda: read_json(self.folder / "provenance.json"))

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        return self._read(lambda: pd.read_parquet(self.folder / "history.parquet"))

    def weights(self) -> dict[str, np.ndarray]:
        """Read the final weights."""
        return self._read(lambda: load_file(self.folder / "weights.safetensors"))

    def snapshots(self) -> dict[int, dict[str, np.ndarray]]:
        """Read the weights by name at each step at which they were kept, the first step first."""
        path = self.folder / SNAPSHOTS
        if not path.exists():
            return {}
        found: dict[int, dict[str, np.ndarray]] = {}
        for key, value in self._read(lambda: load_file(path)).items():
            step, _, name = key.partition(" ")
            found.setdefault(int(step), {})[name] = value
        return dict(sorted(found.items()))

    def _settings(self) -> Document:
        settings: Document = read_json(self.folder / "settings.json")["settings"]
        return settings

    def damaged(self, why: object) -> StoreError:
        """Return the error that says that this run is not what it should be.

        Its files, or what its settings stand for now.
        """
        return StoreError(
            f"run {self.identity} in {self.folder.parent.parent} cannot be used: {why}. "
            "`--retrain-damaged`, of predictions run and of predictions sweep, moves it to aside/ "
            "and trains it again"
        )

    def _read(self, read: Callable[[], T]) -> T:
        """Return what is read; a reader of what is damaged may raise anything.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            return read()
        except (MemoryError, PermissionError):
            raise
        except Exception as error:
            raise self.damaged(f"it cannot be read ({type(error).__name__}: {error})") from error
