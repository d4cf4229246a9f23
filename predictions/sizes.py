"""Sizes of experiments: the same claims asked of smaller and larger tables and networks."""

from __future__ import annotations

from typing import Literal, get_args

Size = Literal["smoke", "quick", "standard", "replication", "paper"]
SIZES: tuple[Size, ...] = get_args(Size)

OF_ALL: tuple[Size, ...] = ("smoke", "quick", "standard", "paper")
"""Sizes that every prediction has; ``replication`` is for those that one night suffices for."""
