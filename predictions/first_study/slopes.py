"""How the time to generalise depends on a number that a design varies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics.accelerated_failure_time import AcceleratedFit, Slope, clustered_slope
from efficiency.statistics.intervals import TooFewError
from predictions.cells import Run
from predictions.clauses import Clause, decide
from predictions.first_study.times import time_of
from predictions.judging import count, plural, too_few
from predictions.labelled import Numbers
from predictions.verdicts import Finding

MIN_SEEDS = 5
"""Fewest clusters for an interval by the jackknife."""


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """log time = intercept + slope · x + noise.

    Attributes:
        fit: Intercept, slope and the noise's standard deviation.
        slope: The slope with its interval over seeds.
    """

    fit: AcceleratedFit
    slope: Slope


def dependence(runs: Sequence[Run], x: Callable[[Run], float]) -> Dependence:
    """Fit the times of all runs, those that ran out of steps as censored.

    Raises:
        TooFewError: Too few generalised, or there are too few seeds.
    """
    times = [time_of(run) for run in runs]
    fit, slope = clustered_slope(
        np.log([time.steps for time in times]),
        [time.censored for time in times],
        np.column_stack([np.ones(len(runs)), [x(run) for run in runs]]),
        [run.seed for run in runs],
        which=1,
    )
    return Dependence(fit=fit, slope=slope)


def came(runs: Sequence[Run], x: Callable[[Run], float]) -> dict[float, Estimate]:
    """Return how many runs generalised at each value of what varies, in its order."""
    by_value: dict[float, list[Run]] = {}
    for run in runs:
        by_value.setdefault(x(run), []).append(run)
    return {
        value: count(sum(not time_of(run).censored for run in some), len(some), "runs")
        for value, some in sorted(by_value.items())
    }


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a slope should be, in the words of a verdict.

    Attributes:
        name: Name of the number that decides.
        unit: Its unit.
        number: From a slope to that number, monotone.
        rising: Whether the claim is a positive slope.
        sentence: What was found, with ``{number}`` and ``{late}``.
    """

    name: str
    unit: str
    number: Callable[[float], float]
    rising: bool
    sentence: str


def find(runs: Sequence[Run], x: Callable[[Run], float], counts: Numbers, claim: Claim) -> Finding:
    """Judge the sign of the slope: supported if its interval is on the claim's side of 0."""
    seeds = {run.seed for run in runs}
    late = sum(time_of(run).censored for run in runs)
    if late == len(runs):
        return Finding(outcome="invalid", sentence="No run generalises.", numbers=counts)
    if len(seeds) < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{too_few(len(seeds), 'seed')}: the rule needs {MIN_SEEDS}.",
            numbers=counts,
        )
    try:
        found = dependence(runs, x)
    except TooFewError as error:
        return Finding(outcome="undecided", sentence=f"{error}.", numbers=counts)
    interval = found.slope.interval
    ends = sorted(claim.number(end) for end in (interval.low, interval.high))
    number = Estimate(
        value=claim.number(interval.value),
        low=ends[0],
        high=ends[1],
        n=found.slope.num_clusters,
        unit=claim.unit,
    )
    rises, falls = found.slope.p_above, found.slope.p_below
    clause = Clause(
        number=claim.name,
        holds=rises if claim.rising else falls,
        fails=falls if claim.rising else rises,
    )
    spread = float(np.exp(found.fit.scale))
    return Finding.of(
        decide([clause]),
        sentence=claim.sentence.format(number=number, late=f"{late} of {plural(len(runs), 'run')}"),
        numbers={
            claim.name: number,
            "spread": Estimate(value=spread, low=None, high=None, n=len(runs), unit="1"),
            **counts,
        },
    )
