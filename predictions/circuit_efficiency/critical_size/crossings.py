"""Where Mem and Gen of one seed are equally efficient, from their norms alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from efficiency.statistics.intervals import Interval, TooFewError
from efficiency.statistics.lines import fit_line, meets
from predictions.cells import Run
from predictions.circuit_efficiency.efficiency.judge import MIN_SHARE

MIN_SIZES = 4
"""Dataset sizes at which Mem must be known: a line with two degrees of freedom left."""

FARTHEST = 3.0
"""Largest factor outside the sizes at which Mem was measured at which a crossing is believed."""

SCALING = 6.0
"""κ of a network all of whose weights are multiplied: to first order the number of matrices in a
row. Networks that are compared differ in their log-odds by a few percent, and in the norms that are
held against each other by a sixth of that."""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Equal efficiency of one seed.

    Attributes:
        log_odds: ŝ, the median log-odds of its networks, nats.
        gen_norm: Gen's norm at ŝ, geometric mean over D.
        gen_error: Standard error of its logarithm, from its scatter over D.
        mem_norms: Mem's norm at ŝ by D.
        mem_slope: Of its logarithm on log D.
        log_size: log D at which they are equal, with its 95% interval; ``None`` where they do not
            meet.
    """

    log_odds: float
    gen_norm: float
    gen_error: float
    mem_norms: dict[int, float]
    mem_slope: float
    log_size: Interval | None


def is_known(run: Run) -> bool:
    """Return whether a network is at its norm and fits its examples."""
    return run.outcome.status == "settled" and run.number("train_accuracy") == 1


def log_norm_at(run: Run, log_odds: float, scaling: float = SCALING) -> float:
    """Return the log norm of a network, moved to other log-odds as if its weights were scaled."""
    own = run.number("log_odds")
    return math.log(run.number("norm")) - (math.log(own) - math.log(log_odds)) / scaling


def crossing(mem: Sequence[Run], gen: Sequence[Run]) -> Crossing | str:
    """Return where Mem and Gen of a seed are equally efficient, or why that is not known.

    Mem's log norm at ŝ is a straight line in log D; Gen's is its mean over dataset sizes, because
    the theory says that it does not depend on them. The interval (Fieller) is that of the scatter
    of both over sizes.

    Args:
        mem: Memorising networks, of different D.
        gen: Generalising ones, above D_crit.
    """
    known = [run for run in mem if is_known(run)]
    if len(known) < MIN_SIZES:
        return f"Mem has settled at {len(known)} of {len(mem)} sizes only"
    if len(gen) < 2 or not all(is_known(run) for run in gen):
        return "Gen has not settled at each of its sizes"
    share = min(_share(run) for run in gen)
    if share < MIN_SHARE:
        return f"Gen's share of the logit norm is {share:.3f}, below {MIN_SHARE:g}"
    at = float(np.median([run.number("log_odds") for run in (*known, *gen)]))
    norms = {run.dataset_size: math.exp(log_norm_at(run, at)) for run in known}
    gen_logs = np.array([log_norm_at(run, at) for run in gen])
    line = fit_line(np.log(list(norms)), np.log(list(norms.values())))
    error = float(gen_logs.std(ddof=1) / math.sqrt(len(gen_logs)))
    found: Interval | None
    try:
        found = meets(line, float(gen_logs.mean()), error, len(gen_logs) - 1)
    except TooFewError:
        found = None
    if found is not None:
        nearest, farthest = math.log(min(norms) / FARTHEST), math.log(max(norms) * FARTHEST)
        inside = nearest <= found.low and found.high <= farthest
        found = found if line.slope > 0 and inside else None
    return Crossing(
        log_odds=at,
        gen_norm=math.exp(gen_logs.mean()),
        gen_error=error,
        mem_norms=norms,
        mem_slope=line.slope,
        log_size=found,
    )


def _share(run: Run) -> float:
    """Return Gen's share of the logit norm; 0 of a network that overflows on some pair."""
    number = run.outcome.numbers.get("gen_share_answer")
    return 0.0 if number is None or number.value is None else number.value
