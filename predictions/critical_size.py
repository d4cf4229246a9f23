"""The critical dataset size, estimated in three ways that the theory says are one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from efficiency import tasks
from efficiency.critical_size import population
from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.statistics import Interval, TooFewError, fit_line, meets
from predictions import efficiency_judge, efficiency_vs_size, scratch, ungrokking
from predictions.efficiency_records import Reading, SeedCurves, Way, matched
from predictions.grounds import GROUNDS
from predictions.judging import MIN_SEEDS, geometric, plural, value_of
from predictions.protocol import Finding, Prediction, Run, Size, VerdictOutcome
from predictions.ratios import Bounds, Ratio
from predictions.ungrokking_records import Sweep, sweeps, usable

RATIO_MARGIN = 1.25
"""Largest ratio of two estimates, either way, that counts as agreement."""

FARTHEST = math.log(3.0)
"""How far outside the sizes at which Mem was measured a crossing is still believed, in log D."""

MAX_LOST = 0.25
"""Largest part of the seeds whose curves are known and do not cross, for a verdict."""


def crossing(
    curve: SeedCurves, at: float, way: Way = "weight decay", reading: Reading = "log_odds"
) -> Interval | None:
    """Return log D where Mem's isologit norm crosses Gen's, with its interval; one seed.

    Mem's log norm is a straight line in log D; Gen's is its mean over dataset sizes, because the
    theory says that it does not depend on them. ``None`` where the line is not known, does not
    rise, or meets Gen's norm far from where it was measured.
    """
    mem = curve.isologit("mem", at, way, reading)
    gen = np.log(list(curve.isologit("gen", at, way, reading).values()))
    if len(mem) < efficiency_judge.MIN_SIZES or len(gen) < 2:
        return None
    nearest, farthest = math.log(min(mem)) - FARTHEST, math.log(max(mem)) + FARTHEST
    try:
        line = fit_line(np.log(list(mem)), np.log(list(mem.values())))
        error = float(gen.std(ddof=1) / math.sqrt(len(gen)))
        found = meets(line, float(gen.mean()), error, len(gen) - 1)
    except TooFewError:
        return None
    inside = nearest <= found.low and found.high <= farthest
    return found if line.slope > 0 and inside else None


def crossing_of_lines(curve: SeedCurves, at: float) -> float | None:
    """Return log D where both lines cross if Gen's norm goes on with D as it does where measured.

    Gen is measured above D_crit only, so that ``crossing`` assumes it flat from there on down.
    """
    lines = {}
    for arm in efficiency_judge.ARMS:
        norms = curve.isologit(arm, at)
        if len(norms) < efficiency_judge.MIN_SIZES:
            return None
        lines[arm] = np.polyfit(np.log(list(norms)), np.log(list(norms.values())), 1)
    (mem_slope, mem_start), (gen_slope, gen_start) = lines["mem"], lines["gen"]
    if mem_slope <= gen_slope:
        return None
    return float((gen_start - mem_start) / (mem_slope - gen_slope))


@dataclass(frozen=True, kw_only=True)
class Seed:
    """What one seed says, in natural logarithms of D.

    Attributes:
        crossing: Of Mem's isologit norm with Gen's.
        ungrokking: For each weight decay, bounds on the midpoint of ungrokking.
        at_one: The same at λ = 1, at which networks are trained from scratch.
        scratch: Bounds on the midpoint of grokking from scratch.
        gen_norm: Gen's isologit norm, geometric mean over D; known if both curves are.
    """

    crossing: Interval | None = None
    ungrokking: Sequence[Bounds] = ()
    at_one: Bounds | None = None
    scratch: Bounds | None = None
    gen_norm: float | None = None

    @property
    def lost(self) -> bool:
        """Whether both curves are known and do not cross."""
        return self.gen_norm is not None and self.crossing is None

    @property
    def midpoint(self) -> Bounds | None:
        """Bounds on the midpoint of ungrokking, weight decays averaged; ``None`` if unknown."""
        if not self.ungrokking:
            return None
        low, high = np.mean(self.ungrokking, axis=0)
        return float(low), float(high)


class CriticalSize(Prediction):
    """D_crit three ways (paper, sections 3.2 and 5; agreement has not been measured before)."""

    name: ClassVar[str] = "critical-size"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "The critical dataset size"
    claim: ClassVar[str] = (
        "The dataset size at which Mem and Gen are equally efficient is the one below which "
        "networks ungrok."
    )
    rule: ClassVar[str] = (
        "Seed by seed: (i) the D at which Mem's isologit norm, a straight line in log D, crosses "
        "Gen's; (ii) the D' at which accuracy crosses the middle between chance and 1 in "
        "ungrokking, weight decays averaged. Supported if the 95% interval over seeds of the "
        f"ratio (i)/(ii) lies within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}; refuted if it lies "
        f"outside. Undecided otherwise, with fewer than {MIN_SEEDS} seeds that have both, or if "
        f"curves of more than {MAX_LOST:.0%} of the seeds do not cross. Invalid if no seed has "
        "both. Accuracy is that on novel pairs, as in ungrokking. (iii), the midpoint of grokking "
        "from scratch within the budget, is reported with its ratio to (ii), the width of the "
        "hysteresis; it is in no rule, because the theory leaves it open."
    )
    criterion: ClassVar[str] = f"ratio within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}"
    refutation: ClassVar[str] = "Equal efficiency and ungrokking at sizes that differ."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What efficiency and ungrokking assume; a seed counts for (i) and for (ii) as it does "
        "there.",
        "Mem's log norm is a straight line in log D.",
        "Gen's norm, measured above the critical size, is the same below it. A Gen whose norm went "
        "on with D to a power within the margin of efficiency would move the crossing by up to "
        "the margin here and beyond; the crossing of both lines is reported beside it.",
        "Both (ii) and (iii) belong to their budgets: (ii) still falls, and (iii) would come down "
        "with more steps, so that the hysteresis is at most what is found. Not grokked within the "
        "budget is censoring: it bounds the midpoint of (iii) from below.",
        "Logarithms of the estimates, and of their ratios within a seed, are normal over seeds.",
    )
    power: ClassVar[str] = (
        "8 seeds support the claim in at least 8 of 10 experiments if both are equal and their log "
        "ratio spreads by 0.15 between seeds (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Left: the three estimates of every seed with their intervals (arrows: censored), and "
        "means. Right: midpoint of ungrokking against crossing, seed by seed, with the line of "
        "equality and the margin."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "crossing": "(i) equal isologit norms, weight-decay way, log-odds",
        "ungrokking_midpoint": "(ii)",
        "from_scratch_midpoint": "(iii) half of the accuracy within the budget",
        "crossing_to_midpoint": "(i)/(ii) within a seed",
        "hysteresis": "(iii)/(ii) within a seed, both at weight decay 1",
        "crossing_of_lines": "(i) if Gen's norm goes on with D as it does where measured",
        "crossing_fixed_norm": "(i) between networks held at fixed norms",
        "crossing_margin": "(i) read in margins",
        "slope_between_seeds": "of log (ii) on log (i) over seeds with both: above 0 if seeds that "
        "cross later ungrok later; noise in (i) takes it below 1 even where they agree",
        "rank_correlation": "Spearman's, of Gen's isologit norm with (ii) over seeds: above 0 if a "
        "seed whose Gen is less efficient ungroks at a larger D'",
        "seed": "(i), (ii) and (iii) of one seed; intervals of (i) by Fieller over sizes, of (ii) "
        "over weight decays, of (iii) the sizes on either side",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        d, ground = scratch.DESIGNS[size], GROUNDS[size]
        return (
            "The runs of efficiency, of ungrokking's main arm and of semi-grokking, on the same "
            f"{len(ground.seeds(num_seeds))} seeds: {ground.describe()}; budget from scratch "
            f"{d.num_steps:,} steps. {len(self.settings(size, num_seeds))} runs."
        )

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        seeds = GROUNDS[size].seeds(num_seeds)
        every = [*_curves_arm(size, seeds), *ungrokking.main_arm(size, seeds)]
        every += scratch.scratch_arm(size, seeds)
        return list(dict.fromkeys(every))

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        by_seed, at, notes = read(size, runs)
        return _find(by_seed, _other_crossings(size, runs), at, notes)


def _curves_arm(size: Size, seeds: Sequence[int]) -> list[RunSettings]:
    return efficiency_vs_size.mem_arm(size, seeds) + efficiency_vs_size.gen_arm(size, seeds)


def _parts(size: Size, runs: Sequence[Run]) -> tuple[list[Run], list[Run], list[Run]]:
    """Return the runs of (i), (ii) and (iii); start networks belong to two of them."""
    seeds = sorted({run.settings.data_seed for run in runs})
    wanted = (
        _curves_arm(size, seeds),
        ungrokking.main_arm(size, seeds),
        scratch.scratch_arm(size, seeds),
    )
    curves, ungrokked, scratched = (
        [run for run in runs if run.settings in arm] for arm in map(set, wanted)
    )
    return curves, ungrokked, scratched


def read(size: Size, runs: Sequence[Run]) -> tuple[dict[int, Seed], float, tuple[str, ...]]:
    """Return what every seed says, the matched log-odds, and what was left out and why."""
    curve_runs, ungrokked, scratched = _parts(size, runs)
    curves, at, notes = efficiency_judge.usable(curve_runs)
    continued, more = usable(ungrokked)
    starting, most = scratch.usable(scratched)
    crossings = {curve.seed: crossing(curve, at) for curve in curves}
    gen_norms = {
        curve.seed: float(np.exp(np.mean(np.log(list(curve.isologit("gen", at).values())))))
        for curve in curves
    }
    # ``sweeps`` keeps the order of the start networks.
    order = list(dict.fromkeys(one.start.data_seed for one in continued))
    by_decay = dict(zip(order, sweeps(continued), strict=True))
    midpoints = {
        seed: [sweep.crossing.threshold for sweep in several.values()]
        for seed, several in by_decay.items()
    }
    at_one = {
        seed: several[1.0].crossing.threshold
        for seed, several in by_decay.items()
        if 1.0 in several
    }
    begun = {seed: _scratch_bounds(by_size) for seed, by_size in starting.items()}
    found = {
        seed: Seed(
            crossing=crossings.get(seed),
            ungrokking=midpoints.get(seed, ()),
            at_one=at_one.get(seed),
            scratch=begun.get(seed),
            gen_norm=gen_norms.get(seed),
        )
        for seed in sorted(crossings.keys() | midpoints.keys() | begun.keys())
    }
    lost = [
        f"Seed {seed} has no crossing: Mem's norm does not clearly rise with D, or meets Gen's far "
        "from where it was measured."
        for seed, one in found.items()
        if one.lost
    ]
    return found, at, tuple(sorted({*notes, *more, *most, *lost}))


def _scratch_bounds(by_size: Mapping[int, Run]) -> Bounds:
    """Return bounds on log D at which half of the accuracy is reached within the budget."""
    task = next(iter(by_size.values())).settings.task
    sweep = Sweep(
        sizes=tuple(by_size),
        accuracy=tuple(value_of(run, "novel_accuracy") for run in by_size.values()),
        num_symbols=tasks.num_symbols(task.operation, task.size),
    )
    return sweep.crossing.threshold


def _other_crossings(size: Size, runs: Sequence[Run]) -> dict[str, Estimate]:
    """Return (i) by the other way along the curve, and by another reading."""
    curves, at, _ = efficiency_judge.usable(_parts(size, runs)[0])
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
    outcome: VerdictOutcome = "undecided"
    if enough and ratio.within(RATIO_MARGIN):
        outcome = "supported"
    elif enough and ratio.beyond(RATIO_MARGIN):
        outcome = "refuted"
    return Finding(
        outcome=outcome,
        sentence=f"At log-odds {at:.1f} Mem and Gen are equally efficient at D = "
        f"{numbers['crossing']}, and networks ungrok at D' = {numbers['ungrokking_midpoint']}: "
        f"a ratio of {ratio.estimate} ({plural(len(both), 'seed')}; margin {RATIO_MARGIN:g}).",
        numbers=numbers,
        deciding="crossing_to_midpoint",
        p_value=ratio.p_value(RATIO_MARGIN) if enough else 1.0,
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
