"""What accuracy could do instead of falling at a threshold: rival shapes, and a rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from efficiency.statistics import critical_size
from efficiency.statistics.shapes import RIVALS, S_CURVE, residual_errors
from efficiency.training.outcome import tail_at
from predictions.cells import Run
from predictions.circuit_efficiency.ungrokking.reading import Seeds

HALF = 0.5
"""Part of the learning time after which accuracies are read a first time."""


SLOWER = 0.9
"""What partial accuracies may lose at most, in units of forgetting at one constant rate: a tenth
less, for noise of the readings moves the number by some hundredths where that is all there is."""


def number_of(rival: str) -> str:
    """Return the name of the number that says by how much a rival fits worse than the S-curve."""
    return f"{rival}_minus_curve_error"


def advantages(seeds: Seeds) -> dict[str, dict[int, float]]:
    """Return for each rival and seed by how much the rival fits worse than the S-curve.

    Residual standard errors, averaged over the weight decays of a start network.
    """
    errors = {
        seed: [residual_errors(sweep.sizes, sweep.retained) for sweep in by.values()]
        for seed, by in seeds.items()
    }
    return {
        rival: {
            seed: float(np.mean([one[rival] - one[S_CURVE] for one in by]))
            for seed, by in errors.items()
        }
        for rival in RIVALS
    }


def forgetting(main: Sequence[Run]) -> dict[int, float]:
    """Return how far accuracies fell in the second half, as part of forgetting at a rate.

    A network that forgets every pair at one constant rate, which depends on D', retains
    r = exp(−rate·t): of r at one time it has r^ρ left at ρ times that. So the sum over its partial
    accuracies r of what they fell by, divided by the sum of r − r^ρ, is 1 then, however sharply the
    rate depends on D'. It is 0 for a network that has come to rest, and less than 1 also where some
    pairs are forgotten at a higher rate than others, be each rate constant: those left are the slow
    ones. Accuracies are those of the tail that a run would have if it ended after half of its
    learning time, and of its own; those count whose mean is partial. Before, no more than all and
    no less than none but half an example of the table is taken as retained: what was whole halfway
    was forgotten at no rate that could be told, and what it lost later is many times as much.

    Returns:
        A number for the seed of each start network that has partial accuracies.
    """
    falls: dict[int, list[tuple[float, float]]] = {}
    low, high = critical_size.PARTIAL
    for one in main:
        history, settings = one.history, one.settings
        halfway, end = (tail_at(history, settings, part, "novel_accuracy") for part in (HALF, 1.0))
        before, after = critical_size.retained((halfway[0], end[0]), one.task.num_classes)
        if low < (before + after) / 2 < high:
            half = 0.5 / one.task.num_examples
            known = min(max(float(before), half), 1.0 - half)
            left = known ** (end[1] / halfway[1])
            falls.setdefault(one.seed, []).append((float(before - after), known - left))
    totals = {seed: np.sum(of_one, axis=0) for seed, of_one in falls.items()}
    return {seed: float(fell / at_a_rate) for seed, (fell, at_a_rate) in totals.items()}
