"""The identity of a run: the hash of its complete settings."""

from __future__ import annotations

import hashlib
import json
from typing import Any

Document = dict[str, Any]
"""Settings of a run as JSON types."""

SCHEMA_VERSION = 4
"""Version of the meaning of settings and of the layout of a store; part of every identity."""

IDENTITY_LENGTH = 32
"""Hexadecimal digits of an identity: 128 bits."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted names, no spaces, shortest exact numbers.

    Raises:
        ValueError: The value has a number that is not finite, or something that is not JSON.
    """
    try:
        return json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except TypeError as error:
        raise ValueError(f"settings must consist of JSON types: {error}") from error


def digest(value: Any) -> str:
    """Return 32 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:IDENTITY_LENGTH]


def identity(document: Document) -> str:
    """Return the identity of a run, which the order of its fields does not change."""
    return digest({"schema": SCHEMA_VERSION, "settings": document})
