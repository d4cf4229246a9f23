"""Means of functions of several means: one pseudo-value for each independent unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from efficiency import checks
from efficiency.statistics.intervals import FloatArray, TooFewError


def pseudo_values(rows: npt.ArrayLike, statistic: Callable[[FloatArray], float]) -> FloatArray:
    """Return (n,) pseudo-values n·θ − (n − 1)·θ₋ᵢ of a statistic (Tukey 1958).

    Their mean is the statistic less its bias of order 1/n, and they may be treated as independent
    values with that mean (Student's t) if the statistic is smooth in means over units.

    Args:
        rows: (n, k) what is known of each unit.
        statistic: Of (m, k) rows; must be finite for all units and for all but one.

    Raises:
        TooFewError: Fewer than three units, or the statistic is not finite without one of them.
    """
    data = checks.numbers(rows, "rows", ndim=2)
    n = len(data)
    if n < 3:
        raise TooFewError(f"a jackknife needs three units at least, got {n}")
    whole = statistic(data)
    without = np.array([statistic(np.delete(data, i, axis=0)) for i in range(n)])
    if not np.isfinite([whole, *without]).all():
        raise TooFewError("the statistic is not known without one of the units")
    found: FloatArray = n * whole - (n - 1) * without
    return found
