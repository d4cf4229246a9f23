"""What every seed says of the critical dataset size, in three ways."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from efficiency import tasks
from efficiency.lines import fit_line, meets
from efficiency.settings import RunSettings
from efficiency.statistics import Interval, TooFewError
from predictions import efficiency_judge, efficiency_vs_size, scratch, ungrokking
from predictions.efficiency_records import Reading, SeedCurves, Way
from predictions.grounds import Ground
from predictions.judging import value_of
from predictions.protocol import Run
from predictions.ratios import Bounds
from predictions.ungrokking_records import Sweep, sweeps, usable

FARTHEST = math.log(3.0)
"""How far outside the sizes at which Mem was measured a crossing is still believed, in log D."""


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


def curves_arm(ground: Ground, seeds: Sequence[int]) -> list[RunSettings]:
    """Return the runs of efficiency."""
    return efficiency_vs_size.mem_arm(ground, seeds) + efficiency_vs_size.gen_arm(ground, seeds)


def parts(ground: Ground, runs: Sequence[Run]) -> tuple[list[Run], list[Run], list[Run]]:
    """Return the runs of (i), (ii) and (iii); start networks belong to two of them."""
    seeds = sorted({run.settings.data_seed for run in runs})
    wanted = (
        curves_arm(ground, seeds),
        ungrokking.main_arm(ground, seeds),
        scratch.scratch_arm(ground, seeds),
    )
    curves, ungrokked, scratched = (
        [run for run in runs if run.settings in arm] for arm in map(set, wanted)
    )
    return curves, ungrokked, scratched


def read(ground: Ground, runs: Sequence[Run]) -> tuple[dict[int, Seed], float, tuple[str, ...]]:
    """Return what every seed says, the matched log-odds, and what was left out and why."""
    curve_runs, ungrokked, scratched = parts(ground, runs)
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
