"""A finished run: as training hands it over, and as it is read back from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from runs.files import read_json
from runs.identity import Document


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run leaves behind.

    Attributes:
        history: A row for every recorded step.
        weights: Final weights by name.
        outcome: How the run ended, as JSON types.
    """

    history: pd.DataFrame
    weights: Mapping[str, np.ndarray]
    outcome: dict[str, Any]


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
        return read_json(self.folder / "settings.json")["settings"]  # type: ignore[no-any-return]

    @cached_property
    def outcome(self) -> dict[str, Any]:
        """How the run ended."""
        return read_json(self.folder / "outcome.json")

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Code, versions, machine, ensemble and times."""
        return read_json(self.folder / "provenance.json")

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        return pd.read_parquet(self.folder / "history.parquet")

    def weights(self) -> dict[str, np.ndarray]:
        """Read the final weights."""
        loaded: dict[str, np.ndarray] = load_file(self.folder / "weights.safetensors")
        return loaded
