"""The judge of the critical size: from what every seed says to a finding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from efficiency.critical_size import population
from efficiency.estimates import Estimate
from efficiency.lines import fit_line
from efficiency.statistics import TooFewError
from predictions import efficiency_judge
from predictions.clauses import Clause, decide
from predictions.critical_size_records import Seed, crossing, crossing_of_lines, parts, read
from predictions.efficiency_records import matched
from predictions.grounds import Ground
from predictions.judging import MIN_SEEDS, geometric, plural
from predictions.protocol import Finding, Run
from predictions.ratios import Bounds, Ratio

RATIO_MARGIN = 1.25
"""Largest ratio of two estimates, either way, that counts as agreement."""

MAX_LOST = 0.25
"""Largest part of the seeds whose curves are known and do not cross, for a verdict."""


def find(ground: Ground, runs: Sequence[Run]) -> Finding:
    """Apply the rule of ``CriticalSize`` to runs of all three arms, in any order."""
    by_seed, at, notes = read(ground, runs)
    return _find(by_seed, _other_crossings(ground, runs), at, notes)


def _other_crossings(ground: Ground, runs: Sequence[Run]) -> dict[str, Estimate]:
    """Return (i) by the other way along the curve, and by another reading."""
    curves, at, _ = efficiency_judge.usable(parts(ground, runs)[0])
    numbers = {}
    if curves:
        margin = matched(curves, "margin")
        for name, found in (
            ("crossing_fixed_norm", [crossing(curve, at, "fixed norm") for curve in curves]),
            ("crossing_margin", [crossing(curve, margin, reading="margin") for curve in curves]),
        ):
            values = [math.exp(one.value) for one in found if one is not None]
            if len(values) > 1:
                numbers[name] = geometric(values, unit="examples")
        of_lines = [one for curve in curves if (one := crossing_of_lines(curve, at)) is not None]
        if len(of_lines) > 1:
            numbers["crossing_of_lines"] = geometric(
                [math.exp(x) for x in of_lines], unit="examples"
            )
    return numbers


def _find(
    by_seed: Mapping[int, Seed],
    others: dict[str, Estimate],
    at: float,
    notes: tuple[str, ...],
) -> Finding:
    both = {
        seed: one
        for seed, one in by_seed.items()
        if one.crossing is not None and one.midpoint is not None
    }
    if not both:
        return Finding(
            outcome="invalid",
            sentence="No seed has both a crossing and a midpoint of ungrokking.",
            notes=notes,
        )
    per_seed = _per_seed(by_seed)
    if len(both) < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{plural(len(both), 'seed')} with a crossing and a midpoint are too few: the "
            f"rule needs {MIN_SEEDS}.",
            numbers=per_seed,
            notes=notes,
        )
    logs = {seed: one.crossing.value for seed, one in both.items() if one.crossing is not None}
    midpoints = {seed: one.midpoint for seed, one in both.items() if one.midpoint is not None}
    ratio = Ratio.of([(logs[s], logs[s]) for s in both], [midpoints[s] for s in both])
    numbers: dict[str, Estimate] = {
        "crossing_to_midpoint": ratio.estimate,
        "crossing": geometric([math.exp(x) for x in logs.values()], unit="examples"),
        "ungrokking_midpoint": population(
            [one.ungrokking for one in by_seed.values() if one.ungrokking], unit="examples"
        ),
    }
    begun = [one.scratch for one in by_seed.values() if one.scratch is not None]
    if len(begun) > 1:
        numbers["from_scratch_midpoint"] = population([[b] for b in begun], unit="examples")
    pairs = [
        (one.scratch, one.at_one)
        for one in by_seed.values()
        if one.scratch is not None and one.at_one is not None
    ]
    if len(pairs) > 1:
        numbers["hysteresis"] = Ratio.of([a for a, _ in pairs], [b for _, b in pairs]).estimate
    numbers |= others | _between_seeds(both) | per_seed
    lost = sum(one.lost for one in by_seed.values())
    enough = lost <= MAX_LOST * (lost + len(both))
    clause = Clause(
        number="crossing_to_midpoint",
        holds=ratio.p_within(RATIO_MARGIN) if enough else 1.0,
        fails=ratio.p_beyond(RATIO_MARGIN) if enough else 1.0,
    )
    return Finding.of(
        decide([clause]),
        sentence=f"At log-odds {at:.1f} Mem and Gen are equally efficient at D = "
        f"{numbers['crossing']}, and networks ungrok at D' = {numbers['ungrokking_midpoint']}: "
        f"a ratio of {ratio.estimate} ({plural(len(both), 'seed')}; margin {RATIO_MARGIN:g}).",
        numbers=numbers,
        notes=notes,
    )


def _between_seeds(both: Mapping[int, Seed]) -> dict[str, Estimate]:
    """Return whether seeds that cross later ungrok later; intervals over seeds."""
    rows = [
        (one.crossing.value, sum(one.midpoint) / 2, one.gen_norm)
        for one in both.values()
        if one.crossing is not None
        and one.midpoint is not None
        and one.gen_norm is not None
        and math.isfinite(sum(one.midpoint))
    ]
    if len(rows) < 4:
        return {}
    crossings, midpoints, norms = (np.array(column) for column in zip(*rows, strict=True))
    numbers = {}
    try:
        line = fit_line(crossings, midpoints)
    except TooFewError:
        pass
    else:
        half = float(stats.t.ppf(0.975, line.dof)) * math.sqrt(line.covariance[1, 1])
        numbers["slope_between_seeds"] = Estimate(
            value=line.slope, low=line.slope - half, high=line.slope + half, n=len(rows), unit="1"
        )
    rho = float(stats.spearmanr(norms, midpoints).statistic)
    if math.isfinite(rho) and abs(rho) < 1:
        # Fisher's z, with the variance that ranks need (Bonett & Wright 2000).
        half = 1.96 * math.sqrt((1 + rho**2 / 2) / (len(rows) - 3))
        numbers["rank_correlation"] = Estimate(
            value=rho,
            low=math.tanh(math.atanh(rho) - half),
            high=math.tanh(math.atanh(rho) + half),
            n=len(rows),
            unit="1",
        )
    return numbers


def _per_seed(by_seed: Mapping[int, Seed]) -> dict[str, Estimate]:
    """Return the three estimates of every seed that has them."""
    numbers = {}
    for seed, one in by_seed.items():
        if one.crossing is not None:
            low, value, high = map(
                math.exp, (one.crossing.low, one.crossing.value, one.crossing.high)
            )
            numbers[f"seed_{seed}_crossing"] = Estimate(
                value=value, low=low, high=high, n=1, unit="examples"
            )
        if one.ungrokking:
            numbers[f"seed_{seed}_ungrokking"] = _over_sweeps(one.ungrokking)
        if one.scratch is not None:
            numbers[f"seed_{seed}_from_scratch"] = _bracket(one.scratch)
    return numbers


def _over_sweeps(sweeps_of_seed: Sequence[Bounds]) -> Estimate:
    """Return a seed's midpoint with its interval over weight decays, where there are enough."""
    estimate = population([[one] for one in sweeps_of_seed], unit="examples")
    return estimate if len(sweeps_of_seed) > 1 else _bracket(sweeps_of_seed[0])


def _bracket(log_bounds: Bounds) -> Estimate:
    """Return what lies between two sizes: their geometric mean, the sizes as its interval."""
    low, high = (math.exp(x) if math.isfinite(x) else None for x in log_bounds)
    closed = low is not None and high is not None
    return Estimate(
        value=math.exp(sum(log_bounds) / 2) if closed else None,
        low=low,
        high=high,
        n=1,
        unit="examples",
        status="measured" if closed else "censored",
    )
