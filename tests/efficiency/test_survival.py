from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from efficiency.statistics.accelerated_failure_time import accelerated_fit, clustered_slope
from efficiency.statistics.intervals import TooFewError

SLOPE, LEVEL, SCALE = -0.08, 12.0, 0.5
VALUES = np.array([55.0, 60.0, 65.0, 70.0, 75.0, 80.0])


def planted(
    rng, *, num_clusters=8, slope=SLOPE, shared=0.4, slopes=0.0, budget=np.inf, scale=SCALE
):
    """Return log times, which are censored, predictors and clusters.

    Clusters differ in level by ``shared`` and in slope by ``slopes``, standard deviations.
    """
    x = np.tile(VALUES, num_clusters)
    clusters = np.repeat(np.arange(num_clusters), len(VALUES))
    y = LEVEL + slope * x + shared * rng.normal(size=num_clusters)[clusters]
    y += slopes * rng.normal(size=num_clusters)[clusters] * (x - x.mean())
    y += scale * rng.normal(size=len(x))
    late = y > np.log(budget)
    design = np.column_stack([np.ones(len(x)), x])
    return np.minimum(y, np.log(budget)), late, design, clusters


def median_time(x: float) -> float:
    return float(np.exp(LEVEL + SLOPE * x))


def test_without_censoring_it_is_least_squares():
    y, late, x, _ = planted(np.random.default_rng(0))
    fit = accelerated_fit(y, late, x)
    coefficients = np.linalg.lstsq(x, y)[0]
    assert fit.coefficients == pytest.approx(coefficients, rel=1e-5)
    assert fit.scale == pytest.approx(np.std(y - x @ coefficients), rel=1e-5)


def test_with_censoring_it_is_the_maximum_of_the_likelihood_written_out():
    y, late, x, _ = planted(np.random.default_rng(1), budget=median_time(62))
    assert 0.15 < late.mean() < 0.6

    def minus(theta):
        mean, scale = x @ theta[:2], np.exp(theta[2])
        seen = stats.norm.logpdf(y[~late], mean[~late], scale).sum()
        return -seen - stats.norm.logsf(y[late], mean[late], scale).sum()

    fit = accelerated_fit(y, late, x)
    found = np.array([*fit.coefficients, np.log(fit.scale)])
    polished = optimize.minimize(minus, found, method="Nelder-Mead", options={"xatol": 1e-8})
    assert minus(found) <= polished.fun + 1e-6
    assert found == pytest.approx(polished.x, abs=1e-3)


def test_censored_times_are_neither_dropped_nor_taken_for_observed():
    rng = np.random.default_rng(2)
    y, late, x, _ = planted(rng, num_clusters=400, shared=0.0, budget=median_time(65))
    kept = accelerated_fit(y, late, x).coefficients[1]
    dropped = np.linalg.lstsq(x[~late], y[~late])[0][1]
    taken = np.linalg.lstsq(x, y)[0][1]
    assert kept == pytest.approx(SLOPE, abs=0.005)
    assert min(dropped, taken) > SLOPE + 0.015


@given(st.floats(0.01, 100.0), st.integers(0, 50))
def test_the_unit_of_time_moves_the_level_alone_and_order_does_not_matter(unit, seed):
    rng = np.random.default_rng(seed)
    y, late, x, _ = planted(rng, budget=median_time(62))
    order = rng.permutation(len(y))
    fit = accelerated_fit(y, late, x)
    other = accelerated_fit(y[order] + np.log(unit), late[order], x[order])
    assert other.coefficients[1] == pytest.approx(fit.coefficients[1], abs=1e-4)
    assert other.scale == pytest.approx(fit.scale, rel=1e-3)


def test_it_refuses_where_any_slope_would_fit():
    y, late, x, clusters = planted(np.random.default_rng(3))
    with pytest.raises(TooFewError, match="0 of 48 runs"):
        accelerated_fit(y, np.ones_like(late), x)
    with pytest.raises(TooFewError, match="too few different settings"):
        accelerated_fit(y, x[:, 1] < 80, x)
    with pytest.raises(TooFewError, match="three clusters"):
        clustered_slope(y[:12], late[:12], x[:12], list(clusters[:12]), which=1)
    with pytest.raises(TooFewError, match="one line"):
        accelerated_fit(x @ [1.0, 2.0], late, x)


def test_intervals_cover_in_spite_of_what_runs_of_a_cluster_share():
    covered = naive = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y, late, x, clusters = planted(rng, shared=0.7, slopes=0.1, budget=median_time(62))
        interval = clustered_slope(y, late, x, list(clusters), which=1)[1].interval
        covered += interval.low < SLOPE < interval.high
        if seed < 30:  # as if runs of a cluster were independent
            alone = clustered_slope(y, late, x, range(len(y)), which=1)[1].interval
            naive += alone.low < SLOPE < alone.high
    assert 0.91 <= covered / 200 <= 0.99
    assert naive / 30 < 0.8


def test_no_slope_is_rarely_taken_for_one():
    false = 0
    for seed in range(200):
        data = planted(np.random.default_rng(seed), slope=0.0, budget=np.exp(LEVEL + 0.3))
        slope = clustered_slope(*data[:3], list(data[3]), which=1)[1]
        false += slope.p_above < 0.05 or slope.p_below < 0.05
        assert (slope.p_below < 0.05) == (slope.interval.high < 0)
        assert (slope.p_above < 0.05) == (slope.interval.low > 0)
    assert false <= 20
