"""Times and sharpness of falls, on losses of which both are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.phase_changes.falls import EXPONENTIAL, SHARP, delay, sharpness, step_below

STEPS = np.arange(0, 4001, 5)


def course(**columns) -> pd.DataFrame:
    return pd.DataFrame({"step": STEPS, **columns})


@given(st.floats(20, 500), st.floats(0.5, 8))
def test_a_loss_that_falls_at_one_rate_has_the_sharpness_of_an_exponential(time, plateau):
    found = sharpness(course(loss=plateau * np.exp(-STEPS / time)), "loss", plateau)
    assert found == pytest.approx(EXPONENTIAL, rel=0.02)
    assert SHARP == EXPONENTIAL / 2


@given(st.floats(100, 3000), st.floats(5, 20), st.floats(0.5, 8))
def test_a_loss_that_stands_and_then_drops_is_sharp(at, width, plateau):
    losses = plateau / (1 + np.exp(np.clip((STEPS - at) / width, -50, 50)))
    found = sharpness(course(loss=losses), "loss", plateau)
    assert found == pytest.approx(2 * math.log(3) * width / at, rel=0.1, abs=0.01)


@given(st.floats(0, 3000))
def test_a_level_is_passed_where_a_line_passes_it(at):
    losses = 2 - np.clip((STEPS - at) / 500, 0, None)
    found = step_below(course(loss=losses), "loss", 1.5)
    expected = at + 250
    assert found == pytest.approx(expected, abs=5)


def test_two_records_below_a_level_are_luck():
    losses = np.full(len(STEPS), 2.0)
    losses[100:102] = 0.5
    assert step_below(course(loss=losses), "loss", 1.0) == math.inf
    losses[300:] = 0.5
    assert step_below(course(loss=losses), "loss", 1.0) > STEPS[299]


def test_what_never_comes_to_a_quarter_does_not_fall():
    losses = 2 / (1 + np.exp((STEPS - 500) / 10)) + 0.6
    assert sharpness(course(loss=losses), "loss", 2.0) == math.inf


def test_a_delay_is_a_ratio_and_its_bound_where_test_examples_are_never_known():
    early = np.where(STEPS >= 100, 0.1, 4.0)
    late = np.where(STEPS >= 1000, 0.1, 4.0)
    assert delay(course(train_loss=early, test_loss=late)) == pytest.approx(10, rel=0.05)
    never = np.full(len(STEPS), 4.0)
    assert delay(course(train_loss=early, test_loss=never)) == pytest.approx(40, rel=0.05)
    assert math.isnan(delay(course(train_loss=never, test_loss=late)))
