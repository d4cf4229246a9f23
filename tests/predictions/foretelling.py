"""Simulated seeds of which critical sizes are foretold and observed, with a known truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from efficiency.settings import RunSettings
from efficiency.statistics.critical_size import s_curve
from efficiency.statistics.lines import fit_line, meets
from efficiency.training.record_steps import recorded_steps
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.critical_size.arms import ForetoldSize
from predictions.circuit_efficiency.critical_size.claim import Claim
from predictions.circuit_efficiency.critical_size.records import Records, Seed
from predictions.groups import CRITICAL_SIZE
from predictions.verdicts import Finding
from tests.predictions import planted
from tests.predictions.plant import remembered
from tests.predictions.planted import S, ended

Shape = Callable[[np.random.Generator, int], np.ndarray]

SIZES = (120, 160, 213, 284, 378)
LOG_SIZES = np.log(SIZES)
BEND = np.array([0.004, -0.006, 0.0, 0.006, -0.004])
"""How Mem's log norm lies around a straight line, in all seeds alike."""

STEPS = (3000, 12_000, 48_000)

SHAPES: dict[str, Shape] = {
    # Each of mean 0 and spread 1, or as near as it has one.
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(3, size=n) / math.sqrt(3),
    "two humps": lambda rng, n: rng.choice([-1.0, 1.0], n) + 0.2 * rng.normal(size=n),
    "skewed": lambda rng, n: rng.exponential(size=n) - 1,
    "pairs": lambda rng, n: (
        math.sqrt(0.2) * np.repeat(rng.normal(size=n), 2)[:n] + math.sqrt(0.8) * rng.normal(size=n)
    ),
}


def seeds(
    rng: np.random.Generator,
    n: int,
    *,
    log_ratio: float = 0.0,
    slope: float = 1.0,
    spread: float = 0.14,
    error: float = 0.009,
    scatter: float = 0.05,
    correlated: bool = True,
    rises: tuple[float, float] = (0.06, 0.03),
    rise_sd: float = 0.03,
    bend: float = 1.0,
    shape: str = "normal",
) -> Records:
    """Return what seeds say.

    Args:
        rng: Draws everything.
        n: How many.
        log_ratio: Of foretold to the midpoint's limit, the mean of its logarithm.
        slope: Of log midpoint on true log D_crit.
        spread: Of true log D_crit between seeds.
        error: Of measuring Mem's log norm at each D.
        scatter: Of midpoints around what follows from it.
        correlated: Whether a seed's midpoint is that of its own D_crit, not of another's.
        rises: Means of those of the log midpoint, to the second length and to the third.
        rise_sd: Spread of both between seeds.
        bend: How far Mem's norm is from straight, in units of what it is at quick.
        shape: One of ``SHAPES``, of spread and scatter.
    """
    draw = SHAPES[shape]
    apart = spread * draw(rng, n)
    grid = np.linspace(LOG_SIZES[0] - 1.5, LOG_SIZES[-1] + 1.5, 2000)
    mem_curve = (
        math.log(20) + 0.3 * (grid - math.log(200)) + bend * np.interp(grid, LOG_SIZES, BEND)
    )
    log_gen = math.log(20) + 0.3 * apart
    # Where Mem's curve, not a line through it, meets Gen's norm.
    true = np.interp(log_gen, mem_curve, grid) - math.log(200)
    own = true if correlated else spread * draw(rng, n)
    rest = rises[1] ** 2 / (rises[0] - rises[1]) if rises[0] > rises[1] else 0.0
    last = math.log(200) - log_ratio - rest + slope * own + scatter * draw(rng, n)
    first, second = (rise + rise_sd * draw(rng, n) for rise in rises)
    found = []
    for i, (gen, y, a, b) in enumerate(zip(log_gen, last, first, second, strict=True)):
        log_mem = np.interp(LOG_SIZES, grid, mem_curve) + error * rng.normal(size=5)
        found.append(
            Seed(
                seed=5000 + i,
                foretold=meets(fit_line(LOG_SIZES, log_mem), float(gen)),
                gen_error=0.001,
                mem_norms=dict(zip(SIZES, (float(z) for z in np.exp(log_mem)), strict=True)),
                midpoints=(y - b - a, y - b, y),
                beyond=False,
            )
        )
    return Records(seeds=tuple(found), num_lost=0, num_uncounted=0, notes=())


def find(name: str, records: Records) -> Finding:
    """Return what a claim's rule says of seeds."""
    claim = CRITICAL_SIZE[name]
    assert isinstance(claim, Claim)
    return claim.judged(records, STEPS)


def permuted(records: Records, order: Sequence[int]) -> Records:
    """Return the same with what was foretold of one seed held against what another one did."""
    moved = tuple(
        replace(one, foretold=records.seeds[k].foretold)
        for one, k in zip(records.seeds, order, strict=True)
    )
    return replace(records, seeds=moved)


def planted_runs(
    num_seeds: int = 7, *, claim_name: str = "critical-size-ratio"
) -> tuple[list[Run], ForetoldSize]:
    """Return all runs of a claim on quick, and the claim as it knows what was foretold of them."""
    draw = np.random.default_rng([16, 11])
    known = CRITICAL_SIZE[claim_name]
    assert isinstance(known, ForetoldSize)
    crossings = {s: 200 * math.exp(0.14 * draw.normal()) for s in planted.seeds(num_seeds)}

    def accuracy(run: RunSettings, step: int) -> float:
        # Later by 6% and then by 3% after four times as long.
        late = {STEPS[0]: -0.09, STEPS[1]: -0.03}.get(step, 0.0)
        r = float(s_curve(run.dataset_size, crossings[run.data_seed] * math.exp(late), 4.0))
        return 1 / S + (1 - 1 / S) * r

    def history(run: Run) -> pd.DataFrame:
        step = np.array(recorded_steps(run.settings.recording, run.settings.num_steps))
        length = np.select([step <= x for x in STEPS[:2]], STEPS[:2], STEPS[2])
        return pd.DataFrame(
            {"step": step, "novel_accuracy": [accuracy(run.settings, x) for x in length]}
        )

    def made(cell: Cell) -> Run:
        run, mem = cell.settings, "mem" in cell.arm
        log_norm = 3.0 + 0.3 * mem * math.log(run.dataset_size / crossings[run.data_seed])
        if cell.arm == "continued":
            log_norm -= 0.05
        return ended(
            cell,
            norm=math.exp(log_norm + 0.002 * draw.normal()),
            log_odds=17.0 + 0.2 * draw.normal(),
            gen_share_answer=0.1 if mem else 0.99,
            novel_accuracy_drift=0.0,
            novel_accuracy=accuracy(run, STEPS[2]),
        )

    runs: dict[RunSettings, Run] = {}
    while still := known.open_seeds("quick", num_seeds):
        for cell in (cell for seed in crossings for cell in known.cells_of("quick", seed)):
            runs.setdefault(cell.settings, made(cell))
        own = {s: [r for r in runs.values() if r.settings.data_seed == s] for s in still}
        said = {s: (*known.said.get(s, ()), known.foretell("quick", s, own[s])) for s in still}
        known = known.knowing(said)
    for cell in (cell for seed in crossings for cell in known.cells_of("quick", seed)):
        runs.setdefault(cell.settings, made(cell))
    return remembered(list(runs.values()), history), known
