"""Designs of one's own: a file that says what a size should have instead.

It is TOML, of one size, with a table for the ground (``predictions.grounds``) and one for each part
of a design (``predictions.designs``); what is left out is as the size has it. ``predictions show
NAME --toml`` prints one in full. It never changes a rule: what a claim asks of runs stays, which
runs it asks is what is chosen.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.settings.base import explain
from predictions.sizes import SIZES, Size
from runs.identity import digest

D = TypeVar("D")

GROUND = "ground"
"""The table that all parts stand on."""


@dataclass(frozen=True, kw_only=True)
class DesignFile:
    """What a file says.

    Attributes:
        path: Where it was read, as it was given; two files that say the same are the same.
        size: The size that has what is left out.
        canonical: All tables as canonical JSON, which can be compared and hashed.
    """

    path: str = field(compare=False)
    size: Size
    canonical: str

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Its tables by name."""
        held: dict[str, dict[str, Any]] = json.loads(self.canonical)
        return held

    @property
    def digest(self) -> str:
        """What stands for all that it says, wherever it lies."""
        return digest({"size": self.size, "tables": self.tables})

    def without(self, table: str, name: str) -> DesignFile:
        """Return the same without one of its values."""
        tables = self.tables
        del tables[table][name]
        return replace(self, canonical=_canonical(tables))

    def with_only(self, table: str, name: str) -> DesignFile:
        """Return the same with nothing but one of its values."""
        return replace(self, canonical=_canonical({table: {name: self.tables[table][name]}}))

    @property
    def stem(self) -> str:
        """Its name, for files that come of it."""
        return Path(self.path).stem

    def __str__(self) -> str:
        said = "; ".join(
            f"{name}: {', '.join(f'{key} = {_short(value)}' for key, value in table.items())}"
            for name, table in self.tables.items()
        )
        return f"{self.path} ({self.digest[:12]}), {self.size} with {said}"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_short(one)}' for key, one in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> DesignFile:
    """Return what a file says; its values are checked when the design is made.

    Raises:
        InvalidInputError: It cannot be read, is no TOML, or has no size, or nothing but that.
    """
    said = read_toml(path, "a design", "`predictions show NAME --toml` prints one")
    size = said.pop("size", None)
    if size not in SIZES:
        given = "no size" if size is None else f"size = {size!r}"
        raise InvalidInputError(
            f"{path} has {given}; write size = {json.dumps(SIZES[1])} at its top, or another of "
            f"{', '.join(SIZES)}: what is left out is as that size has it"
        )
    loose = [name for name, value in said.items() if not isinstance(value, dict)]
    if loose or not said:
        what = f"{', '.join(loose)} outside of any table" if loose else "no table"
        raise InvalidInputError(
            f"{path} has {what}; write values into [{GROUND}] or the table of a part, as "
            "`predictions show NAME --toml` prints them"
        )
    if any(isinstance(value, bool) for value in _values(said)):
        raise InvalidInputError(f"{path} has true or false, which no design has; write numbers")
    return DesignFile(path=str(path), size=size, canonical=_canonical(said))


def _canonical(tables: Mapping[str, Any]) -> str:
    return json.dumps(tables, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _values(held: Any) -> Iterator[Any]:
    """Yield all values, however deep."""
    if isinstance(held, Mapping):
        for one in held.values():
            yield from _values(one)
    elif isinstance(held, list):
        for one in held:
            yield from _values(one)
    else:
        yield held


def read_toml(path: Path, what: str, hint: str) -> dict[str, Any]:
    """Return what a TOML file says, as JSON types.

    Args:
        path: The file.
        what: What it should hold, for errors.
        hint: How to get one.

    Raises:
        InvalidInputError: It cannot be read, is no TOML, or has values that JSON has not.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"{what} cannot be read from {path} ({error.strerror}); {hint}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is no TOML: {error}; {hint}") from error
    try:
        held: dict[str, Any] = json.loads(json.dumps(said, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{path} has a date, an infinity or a NaN; write numbers, words and lists of them"
        ) from error
    return held


def as_toml(size: Size, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a design as such a file.

    Args:
        size: The size.
        tables: Tables by name, with values or one more level of tables in them.
    """
    lines = [f"size = {json.dumps(size)}"]
    for name, table in tables.items():
        deeper = {key: value for key, value in table.items() if isinstance(value, Mapping)}
        lines += ["", f"[{name}]"]
        lines += [_line(key, value) for key, value in table.items() if key not in deeper]
        for key, inner in deeper.items():
            lines += ["", f"[{name}.{key}]"]
            lines += [_line(one, value) for one, value in inner.items()]
    return "\n".join(lines)


def _line(key: str, value: Any) -> str:
    """Return a value in TOML, which writes numbers, strings and lists as JSON does."""
    return f"# {key}: not used" if value is None else f"{key} = {json.dumps(value)}"


def instead(path: str, table: str, usual: D, given: Mapping[str, Any]) -> D:
    """Return a value with some of its fields replaced, checked against their types.

    Args:
        path: The file that says so, for errors.
        table: The table in it.
        usual: A dataclass.
        given: Fields to replace, as JSON types.

    Raises:
        InvalidInputError: There is no such field, or it cannot have that value.
    """
    held: Any = usual
    fields = {field.name: getattr(held, field.name) for field in dataclasses.fields(held)}
    for name in given:
        if name not in fields:
            raise InvalidInputError(
                f"{path}: [{table}] has no {name}; {did_you_mean(name, fields)}choose from "
                f"{', '.join(fields)}"
            )
    try:
        found: D = TypeAdapter[Any](type(held)).validate_python(fields | dict(given))
    except ValidationError as error:
        raise InvalidInputError(f"{path}: [{table}] {explain(error)}") from error
    return found
