"""The runs of a seed: its circuits, measured; then its ungrokking around what they foretell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from scipy import optimize

from efficiency import operations
from efficiency.settings import RecordingSettings, Regime, RunSettings
from efficiency.statistics.intervals import Interval
from predictions.cells import Cell, Run, by_arm
from predictions.circuit_efficiency.critical_size.crossings import (
    FARTHEST,
    SCALING,
    Crossing,
    crossing,
)
from predictions.circuit_efficiency.efficiency.claim import gen_at_one, mem_at_one
from predictions.circuit_efficiency.efficiency.judge import MIN_SHARE
from predictions.designs import DatasetSizes, Part
from predictions.grounds import FEWEST_EXAMPLES, Ground, ground, schedule
from predictions.judging import final_accuracy
from predictions.sizes import SIZES, Size
from predictions.stages import Foretold, Staged

LENGTHS = (1, 4, 16)
"""Lengths at which ungrokking is read, in units of the shortest."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size, on the ground of ``predictions.grounds``.

    Attributes:
        mem_sizes: D at which Mem is measured: near enough to where it may meet Gen for a straight
            line.
        gen_sizes: D at which Gen is measured, above any that is foretold.
        shortest: Steps of the shortest length at which ungrokking is read.
        learning_rate: η of all networks but the start: the longer a network has settled, the
            smaller an η throws it out again, and the wider it is the more so.
    """

    mem_sizes: DatasetSizes
    gen_sizes: DatasetSizes
    shortest: PositiveInt
    learning_rate: PositiveFloat


DESIGNS = Part[Design](
    "critical-size",
    {
        "smoke": Design(
            mem_sizes=(14, 20, 28, 40), gen_sizes=(70, 95), shortest=1000, learning_rate=3e-3
        ),
        "quick": Design(
            mem_sizes=(120, 160, 213, 284, 378),
            gen_sizes=(400, 560),
            shortest=3000,
            learning_rate=2e-3,
        ),
        "standard": Design(
            mem_sizes=(210, 280, 373, 497, 662),
            gen_sizes=(850, 1200),
            shortest=6000,
            learning_rate=1e-3,
        ),
        # The longest is the paper's 100,000 steps, and quick's in units of η·λ·steps.
        "replication": Design(
            mem_sizes=(470, 625, 830, 1105, 1475),
            gen_sizes=(1560, 2180),
            shortest=6250,
            learning_rate=1e-3,
        ),
        "paper": Design(
            mem_sizes=(400, 560, 784, 1098, 1537),
            gen_sizes=(3000, 5477),
            shortest=100_000,
            learning_rate=1e-3,
        ),
    },
)

SPAN = (0.4, 2.5)
"""Smallest and largest D' that a network is continued on, in units of what was foretold of it."""

NUM_SIZES = 6
"""D' between them, evenly in log D'."""

NUM_FINER = 3
"""D' between the two of those where accuracy falls below the middle: 10% apart."""

MOST_OF_TABLE = 0.9
"""Largest part of the table that a network is continued on: the rest is to be judged by."""

RECORDING = RecordingSettings(num_log=40, num_even=128)
"""The last quarter of the shortest length holds three records at least."""

MEASURE, OBSERVE, REFINE = "measure", "observe", "refine"


def regime_of(on: Ground) -> Regime:
    """Return the labels of Mem: as alike in mirror images as the true ones."""
    commutes = operations.find(on.task.operation).commutes
    return "mirrored" if commutes else "memorising"


def num_steps(on: Ground) -> int:
    """Return the length of all networks of this design."""
    return LENGTHS[-1] * DESIGNS.on(on).shortest


def calm(on: Ground, run: RunSettings) -> RunSettings:
    """Return a run with the schedule that all networks of this design have."""
    return run.model_copy(update={"optimiser": schedule(DESIGNS.on(on).learning_rate, 1.0, 0.25)})


def pure_mem(on: Ground, seed: int, dataset_size: int) -> RunSettings:
    """Return a network that memorises the examples of a seed."""
    return calm(on, mem_at_one(on, seed, dataset_size, num_steps(on), regime_of(on)))


def trained_on(on: Ground, seed: int, dataset_size: int) -> RunSettings:
    """Return what continues the start network of a seed: Gen above D_crit, less below it."""
    return calm(on, gen_at_one(on, seed, dataset_size, num_steps(on)))


def measured(on: Ground, seed: int) -> list[Cell]:
    """Return the runs that Gen and Mem of a seed are measured by."""
    d = DESIGNS.on(on)
    arms = {
        "mem": [pure_mem(on, seed, D) for D in on.scaled(d.mem_sizes)],
        "gen": [trained_on(on, seed, D) for D in on.scaled(d.gen_sizes)],
    }
    start = Cell(stage=MEASURE, role="start", settings=on.start(seed))
    return [start] + [
        Cell(stage=MEASURE, arm=arm, settings=run) for arm, runs in arms.items() for run in runs
    ]


def sizes_around(on: Ground, size: float) -> tuple[int, ...]:
    """Return the D' of a network of which a critical size was foretold."""
    grid = size * np.geomspace(*SPAN, NUM_SIZES)
    largest = round(MOST_OF_TABLE * on.num_pairs)
    return tuple(sorted({min(max(round(D), FEWEST_EXAMPLES), largest) for D in grid}))


def sizes_between(low: int, high: int) -> tuple[int, ...]:
    """Return finer D' between two."""
    grid = np.geomspace(low, high, NUM_FINER + 2)[1:-1]
    return tuple(sorted({round(D) for D in grid} - {low, high}))


def continued(on: Ground, seed: int, stage: str, sizes: Sequence[int]) -> list[Cell]:
    """Return what continues the start network of a seed on fewer examples."""
    runs = [trained_on(on, seed, D).model_copy(update={"recording": RECORDING}) for D in sizes]
    return [Cell(stage=stage, arm="continued", settings=run) for run in runs]


class ForetoldSize(Staged):
    """What all claims about foretold critical sizes share: design, stages, what is foretold."""

    question: ClassVar[str] = "critical-size"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    stages: ClassVar[tuple[str, ...]] = (MEASURE, OBSERVE, REFINE)
    foretelling: ClassVar[str] = (
        "Of each seed, from its own networks alone and with no fitted constant. Mem learns random "
        "labels, alike in mirror images where the operation commutes. All networks have weight "
        "decay 1, and one schedule and length. Norms are compared at the median log-odds of the "
        f"seed's networks, each moved there by 1/{SCALING:g} of the difference of their "
        "logarithms. Mem's log norm is a straight line in log D, Gen's the mean of its log norms; "
        "D_crit is where they are equal, with Fieller's 95% interval. A seed counts if Mem has "
        "settled at training accuracy 1 at all sizes but one at most, Gen at all, and "
        f"{MIN_SHARE:.0%} of Gen's logit norm is in the answer subspace, and the upper end of that "
        "interval is below the sizes at which Gen was measured. If they meet, no farther than a "
        f"factor of {FARTHEST:g} from where Mem was measured, its start network is continued on "
        f"{NUM_SIZES} D' between {SPAN[0]:g} and {SPAN[1]:g} times that, at most "
        f"{MOST_OF_TABLE:.0%} of the table; else nothing is foretold of it, and it is not "
        "continued. Then follows between which two of these accuracy (on novel pairs, isotonic in "
        f"D') crosses the middle at the end, and {NUM_FINER} D' between them."
    )

    def seeds(self, size: Size, num_seeds: int | None = None) -> Sequence[int]:
        """Return half as many seeds again as other designs have: of some no circuit settles."""
        on = ground(size, self.variant)
        return on.seeds(3 * on.num_seeds // 2 if num_seeds is None else num_seeds)

    def cells_of(self, size: Size, seed: int) -> list[Cell]:
        """See ``Staged.cells_of``."""
        on = ground(size, self.variant)
        found = measured(on, seed)
        for foretold in self.said.get(seed, ()):
            found += self.following(on, seed, foretold)
        return found

    def following(self, on: Ground, seed: int, foretold: Foretold) -> list[Cell]:
        """Return the cells that follow from one thing that was foretold of a seed."""
        if foretold.get("critical_size") is not None:
            return continued(on, seed, OBSERVE, sizes_around(on, foretold["critical_size"]))
        if foretold.get("between") is not None:
            return continued(on, seed, REFINE, sizes_between(*foretold["between"]))
        return []

    def conclude(self, size: Size, seed: int, runs: Sequence[Run]) -> Foretold:
        """Return D_crit with its interval, in examples; then between which D' accuracy falls."""
        arms = by_arm(runs).get(seed, {})
        if self.said.get(seed):
            return _between(arms.get("continued", ()))
        on = ground(size, self.variant)
        gen_sizes = on.scaled(DESIGNS.on(on).gen_sizes)
        return _foretold(crossing(arms.get("mem", ()), arms.get("gen", ())), gen_sizes[0])

    def extremes(self, size: Size) -> tuple[tuple[Foretold, ...], tuple[Foretold, ...]]:
        """See ``Staged.extremes``."""
        on = ground(size, self.variant)
        last = on.scaled(DESIGNS.on(on).gen_sizes)[0]
        none: Foretold = {"critical_size": None}
        between = {"between": list(sizes_around(on, float(last))[-2:])}
        return (none, none), ({"critical_size": float(last)}, between)

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        steps = d.shortest
        lengths = ", ".join(f"{steps * times:,}" for times in LENGTHS)
        n = len(self.seeds(size, num_seeds))
        return (
            f"{on.describe()}; {n} start networks trained on the whole table for "
            f"{on.start_steps:,} steps. First stage: of each seed Mem at "
            f"D = {on.listed(d.mem_sizes)}, and Gen (its start network, trained on) at "
            f"D = {on.listed(d.gen_sizes)}, weight decay 1, η = {d.learning_rate:g}, "
            f"for {LENGTHS[-1] * steps:,} steps. Then D_crit of each seed is foretold and written "
            f"down. Second stage: its start network is continued alike on {NUM_SIZES} D' between "
            f"{SPAN[0]:g} and {SPAN[1]:g} times that; third stage: on {NUM_FINER} D' more, between "
            f"those where accuracy falls. All are read after {lengths} steps. "
            f"{len(measured(on, 0))}, {NUM_SIZES} and {NUM_FINER} runs of a seed."
        )


def foretold_interval(foretold: Foretold) -> Interval:
    """Return the log of what was foretold of a seed, with its interval."""
    value, low, high = (math.log(foretold[name]) for name in ("critical_size", "low", "high"))
    return Interval(value=value, low=low, high=high)


def _foretold(found: Crossing | str, gen_from: int) -> Mapping[str, Any]:
    none = {"critical_size": None, "low": None, "high": None}
    if isinstance(found, str):
        return {**none, "why_none": found}
    circuits = {
        "log_odds": _rounded(found.log_odds),
        "gen_norm": _rounded(found.gen_norm),
        "gen_error": _rounded(found.gen_error),
        "mem_norms": {str(D): _rounded(x) for D, x in sorted(found.mem_norms.items())},
        "mem_slope": _rounded(found.mem_slope),
    }
    if found.log_size is not None and math.exp(found.log_size.high) >= gen_from:
        return {**none, "why_none": f"it may lie above {gen_from}, where Gen was measured"}
    if found.log_size is None:
        why = "Mem's norm does not clearly rise with D, or meets Gen's far from where it was "
        return {**none, "why_none": f"{why}measured", **circuits}
    ends = {
        name: _rounded(math.exp(getattr(found.log_size, end)))
        for name, end in (("critical_size", "value"), ("low", "low"), ("high", "high"))
    }
    return {**ends, **circuits}


def _between(runs: Sequence[Run]) -> Mapping[str, Any]:
    """Return the neighbouring D' between which accuracy crosses the middle; ``None`` if nowhere."""
    there = [run for run in runs if run.outcome.status != "diverged"]
    there.sort(key=lambda run: run.dataset_size)
    if len(there) < 2:
        return {"between": None}
    task = there[0].task
    middle = task.halfway
    accuracy = [final_accuracy(run, "novel") for run in there]
    above = optimize.isotonic_regression(accuracy).x >= middle
    for (low, below), (high, over) in itertools.pairwise(zip(there, above, strict=True)):
        if over and not below:
            return {"between": [low.settings.dataset_size, high.settings.dataset_size]}
    return {"between": None}


def _rounded(value: float) -> float:
    """Return six figures: more would not be read, and rounding errors would tell them apart."""
    return float(f"{value:.6g}")
