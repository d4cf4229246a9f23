"""What tasks consist of: the examples of each kind, and which of them are trained on."""

from __future__ import annotations

from efficiency.tasks.datasets import (
    corrupted,
    mirrored_labels,
    order,
    random_labels,
    split,
    wrong_labels,
)
from efficiency.tasks.tables import differences, mirror, square, table

__all__ = [
    "corrupted",
    "differences",
    "mirror",
    "mirrored_labels",
    "order",
    "random_labels",
    "split",
    "square",
    "table",
    "wrong_labels",
]
