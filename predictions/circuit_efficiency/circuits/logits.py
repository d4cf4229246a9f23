"""The correct logits of Gen and Mem in one network, read off what is recorded of it.

Mem adds to the correct logit of the examples that it stores, and leaves that of novel pairs alone;
Gen treats both alike. So Gen's part is the centred correct logit on novel pairs and Mem's is what
training examples have more: as in the corrected split of
``efficiency.analysis.logit_subspaces.Split``, but for the mean over pairs that is taken off there.
It is free of the bias of the paper's projection (appendix B), which takes a part D/N of Mem for
Gen's, and needs no logits of the whole table. What is left: where Mem answers novel pairs with one
wrong class each, centring takes 1/S of it from Gen.
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


def largest(values: npt.ArrayLike) -> float:
    """Return the largest median of ``STEADY`` records in a row, which no single one decides.

    −∞ of fewer records.
    """
    held = np.asarray(values, dtype=float)
    if len(held) < STEADY:
        return -math.inf
    return float(np.median(np.lib.stride_tricks.sliding_window_view(held, STEADY), axis=1).max())


def comes_to(values: npt.ArrayLike, part: float) -> int | None:
    """Return the first of ``STEADY`` records in a row with a part of the largest value.

    ``None`` if that is not above 0, or never held for so long.
    """
    held, most = np.asarray(values, dtype=float), largest(values)
    if not most > 0:
        return None
    there = np.lib.stride_tricks.sliding_window_view(held >= part * most, STEADY).all(axis=1)
    return int(there.argmax()) if there.any() else None


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
