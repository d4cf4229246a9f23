"""A claim → the runs it needs → a verdict. The command line and the report live here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predictions.opened import open_store

__all__ = ["open_store"]


def __getattr__(name: str) -> Any:
    """Import what is public when it is asked for: commands that need none of it start at once."""
    if name != "open_store":
        raise AttributeError(f"module {__name__!r} has no {name!r}; it offers {__all__}")
    return importlib.import_module("predictions.opened").open_store
