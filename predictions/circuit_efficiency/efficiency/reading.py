"""What the judges of efficiency and of D_crit read: norms and logits, curve by curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from efficiency.analysis import isologit
from efficiency.analysis.logit_subspaces import SUBSPACES, Subspace
from efficiency.statistics.intervals import TooFewError
from predictions.cells import Run

Arm = Literal["mem", "gen"]
Way = Literal["weight decay", "fixed norm"]
Reading = Literal["log_odds", "margin", "centred_logit"]


def arm_name(arm: Arm, way: Way) -> str:
    """Return what the cells of an arm are called that move along the curve in one way."""
    return arm if way == "weight decay" else f"{arm} at {way}"


PLACES: Mapping[str, tuple[Arm, Way]] = {
    arm_name(arm, way): (arm, way) for arm in get_args(Arm) for way in get_args(Way)
}
"""Arm and way of every arm by its name."""

READINGS: tuple[Reading, ...] = ("log_odds", "margin", "centred_logit")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A settled network.

    Attributes:
        norm: ‖θ‖₂.
        logits: Its mean logits on its examples by reading, nats.
        weight_decay: λ; 0 if it was held at a fixed norm.
    """

    norm: float
    logits: dict[Reading, float]
    weight_decay: float


@dataclass(kw_only=True)
class SeedCurves:
    """All networks of one seed.

    Attributes:
        seed: The seed.
        points: Settled networks by arm, way and dataset size.
        shares: Shares of the logit norm in each subspace, by arm.
        start_problem: Why its start network does not count, if it does not.
        all_sizes: Dataset sizes of the arms, whether anything settled there or not.
        num_runs: Networks that were trained.
        num_settled: Those of them that are read.
    """

    seed: int
    points: dict[tuple[Arm, Way], dict[int, list[Point]]] = field(default_factory=dict)
    shares: dict[tuple[Arm, Subspace], list[float]] = field(default_factory=dict)
    start_problem: str | None = None
    all_sizes: dict[Arm, set[int]] = field(default_factory=dict)
    num_runs: int = 0
    num_settled: int = 0

    def sizes(self, arm: Arm, way: Way) -> list[int]:
        """Return the dataset sizes at which there are networks."""
        return sorted(self.points.get((arm, way), {}))

    def isologit(
        self, arm: Arm, at: float, way: Way = "weight decay", reading: Reading = "log_odds"
    ) -> dict[int, float]:
        """Return P(D; ŝ) by D, where it can be interpolated.

        Args:
            arm: Mem or Gen.
            at: ŝ, nats.
            way: What moves the networks along the curve.
            reading: How the logits are read.
        """
        found = {}
        for D in self.sizes(arm, way):
            points = self.points[arm, way][D]
            norms, logits = [p.norm for p in points], [p.logits[reading] for p in points]
            try:
                found[D] = isologit.isologit_norm(norms, logits, at)
            except TooFewError:
                continue
        return found

    def logits(self, arm: Arm, reading: Reading, way: Way = "weight decay") -> list[float]:
        """Return the logits of all networks of an arm."""
        return [p.logits[reading] for D in self.sizes(arm, way) for p in self.points[arm, way][D]]

    def kappa(
        self, arm: Arm, reading: Reading = "centred_logit", way: Way = "fixed norm"
    ) -> float | None:
        """Return κ, averaged over dataset sizes; ``None`` where it cannot be read."""
        found = []
        for D in self.sizes(arm, way):
            points = self.points[arm, way][D]
            logits = [p.logits[reading] for p in points]
            try:
                found.append(isologit.kappa([p.norm for p in points], logits))
            except TooFewError:
                continue
        return float(np.mean(found)) if found else None


def curves(runs: Sequence[Run]) -> list[SeedCurves]:
    """Return the curves of every seed, in the order of the seeds.

    Networks that have not settled are not read: their norm is not that of their logit.
    """
    by_seed: dict[int, SeedCurves] = {}
    for run in runs:
        seed = run.seed
        curve = by_seed.setdefault(seed, SeedCurves(seed=seed))
        settled = run.outcome.status == "settled"
        if run.is_start:
            if not settled:
                why = "; ".join(run.outcome.reasons)
                curve.start_problem = f"its start network is {run.outcome.status} ({why})"
            continue
        arm, way = PLACES[run.arm]
        curve.num_runs += 1
        curve.all_sizes.setdefault(arm, set()).add(run.dataset_size)
        if not settled:
            continue
        curve.num_settled += 1
        at = curve.points.setdefault((arm, way), {})
        at.setdefault(run.dataset_size, []).append(
            Point(
                norm=run.number("norm"),
                logits={reading: run.number(reading) for reading in READINGS},
                weight_decay=run.weight_decay,
            )
        )
        if way == "weight decay":
            for subspace in SUBSPACES:
                # A network that overflows on a pair that it was not trained on has none.
                share = run.outcome.numbers.get(f"gen_share_{subspace}")
                if share is not None and share.value is not None:
                    curve.shares.setdefault((arm, subspace), []).append(share.value)
    return [by_seed[seed] for seed in sorted(by_seed)]


def slope(norms: dict[int, float]) -> float | None:
    """Return the slope of log norm on log D; ``None`` with fewer than three sizes."""
    if len(norms) < 3:
        return None
    log_size, log_norm = np.log(list(norms)), np.log(list(norms.values()))
    return float(np.polyfit(log_size, log_norm, 1)[0])


def matched(curves_of: Sequence[SeedCurves], reading: Reading = "log_odds") -> float:
    """Return ŝ: the median logit of all networks, of both arms and every seed."""
    arms: tuple[Arm, Arm] = ("mem", "gen")
    logits = [x for curve in curves_of for arm in arms for x in curve.logits(arm, reading)]
    return float(np.median(logits))


def over_curves(
    curves_of: Sequence[SeedCurves], number: Callable[[SeedCurves], float | None]
) -> dict[int, float]:
    """Return a number of every seed that has it."""
    return {curve.seed: found for curve in curves_of if (found := number(curve)) is not None}
