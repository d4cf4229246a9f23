"""Coverage of the threshold's interval and error rates of the rule, on sweeps with known truth.

`make calibration` runs it at full length. The generator draws its nuisance parameters anew for
every sweep: spread between start networks, steepness (a part of the sweeps is separated), and where
the threshold lies between the sizes.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from efficiency.estimates import Estimate
from predictions.circuit_efficiency.ungrokking.judge import find
from predictions.circuit_efficiency.ungrokking.numbers import threshold
from predictions.circuit_efficiency.ungrokking.reading import sweeps, usable
from tests.predictions.simulate import sweep


def draw(seed: int, seed_sd: tuple[float, float]) -> tuple[float, float, Estimate]:
    """Return (planted threshold, share of separated sweeps, estimate) of one experiment."""
    rng = np.random.default_rng([20230905, seed])
    planted = math.exp(rng.uniform(math.log(100), math.log(170)))
    runs = sweep(
        rng,
        threshold=planted,
        num_seeds=int(rng.integers(3, 7)),
        seed_sd=rng.uniform(*seed_sd),
        decay_sd=rng.uniform(0.0, 0.1),
        slope=math.exp(rng.uniform(math.log(2.5), math.log(60))),
    )
    seeds = sweeps(usable(runs)[0])
    fitted = [s.crossing.fitted for by_decay in seeds.values() for s in by_decay.values()]
    return planted, 1 - float(np.mean(fitted)), threshold(seeds)


@pytest.mark.parametrize(
    ("seed_sd", "highest"), [((0.05, 0.25), 0.98), ((0.02, 0.05), 1.0)], ids=["usual", "alike"]
)
def test_the_interval_of_the_threshold_covers_a_planted_one(seed_sd, highest, full_calibration):
    count = 2000 if full_calibration else 100
    covered, separated = np.zeros(count, dtype=bool), np.zeros(count)
    for seed in range(count):
        planted, separated[seed], interval = draw(seed, seed_sd)
        assert interval.value is not None
        covered[seed] = interval.low <= planted <= interval.high
    kinds = {
        "fitted": separated == 0,
        "mixed": (separated > 0) & (separated < 1),
        "separated": separated == 1,
    }
    shares = {name: covered[kind].mean() for name, kind in kinds.items()}
    print(
        f"\nthreshold, spread {seed_sd}: {covered.mean():.1%} of {count} intervals cover; "
        + ", ".join(f"{shares[name]:.1%} of {kind.sum()} {name}" for name, kind in kinds.items())
    )
    # Start networks that are more alike than the sizes are close share a bracket, and their
    # interval may be conservative; it may never be too short.
    assert 0.92 <= covered.mean() <= highest
    for name, kind in kinds.items():
        assert kind.sum() > 0.05 * count
        # At a true coverage of 92%, fewer than this happen once in a thousand.
        assert covered[kind].sum() >= stats.binom.ppf(0.001, kind.sum(), 0.92), name


@pytest.mark.parametrize(
    ("kind", "outcome", "at_least"), [("transition", "supported", 0.8), ("line", "refuted", 0.8)]
)
def test_the_rule_finds_what_was_planted(kind, outcome, at_least, full_calibration):
    count = 500 if full_calibration else 12
    found = [
        find(sweep(np.random.default_rng([7, seed]), kind=kind)).outcome for seed in range(count)
    ]
    share = np.mean([one == outcome for one in found])
    print(f"\n{kind}: {outcome} in {share:.1%} of {count}")
    assert share >= at_least


@pytest.mark.parametrize("kind", ["keep", "line", "flat"])
def test_the_rule_rarely_supports_what_is_not_there(kind, full_calibration):
    count = 500 if full_calibration else 12
    found = [
        find(sweep(np.random.default_rng([8, seed]), kind=kind)).outcome for seed in range(count)
    ]
    wrong = sum(one == "supported" for one in found)
    print(f"\n{kind}: wrongly supported in {wrong} of {count}")
    # At a true rate of 5%, more than this many happen once in a thousand.
    assert wrong <= stats.binom.ppf(0.999, count, 0.05)
