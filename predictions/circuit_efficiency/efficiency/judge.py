"""The judge of efficiency: from settled networks to a finding, by the prediction's rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from efficiency.analysis.logit_subspaces import SUBSPACES
from efficiency.estimates import Estimate
from predictions.cells import Run
from predictions.circuit_efficiency.efficiency.reading import (
    READINGS,
    Arm,
    Reading,
    SeedCurves,
    Way,
    curves,
    matched,
    over_curves,
    slope,
)
from predictions.clauses import above, decide, within
from predictions.judging import MIN_SEEDS, geometric, over_seeds, plural
from predictions.labelled import Labelled, Numbers
from predictions.verdicts import Finding

MARGIN = 0.1
"""Largest slope of log norm on log D that counts as none: a third of what Mem's was at other sizes
before these runs."""

MIN_SHARE = 0.95
"""Least share of a generalising network's logit norm in Gen's subspace (paper, Figure 3). Ours is
the answer subspace: networks that generalise perfectly may know answers by more than their waves,
and then have as little as 0.75 in the trigonometric one."""

MIN_SIZES = 3
"""Dataset sizes of each arm from which a slope is read."""

ARMS: tuple[Arm, Arm] = ("mem", "gen")


def usable(runs: Sequence[Run]) -> tuple[list[SeedCurves], float, list[str]]:
    """Return the seeds that count, the matched log-odds ŝ, and why others do not count."""
    notes, found = [], []
    for curve in curves(runs):
        why = _why_not(curve)
        if why is None:
            found.append(curve)
        else:
            notes.append(f"Seed {curve.seed} is left out: {why}.")
    if not found:
        return [], 0.0, notes
    at = matched(found)
    counted = []
    for curve in found:
        known = {arm: len(curve.isologit(arm, at)) for arm in ARMS}
        few = [f"{arm.title()} at {n}" for arm, n in known.items() if n < MIN_SIZES]
        if few:
            notes.append(
                f"Seed {curve.seed} is left out: its isologit norm is known only for "
                f"{' and '.join(few)} sizes."
            )
        else:
            counted.append(curve)
    return counted, at, notes


def _why_not(curve: SeedCurves) -> str | None:
    if curve.start_problem is not None:
        return curve.start_problem
    if ("gen", "answer") not in curve.shares or ("mem", "answer") not in curve.shares:
        return "none of its generalising or none of its memorising networks has settled"
    share = float(np.mean(curve.shares["gen", "answer"]))
    if share < MIN_SHARE:
        return f"Gen's share of the logit norm is {share:.3f}, below {MIN_SHARE:g}"
    return None


def find(runs: Sequence[Run]) -> Finding:
    """Apply the rule of ``Efficiency`` to the networks of both arms, in any order."""
    counted, at, left_out = usable(runs)
    notes = tuple(left_out)
    if not counted:
        return Finding(
            outcome="invalid",
            sentence="No seed counts.",
            notes=notes,
        )
    if len(counted) < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{plural(len(counted), 'seed')} that count are too few: the rule needs "
            f"{MIN_SEEDS}.",
            notes=notes,
        )
    slopes = {arm: slopes_of(counted, arm, at) for arm in ARMS}
    numbers: Numbers = {
        "mem_slope": over_seeds(slopes["mem"].values()),
        "gen_slope": over_seeds(slopes["gen"].values()),
        "matched_log_odds": Estimate(value=at, low=None, high=None, n=len(counted), unit="nats"),
    }
    numbers |= _norms(counted, at) | _other_ways(counted, at) | _kappas(counted)
    numbers |= _shares(counted, at)
    decision = decide(
        [above("mem_slope", slopes["mem"], MARGIN), within("gen_slope", slopes["gen"], MARGIN)]
    )
    return Finding.of(
        decision,
        sentence=f"At log-odds {at:.1f} Mem's norm grows as D to the power {numbers['mem_slope']}, "
        f"Gen's to the power {numbers['gen_slope']} ({plural(len(counted), 'seed')}; margin "
        f"±{MARGIN:g}).",
        numbers=numbers,
        notes=notes,
    )


def slopes_of(
    counted: Sequence[SeedCurves],
    arm: Arm,
    at: float | None,
    way: Way = "weight decay",
    reading: Reading = "log_odds",
) -> dict[int, float]:
    """Return each seed's slope of log P on log D; ``at`` is its own median where not given."""

    def of_seed(curve: SeedCurves) -> float | None:
        logits = curve.logits(arm, reading, way)
        if not logits:
            return None
        matched_logit = float(np.median(logits)) if at is None else at
        return slope(curve.isologit(arm, matched_logit, way, reading))

    return over_curves(counted, of_seed)


def _norms(counted: Sequence[SeedCurves], at: float) -> Numbers:
    """Return the isologit norm at every size that two seeds know."""
    numbers: Numbers = {}
    for arm in ARMS:
        known = [curve.isologit(arm, at) for curve in counted]
        for D in sorted({D for norms in known for D in norms}):
            values = [norms[D] for norms in known if D in norms]
            if len(values) > 1:
                numbers[Labelled(f"{arm}_norm", dataset_size=D)] = geometric(values)
    return numbers


def _other_ways(counted: Sequence[SeedCurves], at: float) -> Numbers:
    """Return the slopes by the other way along the curve and by the other readings."""
    numbers: Numbers = {}
    for arm in ARMS:
        slopes = {"fixed_norm": slopes_of(counted, arm, at, "fixed norm")}
        for reading in READINGS[1:]:
            ours = matched(counted, reading) if reading == "margin" else None
            slopes[reading] = slopes_of(counted, arm, ours, reading=reading)
        slopes["plain_ratio"] = over_curves(counted, partial(_plain, arm=arm))
        for name, values in slopes.items():
            if len(values) > 1:
                numbers[f"{arm}_slope_{name}"] = over_seeds(values.values())
    return numbers


def _plain(curve: SeedCurves, arm: Arm) -> float | None:
    """Return the slope of the plain ratio norm / log-odds at λ = 1."""
    ratios = {
        D: point.norm / point.logits["log_odds"]
        for D in curve.sizes(arm, "weight decay")
        for point in curve.points[arm, "weight decay"][D]
        if point.weight_decay == 1
    }
    return slope(ratios)


def _kappas(counted: Sequence[SeedCurves]) -> Numbers:
    """Return κ by both readings and both ways, where two seeds have it."""
    numbers: Numbers = {}
    ways: dict[str, tuple[Reading, Way]] = {
        "": ("centred_logit", "fixed norm"),
        "_log_odds": ("log_odds", "fixed norm"),
        "_weight_decay": ("log_odds", "weight decay"),
    }
    for arm in ARMS:
        for name, (reading, way) in ways.items():
            values = over_curves(
                counted, partial(SeedCurves.kappa, arm=arm, reading=reading, way=way)
            )
            if len(values) > 1:
                numbers[f"kappa_{arm}{name}"] = over_seeds(values.values())
    return numbers


def _shares(counted: Sequence[SeedCurves], at: float) -> Numbers:
    numbers: Numbers = {
        f"{arm}_share{'' if subspace == 'answer' else f'_{subspace}'}": over_seeds(
            [float(np.mean(curve.shares[arm, subspace])) for curve in counted], least=0.0, most=1.0
        )
        for arm in ARMS
        for subspace in SUBSPACES
        if all((arm, subspace) in curve.shares for curve in counted)
    }
    settled, trained = (
        sum(getattr(curve, name) for curve in counted) for name in ("num_settled", "num_runs")
    )
    numbers["share_of_runs_settled"] = Estimate(
        value=settled / trained, low=None, high=None, n=trained, unit="1"
    )
    known = [len(curve.isologit(arm, at)) for curve in counted for arm in ARMS]
    there = [len(curve.all_sizes[arm]) for curve in counted for arm in ARMS]
    numbers["share_of_isologit_norms_known"] = Estimate(
        value=sum(known) / sum(there), low=None, high=None, n=sum(there), unit="1"
    )
    return numbers
