"""The correct logits of Gen and Mem in one network, read off what is recorded of it.

Mem adds to the correct logit of the examples that it stores, and leaves that of novel pairs alone;
Gen treats both alike. So Gen's part is the centred correct logit on novel pairs and Mem's is what
training examples have more: the corrected split of ``efficiency.analysis.logit_subspaces.Split``,
which is free of the bias of the paper's projection (appendix B) and needs no logits of the whole
table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from efficiency.estimates import Estimate
from efficiency.statistics.intervals import FloatArray, TooFewError, median_bounds
from efficiency.training.outcome import STEADY

Logits = tuple[float, float]
"""Correct logits of Gen and of Mem, in nats."""


@dataclass(frozen=True, kw_only=True)
class Courses:
    """Both circuits over training.

    Attributes:
        step: Recorded steps.
        gen: Gen's correct logit at each, in nats.
        mem: Mem's.
        norm: ‖θ‖₂.
    """

    step: FloatArray
    gen: FloatArray
    mem: FloatArray
    norm: FloatArray


def courses(history: pd.DataFrame) -> Courses:
    """Return both circuits over a run, from its history."""
    gen = history["novel_centred_logit"].to_numpy(dtype=float)
    return Courses(
        step=history["step"].to_numpy(dtype=float),
        gen=gen,
        mem=history["centred_logit"].to_numpy(dtype=float) - gen,
        norm=history["norm"].to_numpy(dtype=float),
    )


def final(numbers: Mapping[str, Estimate]) -> Logits | None:
    """Return both logits at the end of a run, from its final numbers, if they are finite."""
    trained, novel = (numbers.get(name) for name in ("centred_logit", "novel_centred_logit"))
    if trained is None or novel is None or trained.value is None or novel.value is None:
        return None
    return novel.value, trained.value - novel.value


def bounds_of_ratio(pair: Logits | None) -> tuple[float, float]:
    """Return the least and the largest that Gen / Mem may be taken for.

    0 where Gen alone is not above 0, ∞ where Mem alone is not, both where neither is.
    """
    if pair is None or (pair[0] <= 0 and pair[1] <= 0):
        return 0.0, math.inf
    gen, mem = pair
    ratio = 0.0 if gen <= 0 else math.inf if mem <= 0 else gen / mem
    return ratio, ratio


def comes_to(values: npt.ArrayLike, part: float) -> int | None:
    """Return the first of ``STEADY`` records in a row with a part of the largest value.

    ``None`` if no value is above 0, or that is never held for so long.
    """
    held = np.asarray(values, dtype=float)
    there = held >= part * held.max()
    if not held.max() > 0 or len(held) < STEADY:
        return None
    steady = np.lib.stride_tricks.sliding_window_view(there, STEADY).all(axis=1)
    return int(steady.argmax()) if steady.any() else None


def median_ratio(pairs: Sequence[Logits | None]) -> tuple[float, float, float]:
    """Return the median of Gen / Mem and the ends of its 95% interval, no network left out.

    NaN where the networks without a ratio leave the median open; the ends are 0 and ∞ where there
    are too few networks for them.
    """
    least, most = zip(*map(bounds_of_ratio, pairs), strict=True)
    middle = float(np.median(least))
    if middle != float(np.median(most)):
        middle = math.nan
    try:
        return middle, float(median_bounds(least)[0]), float(median_bounds(most)[1])
    except TooFewError:
        return middle, 0.0, math.inf
