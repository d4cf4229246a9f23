"""How a loss falls: when, and how suddenly."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from efficiency.statistics.intervals import FloatArray

EXPONENTIAL = math.log2(3)
"""Sharpness of a loss that falls at one constant rate: (ln 4 − ln 4/3) / ln 2."""

SHARP = EXPONENTIAL / 2
"""Sharpness below which a fall counts as a phase change."""

KNOWN = 1.0
"""Loss, in nats, from which on examples count as known (both curves of the source's figures)."""

_STEADY = 3
"""Records in a row that a loss must be below a level."""


def step_below(history: pd.DataFrame, column: str, level: float) -> float:
    """Return the step from which a loss is below a level for three records in a row.

    Between two records, in proportion. Infinite if there is none.

    Args:
        history: A row for every record.
        column: The loss.
        level: In its unit.
    """
    steps, values = (history[name].to_numpy(dtype=float) for name in ("step", column))
    return first_below(steps, values, level)


def first_below(steps: FloatArray, values: FloatArray, level: float) -> float:
    """Return the same of two columns."""
    inside = values < level
    for k in range(len(inside) - _STEADY + 1):
        if inside[k : k + _STEADY].all():
            if k == 0:
                return float(steps[0])
            part = (values[k - 1] - level) / (values[k - 1] - values[k])
            return float(steps[k - 1] + part * (steps[k] - steps[k - 1]))
    return math.inf


def sharpness(history: pd.DataFrame, column: str, plateau: float) -> float:
    """Return the time that a loss takes from ¾ to ¼ of a plateau, as a part of the time to ½.

    ``EXPONENTIAL`` of a loss that falls at one rate from the beginning, near 0 of one that stands
    and then drops. Infinite of one that never comes to a quarter.

    Args:
        history: A row for every record.
        column: The loss, in nats.
        plateau: Its level before the fall, in nats: what is left is counted down to 0.
    """
    high, middle, low = (step_below(history, column, part * plateau) for part in (0.75, 0.5, 0.25))
    return (low - high) / middle if math.isfinite(low) and middle > 0 else math.inf


def delay(history: pd.DataFrame) -> float:
    """Return by how much later test examples are known than training examples.

    The ratio of both steps; of a network that never knows its test examples, the length of its
    training stands for theirs: no more than the delay is. NaN where training examples are never
    known.
    """
    train, test = (step_below(history, f"{part}_loss", KNOWN) for part in ("train", "test"))
    if not math.isfinite(train):
        return math.nan
    last = float(np.max(history["step"]))
    return max(min(test, last), 1.0) / max(train, 1.0)
