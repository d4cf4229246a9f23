from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.analysis.isologit import isologit_norm, kappa
from efficiency.statistics.intervals import TooFewError


@given(
    norm=st.floats(5, 50),
    power=st.floats(1, 8),
    at=st.floats(15, 19),
    logits=st.lists(st.floats(15, 19), min_size=2, max_size=5, unique=True).filter(
        lambda s: np.ptp(s) > 0.5
    ),
)
def test_the_norm_of_a_power_law_is_recovered_between_its_points(norm, power, at, logits):
    norms = norm * (np.array(logits) / 17) ** (1 / power)
    if min(logits) <= at <= max(logits):
        expected = norm * (at / 17) ** (1 / power)
        # A straight line in place of a logarithm, over a quarter of an e-fold.
        assert isologit_norm(norms, logits, at) == pytest.approx(expected, rel=0.01)
    assert kappa(norm * np.array([1.0, 1.05, 1.1]), 17 * np.array([1.0, 1.05, 1.1]) ** power) == (
        pytest.approx(power)
    )


@given(factor=st.floats(0.1, 10))
def test_measuring_the_norm_in_other_units_changes_nothing_else(factor):
    norms, logits = np.array([20.0, 21.0, 22.0]), np.array([16.0, 17.0, 18.0])
    scaled = isologit_norm(factor * norms, logits, 17.0)
    assert scaled == pytest.approx(factor * isologit_norm(norms, logits, 17.0))


def test_a_logit_far_outside_those_seen_is_refused():
    norms, logits = [20.0, 21.0], [16.0, 17.0]
    isologit_norm(norms, logits, 17.2)
    with pytest.raises(TooFewError, match=r"18 lies outside those seen, 16.00 to 17.00"):
        isologit_norm(norms, logits, 18.0)
    with pytest.raises(TooFewError, match="two logits at least"):
        isologit_norm([20.0], [16.0], 16.0)


def test_norms_that_hardly_differ_and_logits_below_zero_have_no_kappa():
    with pytest.raises(TooFewError, match="less than 3%"):
        kappa([20.0, 20.1], [10.0, 11.0])
    with pytest.raises(TooFewError, match="positive"):
        kappa([20.0, 22.0], [-1.0, 1.0])
