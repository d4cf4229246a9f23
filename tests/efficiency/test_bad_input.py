"""Public functions of numbers refuse what they cannot compute with, and say what was given."""

from __future__ import annotations

import math

import pytest

from efficiency import train
from efficiency.analysis import isologit
from efficiency.statistics import critical_size, lines
from efficiency.statistics import intervals as statistics
from efficiency.statistics.critical_size import bracket, crossing, fit_s_curve
from efficiency.statistics.interval_censored import bracketed_mean
from efficiency.statistics.shapes import residual_errors
from tests.build import run_settings

SIZES, R = (10, 20, 40, 80), (0.0, 0.1, 0.9, 1.0)

OF_A_SWEEP = {
    "crossing": crossing,
    "fit_s_curve": fit_s_curve,
    "fit_line": critical_size.fit_line,
    "line_width": critical_size.line_width,
    "residual_errors": residual_errors,
    "bracket": lambda sizes, r: bracket(sizes, [r, r]),
}


@pytest.mark.parametrize("name", OF_A_SWEEP)
@pytest.mark.parametrize(
    ("sizes", "r", "message"),
    [
        ((10, 40, 20, 80), R, r"sizes must increase.*10\.0, 40\.0, 20\.0"),
        ((10, 10, 20, 40), R, "sizes must increase"),
        ((0, 10, 20, 40), R, "sizes must be finite numbers above 0"),
        ((10, 20, math.inf, math.inf), R, "sizes must be finite"),
        (SIZES, (0, 0.1, math.nan, 1), "retained accuracies must be finite numbers.*nan"),
        (SIZES, R[:3], "equally many, not 4 and 3"),
        ((), (), "sizes at least are needed, not 0"),
        (("a", "b"), R[:2], "sizes must be numbers"),
    ],
)
def test_a_sweep_that_is_none_is_refused(name, sizes, r, message):
    OF_A_SWEEP[name](SIZES, R)
    with pytest.raises(ValueError, match=message):
        OF_A_SWEEP[name](sizes, r)


@pytest.mark.parametrize(
    "call",
    [
        lambda: statistics.t_interval([1, math.nan, 2]),
        lambda: statistics.t_interval([1, 2], confidence=95),
        lambda: statistics.t_interval([[1, 2], [3, 4]]),
        lambda: statistics.greater_p([1, math.inf]),
        lambda: statistics.equivalence([1, 2], 0),
        lambda: statistics.holm([0.1, math.nan]),
        lambda: statistics.holm([1.1]),
        lambda: statistics.share_interval(3, 2),
        lambda: statistics.share_interval(-1, 2),
        lambda: statistics.share_p(3, 2, 0.5),
        lambda: statistics.share_p(1, 2, 1.5),
        lambda: statistics.rank_correlation([1, 2, 3, 4], [1, 2, 3]),
        lambda: statistics.rank_correlation([1, 2, 3, math.nan], [1, 2, 3, 4]),
        lambda: isologit.isologit_norm([1, -2], [3, 4], 3),
        lambda: isologit.isologit_norm([1, 2, 3], [3, 4], 3),
        lambda: isologit.kappa([0, 2], [3, 4]),
        lambda: isologit.kappa([1, math.nan], [3, 4]),
        lambda: lines.fit_line([1, 2, 3], [1, 2, math.nan]),
        lambda: lines.fit_line([1, 2, 3], [1, 2]),
        lambda: bracketed_mean([0, math.nan], [1, 2]),
        lambda: bracketed_mean([0, 2], [1, 1]),
        lambda: bracketed_mean([0], [1, 2]),
        lambda: critical_size.retained(0.5, 1),
        lambda: critical_size.s_curve(-1, 10, 2),
        lambda: critical_size.s_curve(1, 0, 2),
        lambda: critical_size.population([], unit="examples"),
        lambda: critical_size.population([[]], unit="examples"),
        lambda: train(run_settings()),
        lambda: train([]),
    ],
)
def test_what_cannot_be_computed_with_is_refused_with_a_message_of_ours(call):
    from efficiency import InvalidInputError

    with pytest.raises(InvalidInputError, match=r"\w+"):
        call()


def test_a_single_run_is_named_as_such():
    with pytest.raises(ValueError, match=r"one RunSettings was given; .*train\(\[settings\]\)"):
        train(run_settings())


@pytest.mark.parametrize(("rate", "decay"), [(0.1, 19.0), (1e-3, 2500.0), (0.5, 2.0)])
def test_a_decay_that_leaves_nothing_of_the_weights_is_refused(rate, decay):
    with pytest.raises(ValueError, match=r"multiplies the weights by 1 − ηλ.*call the product ηλ"):
        run_settings(learning_rate=rate, weight_decay=decay)
    run_settings(learning_rate=rate, weight_decay=decay, decay_form="l2")


@pytest.mark.parametrize("epsilon", [0.0, 1e-40, 1e-31])
def test_an_epsilon_that_float32_cannot_hold_apart_from_zero_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        run_settings(epsilon=epsilon)
