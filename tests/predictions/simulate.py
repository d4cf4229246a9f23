"""Simulated records of ungrokking with a known truth."""

from __future__ import annotations

import math

import numpy as np

from efficiency.statistics.critical_size import s_curve
from predictions.cells import Run
from tests.build import continued_run, start_run

SIZES = (50, 68, 91, 123, 166, 224, 303)
DECAYS = (0.5, 1.0, 2.0)
MODULUS = 31


def sweep(
    rng: np.random.Generator,
    *,
    num_seeds: int = 4,
    threshold: float = 140.0,
    seed_sd: float = 0.15,
    decay_sd: float = 0.05,
    slope: float = 4.0,
    kind: str = "transition",
    sizes: tuple[int, ...] = SIZES,
) -> list[Run]:
    """Return the records of one experiment.

    Start networks have log-normal thresholds around ``threshold`` (spread ``seed_sd`` in log D),
    weight decays move each a little, and accuracy is measured on the rest of the table.

    Args:
        rng: Draws everything.
        num_seeds: Start networks.
        threshold: Geometric mean of the thresholds.
        seed_sd: Spread between start networks, in log D.
        decay_sd: Spread between the sweeps of one start network, in log D.
        slope: Of the S-curve; a large one makes separated sweeps.
        kind: ``transition``; ``line`` (accuracy as a straight line in D'); ``saturating`` (as
            D'/(D' + threshold)); ``keep`` (no fall); ``flat`` (half is lost whatever the size).
        sizes: D'.
    """
    runs = []
    chance = 1 / MODULUS
    for seed in range(num_seeds):
        start = start_run(seed, modulus=MODULUS)
        runs.append(start)
        own = math.log(threshold) + seed_sd * rng.normal()
        for decay in DECAYS:
            log_threshold = own + decay_sd * rng.normal()
            for size in sizes:
                r = {
                    "transition": float(s_curve(size, math.exp(log_threshold), slope)),
                    "line": (size - 40) / 280,
                    "saturating": size / (size + math.exp(log_threshold)),
                    "keep": 0.97,
                    "flat": 0.5,
                }[kind]
                # Of N pairs D are trained on, and as large a part of the rest mirrors them.
                num_novel = round(MODULUS**2 * (1 - size / MODULUS**2) ** 2)
                accuracy = rng.binomial(num_novel, chance + (1 - chance) * r) / num_novel
                runs.append(continued_run(start, size, accuracy, weight_decay=decay))
    return runs
