"""What each seed says: the critical size foretold of it, and where it ungroks after how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from efficiency.statistics import critical_size
from efficiency.statistics.intervals import FloatArray, Interval, TooFewError, greater_p
from efficiency.statistics.jackknife import pseudo_values
from efficiency.statistics.lines import Line, fit_line
from predictions.cells import Run, by_arm
from predictions.circuit_efficiency.critical_size.arms import (
    LENGTHS,
    ForetoldSize,
    foretold_interval,
)
from predictions.sizes import Size
from predictions.stages import Foretold

STILL = 0.01
"""Rise of the mean log midpoint, while training gets four times as long, that counts as none."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """What is known of one seed, in natural logarithms of D.

    Attributes:
        seed: Its number.
        foretold: D_crit with its 95% interval.
        gen_error: Standard error of Gen's log isologit norm.
        mem_norms: Mem's isologit norm by D.
        midpoints: Where half of the accuracy is retained, after each of ``LENGTHS``; the end of the
            sizes where that lies beyond them.
        beyond: Whether it lies beyond them at one of these.
    """

    seed: int
    foretold: Interval
    gen_error: float
    mem_norms: Mapping[int, float]
    midpoints: tuple[float, ...]
    beyond: bool

    @cached_property
    def mem_line(self) -> Line:
        """Mem's log isologit norm on log D."""
        return fit_line(np.log(list(self.mem_norms)), np.log(list(self.mem_norms.values())))

    def residuals(self) -> dict[int, float]:
        """Return what Mem's log norms lie above that line, by D."""
        line = self.mem_line
        return {
            D: math.log(norm) - line.intercept - line.slope * math.log(D)
            for D, norm in self.mem_norms.items()
        }


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One way in which midpoints may have a limit.

    Attributes:
        p_value: The smallest 1 − confidence at which they have it in this way.
        rest: (n,) pseudo-values by seed of what the mean log midpoint still rises by; their mean
            for a seed that is beyond its sizes.
    """

    p_value: float
    rest: FloatArray


@dataclass(frozen=True, kw_only=True)
class Records:
    """What all seeds say.

    Attributes:
        seeds: Those of which D_crit was foretold, and observed.
        num_lost: Those whose circuits are known, and that are not among these.
        num_uncounted: Those whose circuits are not known.
        notes: What was left out and why.
    """

    seeds: tuple[Seed, ...]
    num_lost: int
    num_uncounted: int
    notes: tuple[str, ...]

    def bracketed(self) -> Records:
        """Return the same with seeds that ungrok beyond their sizes counted as lost.

        The end of the sizes is a multiple of what was foretold: it would agree with that seed by
        seed whatever the network does.
        """
        inside = tuple(one for one in self.seeds if not one.beyond)
        lost = self.num_lost + len(self.seeds) - len(inside)
        return replace(self, seeds=inside, num_lost=lost)

    @cached_property
    def foretold(self) -> FloatArray:
        """(n,) log D_crit as foretold."""
        return np.array([one.foretold.value for one in self.seeds])

    @cached_property
    def midpoints(self) -> FloatArray:
        """(n, lengths) log midpoints."""
        return np.array([one.midpoints for one in self.seeds])

    @cached_property
    def rises(self) -> FloatArray:
        """(m, lengths − 1) rises of log midpoints to the next length, of seeds not beyond."""
        inside = [one.midpoints for one in self.seeds if not one.beyond]
        return np.diff(np.array(inside).reshape(-1, len(LENGTHS)), axis=1)

    @cached_property
    def _residuals(self) -> pd.DataFrame:
        """A row for each seed and a column for each D: what Mem's log norm lies above its line."""
        found = pd.DataFrame([one.residuals() for one in self.seeds])
        return found[sorted(found.columns)]

    @cached_property
    def straightened(self) -> FloatArray:
        """(n,) log D at which Gen's norm is met by Mem's line and what all seeds lie off it.

        Mem's norm is not quite straight in log D, in the same way in every seed. A line foretells
        well in the mean, and spreads seeds too much or too little where the curve is steeper or
        flatter than it.
        """
        bend = self._residuals.mean()
        ends = np.log([bend.index[0], bend.index[-1]])
        grid = np.linspace(ends[0] - 1.5, ends[1] + 1.5, 3001)
        common = np.interp(grid, np.log(list(bend.index)), bend.to_numpy())
        found = []
        for one in self.seeds:
            line = one.mem_line
            height = line.intercept + line.slope * one.foretold.value
            curve = np.maximum.accumulate(line.intercept + line.slope * grid + common)
            found.append(float(np.interp(height, curve, grid)))
        return np.array(found)

    @cached_property
    def errors(self) -> FloatArray:
        """(n,) standard errors of what was foretold of each seed, from the scatter of its norms.

        That is their scatter around its line, less what all seeds have in common: each line has
        taken two degrees of freedom, the means over seeds one of every size.
        """
        residuals = self._residuals
        apart = residuals - residuals.mean()
        free = residuals.count().sum() - 2 * len(self.seeds) - (residuals.shape[1] - 2)
        variance = float(np.nansum(apart.to_numpy() ** 2)) / free if free > 0 else math.nan
        found = []
        for one in self.seeds:
            line, x = one.mem_line, np.array([1.0, one.foretold.value])
            own = float(x @ line.covariance @ x) / line.variance if line.variance else 0.0
            found.append(math.sqrt(variance * own + one.gen_error**2) / line.slope)
        return np.array(found)

    def limits(self) -> list[Limit]:
        """Return what midpoints may still rise by, in the two ways that they may have a limit.

        They no longer rise: by less than ``STILL`` at the last, and no farther. Or rises become
        smaller, and go on to shrink by the factor that they last did, a geometric series of lengths
        that are always four times as long; the factor is that of the means over seeds. Neither is
        there with fewer than three seeds, the second not where the mean rise does not shrink, of
        all seeds or of all but one.
        """
        if len(self.rises) < 3:
            return []
        before, last = self.rises[:, -2], self.rises[:, -1]
        inside = np.array([not one.beyond for one in self.seeds])
        found = [Limit(p_value=greater_p(-last, -STILL), rest=np.zeros(len(inside)))]

        def sum_of_rest(rows: FloatArray) -> float:
            first, second = rows.mean(axis=0)[-2:]
            return float(second**2 / (first - second)) if first > second else math.nan

        try:
            known = pseudo_values(self.rises, sum_of_rest)
        except TooFewError:
            return found
        rest = np.full(len(inside), known.mean())
        rest[inside] = known
        return [*found, Limit(p_value=greater_p(before - last, 0.0), rest=rest)]


def read(prediction: ForetoldSize, size: Size, runs: Sequence[Run]) -> Records:
    """Return what runs of all stages say."""
    found, notes, lost, uncounted = [], [], 0, 0
    for seed, arms in by_arm(runs).items():
        foretold = prediction.said.get(seed, ({"critical_size": None, "why_none": "unknown"},))[0]
        if foretold["critical_size"] is None:
            # Where both norms are known and do not meet, the theory says nothing of the seed, and
            # that speaks against it.
            known = "gen_norm" in foretold
            lost, uncounted = lost + known, uncounted + (not known)
            notes.append(f"Of seed {seed} nothing was foretold: {foretold['why_none']}.")
            continue
        one = _seed(seed, foretold, arms)
        if isinstance(one, str):
            lost += 1
            notes.append(f"Seed {seed} is left out: {one}.")
            continue
        found.append(one)
        if one.beyond:
            notes.append(f"Seed {seed} ungroks beyond the sizes that it was continued on.")
    return Records(seeds=tuple(found), num_lost=lost, num_uncounted=uncounted, notes=tuple(notes))


def _seed(seed: int, foretold: Foretold, arms: dict[str, list[Run]]) -> Seed | str:
    continued = arms.get("continued", [])
    if why := _why_not(continued):
        return why
    by_length = [
        _midpoint(continued, run_length)
        for run_length in (continued[0].settings.num_steps * x // LENGTHS[-1] for x in LENGTHS)
    ]
    return Seed(
        seed=seed,
        foretold=foretold_interval(foretold),
        gen_error=float(foretold["gen_error"]),
        mem_norms={int(D): float(norm) for D, norm in foretold["mem_norms"].items()},
        midpoints=tuple(midpoint for midpoint, _ in by_length),
        beyond=any(outside for _, outside in by_length),
    )


def _why_not(continued: Sequence[Run]) -> str | None:
    """Return why the continued networks of a seed do not count, if they do not."""
    for run in continued:
        at = f"its network continued on {run.dataset_size} examples"
        if run.outcome.status == "diverged":
            return f"{at} diverged"
        if (fit := run.number("train_accuracy")) != 1:
            return f"{at} no longer fits them (training accuracy {fit:.3f})"
    return None if len(continued) > 1 else "it was not continued"


def _midpoint(continued: Sequence[Run], steps: int) -> tuple[float, bool]:
    """Return the log midpoint after so many steps, and whether it lies beyond the sizes."""
    by_size = sorted(continued, key=lambda run: run.dataset_size)
    task = by_size[0].task
    low, high = critical_size.crossing(
        [run.dataset_size for run in by_size],
        critical_size.retained(
            [accuracy_after(run, steps) for run in by_size],
            task.num_classes,
        ),
    ).threshold
    if math.isfinite(low + high):
        return (low + high) / 2, False
    return (low if math.isfinite(low) else high), True


def accuracy_after(run: Run, steps: int) -> float:
    """Return the accuracy on novel pairs after so many steps: the median of their last quarter."""
    history = run.history
    tail = history[(history["step"] > 0.75 * steps) & (history["step"] <= steps)]
    return float(tail["novel_accuracy"].median())
