"""Errors that whoever called can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InvalidInputError(ValueError):
    """What was given cannot be used; the message says what, what is allowed and what to do.

    Commands print its message alone. Any other ``ValueError`` is a fault of some code and shows its
    trace.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a question that names what is nearly what was given; nothing if nothing is."""
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}? " if near else ""
