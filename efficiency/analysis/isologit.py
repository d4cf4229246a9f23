"""Efficiency at a matched logit: the parameter norm that a circuit needs for it.

The plain ratio of logit to norm depends on scale, because logits grow faster than in proportion to
the norm. So circuits are compared at one logit: the *isologit norm* P(D; ŝ) is the norm needed for
mean log-odds ŝ on D examples, interpolated between networks that differ in weight decay or in the
norm that they are held at. A circuit that needs less is more efficient. (Varma et al. 2023,
section 3 and Figure 3.)

Everything is fitted in logarithms of the norm, in which a circuit multiplied by w moves by
(log w)/κ.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from efficiency import checks
from efficiency.statistics.intervals import TooFewError

MAX_EXTRAPOLATION = 0.25
"""Farthest that ŝ may lie outside the logits seen, as a part of their range."""

MIN_RANGE = 0.03
"""Least range of log norms from which κ is read; below, noise of the norm is the slope."""


def isologit_norm(norms: npt.ArrayLike, logits: npt.ArrayLike, at: float) -> float:
    """Return the norm at which the logit is ``at``, by a straight line of log norm in logit.

    Args:
        norms: (n,) ‖θ‖₂ > 0 of networks that differ in nothing but where they are on the curve.
        logits: (n,) their mean logits on the examples they were trained on, nats: log-odds, margin
            or centred correct logit (see ``efficiency.measurements.readings``).
        at: ŝ, nats.

    Raises:
        TooFewError: Fewer than two networks, all with one logit, or ŝ lies farther outside the
            logits seen than a quarter of their range.
    """
    norm, logit = checks.numbers(norms, "norms", positive=True), checks.numbers(logits, "logits")
    checks.alike("norms and logits", norm, logit)
    log_norm = np.log(norm)
    if len(logit) < 2 or np.ptp(logit) == 0:
        raise TooFewError(
            f"an isologit norm is interpolated between two logits at least, got {len(logit)}"
        )
    reach = MAX_EXTRAPOLATION * float(np.ptp(logit))
    if not logit.min() - reach <= at <= logit.max() + reach:
        raise TooFewError(
            f"the logit {at:g} lies outside those seen, {logit.min():.2f} to {logit.max():.2f}, by "
            f"more than {MAX_EXTRAPOLATION:.0%} of their range"
        )
    _, intercept = np.polyfit(logit - at, log_norm, 1)
    return float(np.exp(intercept))


def kappa(norms: npt.ArrayLike, logits: npt.ArrayLike) -> float:
    """Return κ, the slope of log logit on log norm along one circuit's curve (paper, section 3).

    Args:
        norms: (n,) ‖θ‖₂ > 0.
        logits: (n,) mean logits, nats, > 0.

    Raises:
        TooFewError: Fewer than two networks, logits that are not positive, or norms so alike that
            their noise would be the slope.
    """
    norm, logit = checks.numbers(norms, "norms", positive=True), checks.numbers(logits, "logits")
    checks.alike("norms and logits", norm, logit)
    if len(norm) < 2 or not (logit > 0).all():
        raise TooFewError(
            f"κ needs two networks at least, and all logits positive; got {len(norm)}, "
            f"{int((logit > 0).sum())} of them positive"
        )
    if float(np.ptp(np.log(norm))) < MIN_RANGE:
        raise TooFewError(f"the norms differ by less than {MIN_RANGE:.0%}: no slope to be read")
    slope, _ = np.polyfit(np.log(norm), np.log(logit), 1)
    return float(slope)
