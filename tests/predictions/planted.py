"""Simulated records of every prediction, on its own quick design, with a known truth."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pandas as pd

from efficiency.settings import RunSettings
from efficiency.statistics.critical_size import retained, s_curve
from efficiency.training.optimiser import learning_time
from efficiency.training.outcome import Outcome, outcome, tail_at
from efficiency.training.record_steps import recorded_steps
from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.circuit_efficiency.efficiency.claim import DESIGNS as GEN_SIZES
from predictions.circuit_efficiency.efficiency.claim import gen_arm, mem_arm
from predictions.circuit_efficiency.ungrokking import cells as ungrokking
from predictions.grounds import GROUNDS
from tests.build import Left, number

GROUND = GROUNDS["quick"]
S = GROUND.task.num_classes
LOG_ODDS = 17.0
KAPPA = 5.0
GEN_CENTRE = float(np.exp(np.mean(np.log(GEN_SIZES["quick"].gen_sizes))))


def ended(cell: Cell, status: str = "settled", **numbers: float) -> Run:
    """Return a run with these final numbers."""
    held = {name: number(value) for name, value in {"train_accuracy": 1.0, **numbers}.items()}
    reasons = () if status == "settled" else ("the norm still moved by +3.0%",)
    return Run(cell=cell, outcome=Outcome(status=status, reasons=reasons, numbers=held))


def seeds(num_seeds: int) -> range:
    return GROUND.seeds(num_seeds)


# Settings are checked when they are made, and simulations want the same ones again and again.
@functools.cache
def curve_arms(seed: int) -> list[Cell]:
    return mem_arm(GROUND, [seed]) + gen_arm(GROUND, [seed])


@functools.cache
def main_arm(seed: int) -> list[Cell]:
    return ungrokking.main_arm(GROUND, [seed])


@functools.cache
def scratch_arm(seed: int) -> list[Cell]:
    return scratch.scratch_arm(GROUND, [seed])


def curves(
    rng: np.random.Generator,
    *,
    num_seeds: int = 6,
    mem_slope: float = 0.3,
    gen_slope: float = 0.0,
    slope_sd: float = 0.02,
    crossings: dict[int, float] | None = None,
    share: float = 0.98,
    noise: float = 0.005,
) -> list[Run]:
    """Return networks of both arms.

    Args:
        rng: Draws everything.
        num_seeds: Seeds.
        mem_slope: Of Mem's log norm on log D at ``LOG_ODDS``, mean over seeds.
        gen_slope: Of Gen's.
        slope_sd: Spread of both between seeds.
        crossings: D at which the norms cross, by seed; 180 where not given.
        share: Gen's share of the logit norm.
        noise: Spread of every log norm.
    """
    runs = []
    for seed in seeds(num_seeds):
        slopes = {
            "memorising": mem_slope + slope_sd * rng.normal(),
            "natural": gen_slope + slope_sd * rng.normal(),
        }
        crossing = (crossings or {}).get(seed, 180.0)
        # Gen's slope turns around the middle of the sizes at which it is read.
        centre = {"memorising": crossing, "natural": GEN_CENTRE}
        for cell in curve_arms(seed):
            settings = cell.settings
            regime = settings.regime
            if settings.start is None and regime == "natural":
                runs.append(ended(cell))
                continue
            log_norm = math.log(20.0) + slopes[regime] * math.log(
                settings.dataset_size / centre[regime]
            )
            log_norm += noise * rng.normal()
            factor = settings.optimiser.norm_factor
            if factor is None:
                log_odds = LOG_ODDS - math.log(settings.optimiser.weight_decay) + rng.normal() / 20
                log_norm += math.log(log_odds / LOG_ODDS) / KAPPA
            else:
                # A norm that is held is known exactly; what it gives is not.
                log_odds = LOG_ODDS * factor**KAPPA * math.exp(noise * rng.normal())
                log_norm += math.log(factor)
            runs.append(
                ended(
                    cell,
                    norm=math.exp(log_norm),
                    log_odds=log_odds,
                    margin=log_odds + 0.6,
                    centred_logit=3 * log_odds,
                    gen_share_answer=share if regime == "natural" else 0.25,
                    gen_share_trigonometric=share if regime == "natural" else 0.02,
                )
            )
    return runs


def ungrokked(
    rng: np.random.Generator,
    *,
    num_seeds: int = 6,
    midpoints: dict[int, float] | None = None,
    seed_sd: float = 0.2,
    decay_effect: float = 0.0,
    decay_sd: float = 0.07,
    slope: float = 4.0,
    shape: str = "s_curve",
    course: str = "at rest",
    noise: float = 0.0,
) -> list[Run]:
    """Return the main arm of ungrokking.

    Args:
        rng: Draws everything.
        num_seeds: Start networks.
        midpoints: D' at which half of the accuracy is retained, by seed; log-normal around 150
            with spread ``seed_sd`` where not given.
        seed_sd: See there.
        decay_effect: Rise of the log midpoint with log λ.
        decay_sd: Spread of log midpoints between the weight decays of a start network.
        slope: Of the S-curve.
        shape: One of ``retained_along``.
        course: ``at rest``; ``one rate``, at which everything is forgotten, so that only so much is
            left at the end; ``many rates``, one for each pair, exponentially distributed.
        noise: Spread of each record's accuracy.
    """
    runs = []
    (apart,) = rng.spawn(1)  # whatever is drawn of it, the rest is drawn alike
    for seed in seeds(num_seeds):
        own = math.log((midpoints or {}).get(seed, 150 * math.exp(seed_sd * rng.normal())))
        at = {
            decay: own + decay_effect * math.log(decay) + decay_sd * rng.normal()
            for decay in ungrokking.DESIGNS["quick"].weight_decays
        }
        for cell in main_arm(seed):
            settings = cell.settings
            if settings.start is None:
                runs.append(ended(cell))
                continue
            D, decay = settings.dataset_size, settings.optimiser.weight_decay
            r = retained_along(shape, D, math.exp(at[decay]), slope)
            p = 1 / S + (1 - 1 / S) * r
            accuracy = rng.binomial(S * S - D, p) / (S * S - D)
            recorded = accuracies_over_time(settings, course, accuracy, noise, apart)
            final = tail_at(recorded, settings, 1.0, "novel_accuracy")[0]
            run = ended(cell, novel_accuracy=final, novel_accuracy_drift=-0.01)
            run = replace(run, left=Left(recorded))
            halfway = number(200 / decay * math.exp(0.2 * rng.normal()), "steps")
            runs.append(with_number(run, step_halfway=halfway))
    return runs


_steps = functools.cache(recorded_steps)


def accuracies_over_time(
    settings: RunSettings, course: str, accuracy: float, noise: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the accuracies of a history that ends at one, with noise on each record.

    Args:
        settings: Whose.
        course: ``at rest`` from the beginning, all pairs forgotten at ``one rate``, or each at a
            rate of its own (``many rates``, exponentially distributed).
        accuracy: What they end at.
        noise: Standard deviation on each record.
        rng: Draws the noise.
    """
    step = np.array(_steps(settings.recording, settings.num_steps))
    optimiser = settings.optimiser
    time = learning_time(
        step,
        num_steps=settings.num_steps,
        warmup_steps=optimiser.warmup_steps,
        decay_fraction=optimiser.decay_fraction,
    )
    t = time / time[-1]
    r = min(max(float(retained(accuracy, S)), 1e-12), 1.0)
    accuracies = {
        "at rest": np.full(len(t), accuracy),
        "one rate": 1 / S + (1 - 1 / S) * r**t,
        "many rates": 1 / S + (1 - 1 / S) / (1 + t * (1 / r - 1)),
    }[course]
    moves = noise * rng.normal(size=len(step))
    return pd.DataFrame({"step": step, "novel_accuracy": np.clip(accuracies + moves, 0, 1)})


def retained_along(shape: str, size: int, middle: float, slope: float) -> float:
    """Return r of a shape at a size; half of the accuracy is retained at ``middle``."""
    sizes = ungrokking.DESIGNS["quick"].sizes
    r = {
        "s_curve": float(s_curve(size, middle, slope)),
        "saturating": size / (size + middle),
        "exponential": 1 - 2 ** (-size / middle),
        # From 0 to 1 over as wide a range as the sizes have.
        "log_line": 0.5 + math.log(size / middle) / math.log(sizes[-1] / sizes[0]),
        "line": 0.5 + (size - middle) / (sizes[-1] - sizes[0]),
    }[shape]
    return min(max(r, 0.0), 1.0)


def with_number(run: Run, **numbers) -> Run:
    changed = replace(run.outcome, numbers={**run.outcome.numbers, **numbers})
    return replace(run, outcome=changed)


def history(settings: RunSettings, accuracy, *, fitted_at: float = 120.0) -> pd.DataFrame:
    """Return a history whose test accuracy is a function of the step."""
    step = np.array(recorded_steps(settings.recording, settings.num_steps))
    return pd.DataFrame(
        {
            "step": step,
            "train_loss": 1e-7,
            "train_loss_peak": 1e-7,
            "train_accuracy": np.where(step >= fitted_at, 1.0, step / fitted_at),
            "test_accuracy": 1 / S + (1 - 1 / S) * accuracy(step),
            "novel_accuracy": 1 / S + (1 - 1 / S) * accuracy(step),
            "log_odds": LOG_ODDS,
            "norm": 20.0,
        }
    )


def course(cell: Cell, accuracy, **more) -> Run:
    """Return a run whose outcome is read off a simulated history, as training reads it."""
    left = Left(history(cell.settings, accuracy, **more))
    return Run(cell=cell, outcome=outcome(left.history, cell.settings), left=left)


def rising(at: float, steepness: float, height: float = 1.0):
    """Return retained accuracy as a logistic curve in log step: half of ``height`` at ``at``."""
    return lambda step: height / (1 + (at / np.maximum(step, 1)) ** steepness)


def scratched(
    rng: np.random.Generator,
    *,
    num_seeds: int = 12,
    semi: float = 0.0,
    steepness: tuple[float, float] = (3.0, 10.0),
    midpoints: dict[int, float] | None = None,
    misses: float = 0.0,
) -> list[Run]:
    """Return runs from scratch: later at smaller D, never far below a seed's midpoint.

    Args:
        rng: Draws everything.
        num_seeds: Seeds.
        semi: Chance that a seed has a run that stays at partial accuracy; all others only pass.
        steepness: Range of how steeply accuracy passes, as a logistic in log step.
        midpoints: D at which half of the way is come by the end, by seed; around 375 otherwise.
        misses: Mean of what a run's accuracy misses 1 by for ever, exponential.
    """
    runs = []
    budget = scratch.DESIGNS["quick"].num_steps
    for seed in seeds(num_seeds):
        middle = (midpoints or {}).get(seed, 375 * math.exp(0.05 * rng.normal()))
        steep = rng.uniform(*steepness)
        arm = scratch_arm(seed)
        stays = rng.integers(len(arm)) if rng.random() < semi else None
        for i, cell in enumerate(arm):
            # Twice as much data generalises some hundred times earlier.
            at = budget * (middle / cell.settings.dataset_size) ** rng.uniform(6, 9)
            accuracy = rising(at, steep, height=max(0.0, 1 - misses * rng.exponential()))
            if i == stays:
                accuracy = rising(rng.uniform(1000, 8000), 6.0, height=rng.uniform(0.2, 0.8))
            runs.append(course(cell, accuracy))
    return runs
