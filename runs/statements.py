"""What was said of runs before they were trained, and what was seen of them; nothing is taken back.

``statements/<name>.json`` holds what is said, when, by which code, and which of the runs that it is
about were there, or begun, by then. Its name is the digest of what is said, so that saying the same
again changes nothing, and saying something else leaves both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from runs import provenance
from runs.execution.workplaces import unfinished
from runs.files import StoreError, explain_os_error, read_json, write_file
from runs.identity import digest, identity
from runs.store import Store

_NAME = re.compile(r"[0-9a-f]{32}\.json")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        name: Digest of what is said.
        says: What is said, as JSON types.
        made: When, in UTC, as ISO 8601 has it.
        code: Which code said it.
        begun: Identities of the runs that it is about and that were there, or begun, before it.
    """

    name: str
    says: Mapping[str, Any]
    made: str
    code: Mapping[str, Any]
    begun: tuple[str, ...] = ()


def state(store: Store, says: Mapping[str, Any], about: Iterable[str] = ()) -> Statement:
    """Write a statement down, unless it is there, and return it as it was first made.

    Args:
        store: Where.
        says: What is said, as JSON types.
        about: Identities of the runs that it is about.

    Raises:
        StoreError: It cannot be written.
    """
    name = digest(dict(says))
    path = store.path / "statements" / f"{name}.json"
    if path.exists():
        return _read(store, path.stem)
    about = {*about}
    in_training = (
        {identity(run) for group in unfinished(store) for run in group} if about else set()
    )
    made = Statement(
        name=name,
        says=says,
        made=now(),
        code=provenance.code(),
        begun=tuple(sorted(run for run in about if store.has(run) or run in in_training)),
    )
    held = _sealed({key: value for key, value in asdict(made).items() if key != "name"})
    store.create()
    try:
        path.parent.mkdir(exist_ok=True)
        if path.exists():  # another process was faster: the first counts
            return _read(store, path.stem)
        write_file(path, json.dumps(held, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise explain_os_error(error, path) from error
    return made


def statements(store: Store) -> list[Statement]:
    """Return all statements, the first made first.

    Raises:
        StoreError: One is damaged.
    """
    folder = store.path / "statements"
    names = sorted(p.stem for p in folder.glob("*.json") if _NAME.fullmatch(p.name))
    return sorted((_read(store, name) for name in names), key=lambda one: (one.made, one.name))


def _sealed(held: dict[str, Any]) -> dict[str, Any]:
    """Return what a file holds with a digest of all of it, so that an edit is noticed."""
    return {**held, "seal": digest({key: held[key] for key in held if key != "seal"})}


def _read(store: Store, name: str) -> Statement:
    path = store.path / "statements" / f"{name}.json"
    try:
        held = read_json(path)
        one = Statement(
            name=name,
            says=dict(held["says"]),
            made=datetime.fromisoformat(held["made"]).astimezone(UTC).isoformat(),
            code=dict(held["code"]),
            begun=tuple(held["begun"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the statement {path} cannot be read ({type(error).__name__}: {error}); "
            "move it out of the store to go on without it"
        ) from error
    if digest(dict(one.says)) != name or held != _sealed(held):
        raise StoreError(
            f"the statement {path} is not the one that was made; "
            "move it out of the store to go on without it"
        )
    return one


def now() -> str:
    """Return the time in UTC to the microsecond, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
