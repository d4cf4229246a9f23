"""The folder of one run: its files, the mark that it is complete, and whether they are whole."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from safetensors.numpy import save

from runs.files import read_json, write_file
from runs.identity import SCHEMA_VERSION, Document, identity
from runs.record import SNAPSHOTS, Result

_MARK = "complete.json"
_FILES = (
    "settings.json",
    "history.parquet",
    "weights.safetensors",
    "outcome.json",
    "provenance.json",
)


def _checksum(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole(folder: Path, name: str, facts: Mapping[str, Any]) -> bool:
    """Return whether a file is the one whose checksum (and, unless it is old, size) was noted."""
    found = (folder / name).stat()
    if not stat.S_ISREG(found.st_mode):
        return False  # a pipe would wait for ever
    sizes = facts.get("sizes")
    if sizes is not None and sizes[name] != found.st_size:
        return False
    same: bool = _checksum(folder / name) == facts["files"][name]
    return same


def damage(folder: Path, run: str) -> str | None:
    """Return what is wrong with the folder of a run, ``None`` if it is whole."""
    try:
        if not folder.is_dir():
            return "it is no folder, or a link to nowhere"
        if not stat.S_ISREG((folder / _MARK).stat().st_mode):
            return f"{_MARK} is no file"
        facts = read_json(folder / _MARK)
        if not set(_FILES) <= facts["files"].keys() <= {*_FILES, SNAPSHOTS}:
            return f"{_MARK} does not name the files of a run"
        for name in facts["files"]:
            if not _is_whole(folder, name, facts):
                return f"{name} does not match its checksum"
        held = read_json(folder / "settings.json")
        if identity(held["settings"]) != run:
            return "settings.json describes another run"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "a file is not what was written"
    return None


def write(folder: Path, document: Document, result: Result, provenance: Mapping[str, Any]) -> None:
    """Write all files of a run into an empty folder, the mark last."""
    _write_json(folder / "settings.json", {"schema": SCHEMA_VERSION, "settings": document})
    # Column by column: by way of pandas it takes three times as long.
    columns = {name: result.history[name].to_numpy() for name in result.history}
    parquet.write_table(pyarrow.table(columns), folder / "history.parquet")
    (folder / "weights.safetensors").write_bytes(save(dict(result.weights)))
    kept = {
        f"{step} {name}": value
        for step, weights in result.snapshots.items()
        for name, value in weights.items()
    }
    if kept:
        (folder / SNAPSHOTS).write_bytes(save(kept))
    _write_json(folder / "outcome.json", result.outcome)
    _write_json(folder / "provenance.json", provenance)
    files = (*_FILES, SNAPSHOTS) if kept else _FILES
    for name in files:
        with open(folder / name, "rb") as file:
            os.fsync(file.fileno())
    mark = {
        "files": {name: _checksum(folder / name) for name in files},
        "sizes": {name: (folder / name).stat().st_size for name in files},
    }
    write_file(folder / _MARK, json.dumps(mark, indent=2) + "\n")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n",
        encoding="utf-8",
    )
