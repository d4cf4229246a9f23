"""How wide figures are drawn: over both columns of a page, or over one, panels below each other."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar

from efficiency.errors import InvalidInputError

_NUMBER: ContextVar[int] = ContextVar("columns", default=2)


@contextlib.contextmanager
def columns(number: int) -> Iterator[None]:
    """Let figures that are drawn meanwhile be as wide as one column of a paper or as both.

    One column is also what a telephone shows.

    Args:
        number: 1 or 2.

    Raises:
        InvalidInputError: Another number.
    """
    if number not in (1, 2):
        raise InvalidInputError(f"a figure is 1 or 2 columns wide, not {number}")
    token = _NUMBER.set(number)
    try:
        yield
    finally:
        _NUMBER.reset(token)


def number_of_columns() -> int:
    """Return how many columns wide a figure that is drawn now shall be."""
    return _NUMBER.get()


_BELOW = {"Left": "Top", "left": "top", "Right": "Bottom", "right": "bottom"}


def below_each_other(text: str) -> str:
    """Return what is said of panels side by side for those that stand below each other."""
    return re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda side: _BELOW[side[0]], text)
