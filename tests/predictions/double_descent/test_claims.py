"""Every claim about double descent on planted worlds: true, false, and with nothing to see."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import pytest

from efficiency.training.record_steps import recorded_steps
from predictions.cells import Cell, Run
from predictions.double_descent.axes import AT, norm_at
from predictions.double_descent.decay_claims import bump
from predictions.double_descent.peaks import Peak, highest, mostly
from predictions.double_descent.threshold_width import WIDE, is_larger
from predictions.groups import DOUBLE_DESCENT
from predictions.registry import find
from predictions.testing import check_prediction, finished
from tests.predictions.foretelling import SHAPES

FITS_AT = {"features": 200, "width": 11, "dataset_size": 320}
"""Where planted networks just fit."""

PEAK_AT = {"features": 200, "width": 17, "dataset_size": 250}
"""Where planted test losses are highest: where the design reads them."""


@functools.lru_cache(maxsize=64)
def cells(name: str, num_seeds: int) -> list[Cell]:
    return find(name).cells("quick", num_seeds)


def world(
    name: str,
    rng,
    *,
    peak=1.0,
    norm_peak=None,
    height=0.8,
    held=0.0,
    tilt=0.2,
    noise=0.05,
    apart=0.05,
    unlike=0.0,
    num_seeds=12,
    shape="normal",
) -> list[Run]:
    """Return networks whose test loss peaks near where they just fit.

    Args:
        name: The claim.
        rng: Draws everything.
        peak: Place of the peak / that which the design reads.
        norm_peak: Place of the largest norm / the same; default: there.
        height: How steep ln of the test loss is to both sides, for a factor of e.
        held: The same with the strongest decay.
        tilt: How steep it falls on the whole: what is larger is better, as a rule.
        noise: Of each ln.
        apart: Of where seeds peak, in ln.
        unlike: Of how steep seeds are.
        num_seeds: Seeds.
        shape: One of ``SHAPES``, of how seeds differ.
    """
    axis = find(name).axis
    found = cells(name, num_seeds)
    seeds = sorted({cell.seed for cell in found})
    shift, steeper = (
        dict(zip(seeds, spread * SHAPES[shape](rng, num_seeds), strict=True))
        for spread in (apart, unlike)
    )
    runs = []
    for cell, (one, two) in zip(found, rng.normal(size=(len(found), 2)), strict=True):
        value = axis.at(finished(cell))
        fits, top = math.log(FITS_AT[axis.label]), math.log(PEAK_AT[axis.label])
        decay = cell.settings.optimiser.weight_decay
        slope = (held if decay == axis.decays[-1] else height) + steeper[cell.seed]
        far = math.log(value) - top - shift[cell.seed]
        loss = math.exp(-slope * abs(far - math.log(peak)) - tilt * math.log(value) + noise * one)
        norm = math.exp(-0.5 * abs(far - math.log(norm_peak or 1.0)) + 0.1 * noise * two)
        beyond = math.log(value) - fits
        # Norm goes with the root of the log-odds; who does not fit does not come to that logit.
        fitted = beyond <= 0 if axis.label == "dataset_size" else beyond >= 0
        reached = {0.0: 2.0, 0.3: 1.2, 1.0: 0.5}.get(decay, 1.0) if fitted else 0.5
        runs.append(
            finished(
                cell,
                test_loss=loss,
                held_out_squared_error=loss,
                train_accuracy=1.0 if fitted else 0.9,
                test_accuracy=0.6,
                log_odds=AT * reached,
                norm=norm * math.sqrt(reached / 2),
                norm_W_U=norm,
            )
        )
    return runs


def course(rng, *, rise=1.0, second=0.4, unlike=0.0, num_seeds=12, shape="normal") -> list[Run]:
    """Return histories whose test error falls, rises by a factor e^rise, and falls again or not.

    Args:
        rng: Draws everything.
        rise: ln of its peak over its first minimum.
        second: ln of its peak over the end.
        unlike: Of both between seeds.
        num_seeds: Seeds.
        shape: One of ``SHAPES``.
    """
    runs = []
    found = cells("epochs-peak", num_seeds)
    drawn = unlike * SHAPES[shape](rng, num_seeds)
    for cell, own in zip(found, drawn, strict=True):
        steps = recorded_steps(cell.settings.recording, cell.settings.num_steps)
        at = np.log([1, 27, 1001, steps[-1] + 1])
        high = -3.0 + rise + own
        log = np.interp(np.log1p(steps), at, [-0.1, -3.0, high, high - second - own])
        log = log + 0.1 * rng.normal() + 0.02 * rng.normal(size=len(steps))
        history = pd.DataFrame({"step": steps, "test_accuracy": 1 - np.exp(log)})
        runs.append(finished(cell, history=history))
    return runs


def continued(
    rng, *, wide_later=lambda rng: True, settled=lambda seed, arm: True, num_seeds=12
) -> list[Run]:
    """Return networks of two widths with thresholds, the wide one's a half larger or smaller."""
    later: dict[int, bool] = {}
    runs = []
    for cell in cells("threshold-width", num_seeds):
        larger = later.setdefault(cell.seed, wide_later(rng))
        at = 170 * (1.5 if (cell.arm == WIDE) == larger else 1.0)
        status = "settled" if settled(cell.seed, cell.arm) else "not settled"
        D = cell.settings.dataset_size
        known = 1.0 if cell.role == "start" else 1 / (1 + (at / D) ** 4)
        runs.append(
            finished(
                cell,
                status=status if cell.role == "start" else "settled",
                train_accuracy=1.0,
                novel_accuracy=known,
                norm=20.0,
                gen_share_answer=0.99,
            )
        )
    return runs


def rng(seed=0):
    return np.random.default_rng(seed)


WORLDS = {
    "features-peak": (
        lambda: world("features-peak", rng()),
        lambda: world("features-peak", rng(), height=-0.8),
    ),
    "features-norm": (
        lambda: world("features-norm", rng()),
        lambda: world("features-norm", rng(), norm_peak=0.2),
    ),
    "features-decay": (
        lambda: world("features-decay", rng()),
        lambda: world("features-decay", rng(), held=0.8),
    ),
    "width-peak": (
        lambda: world("width-peak", rng()),
        lambda: world("width-peak", rng(), peak=4.0),
    ),
    "width-norm": (
        lambda: world("width-norm", rng()),
        lambda: world("width-norm", rng(), norm_peak=6.0),
    ),
    "width-decay": (
        lambda: world("width-decay", rng()),
        lambda: world("width-decay", rng(), held=0.8),
    ),
    "examples-peak": (
        lambda: world("examples-peak", rng()),
        lambda: world("examples-peak", rng(), peak=1 / 3),
    ),
    "examples-norm": (
        lambda: world("examples-norm", rng()),
        lambda: world("examples-norm", rng(), norm_peak=1 / 4),
    ),
    "epochs-peak": (
        lambda: course(rng()),
        lambda: course(rng(), second=0.0),
    ),
    "threshold-width": (
        lambda: continued(rng()),
        lambda: continued(rng(), wide_later=lambda rng: False),
    ),
}


def test_every_claim_has_worlds():
    assert WORLDS.keys() == DOUBLE_DESCENT.keys()


@pytest.mark.parametrize("name", WORLDS)
def test_claims_conform(name):
    true, false = (made() for made in WORLDS[name])
    check_prediction(find(name), true=true, false=false)


@pytest.mark.parametrize("name", ["features-peak", "width-peak", "examples-peak"])
@pytest.mark.parametrize("slope", ["only falls", "only rises"])
def test_a_curve_without_a_peak_is_refuted(name, slope):
    # A peak far outside of all that is tried.
    peak = 1e-4 if slope == "only falls" else 1e4
    verdict = find(name).judge("quick", world(name, rng(1), peak=peak))
    assert verdict.outcome == "refuted", verdict.sentence


def test_a_peak_is_read_at_the_places_of_the_design():
    curve = {3: 9.0, 4: 1.0, 17: 5.0, 20: 8.0, 192: 2.0}
    read = Peak.of(curve, (4, 17, 192))
    assert (read.rise, read.fall) == (pytest.approx(math.log(5)), pytest.approx(math.log(2.5)))


def test_a_seed_s_own_peak_is_looked_for_from_the_valley_on():
    """What is bad with hardly anything may be worse still, and is no part of double descent."""
    curve = {2: 50.0, 4: 1.0, 17: 5.0, 192: 2.0}
    assert highest(curve) == 2
    assert highest(curve, 4) == 17


def test_what_is_not_known_supports_nothing_and_refutes_nothing():
    known = mostly("x", dict.fromkeys(range(12), True))
    assert known.holds < 0.05
    for unknown in (None, False):
        clause = mostly("x", {seed: True if seed < 6 else unknown for seed in range(12)})
        assert clause.holds > 0.05
    none = mostly("x", dict.fromkeys(range(12)))
    assert (none.holds, none.fails) == (1.0, 1.0)
    assert mostly("x", dict.fromkeys(range(12), False)).fails < 0.05


def test_a_bump_is_what_lies_above_half_and_twice():
    curve = {80: 2.0, 120: 4.0, 200: 8.0, 220: 9.0, 400: 1.0, 600: 3.0}
    assert bump(curve, 200) == pytest.approx(math.log(8 / math.sqrt(4 * 1)))
    assert bump({at: at**-0.5 for at in (8, 17, 34)}, 17) == pytest.approx(0.0, abs=0.05)


def test_at_most_one_in_a_hundred_wrong_is_fitted():
    cell = next(c for c in cells("width-peak", 1) if c.settings.network.d_mlp == 17)
    axis = find("width-peak").axis
    for accuracy, wanted in ((0.99, True), (1 - 4 / 400, True), (1 - 5 / 400, False)):
        assert axis.fitted([finished(cell, train_accuracy=accuracy)]) == {17: wanted}


@pytest.mark.parametrize(
    ("fitted", "wanted"),
    [
        ([False, False, True, True], math.sqrt(4 * 5)),
        ([False, True, False, True], math.sqrt(3 * 6)),
        ([False, False, False, False], None),
        ([True, True, True, True], None),
    ],
)
def test_networks_just_fit_between_what_does_not_and_what_always_does(fitted, wanted):
    by_width = {cell.settings.network.d_mlp: cell for cell in cells("width-peak", 1)}
    runs = [
        finished(by_width[width], train_accuracy=0.995 if so else 0.98)
        for width, so in zip([3, 4, 5, 6], fitted, strict=True)
    ]
    found = find("width-peak").axis.fits_at(runs)
    assert found == (wanted if wanted is None else pytest.approx(wanted))


def test_a_norm_is_read_between_the_networks_that_enclose_the_logit():
    scaled = [(2.0, 10.0), (8.0, 20.0), (32.0, 40.0)]  # the norm goes with the root
    assert norm_at(scaled, 4.5) == pytest.approx(15.0)
    assert norm_at([*scaled, (-1.0, 3.0)], 18.0) == pytest.approx(30.0)
    assert norm_at(scaled, 1.0) is None
    assert norm_at(scaled, 33.0) is None


def test_seeds_of_which_a_run_diverged_are_left_out_and_named():
    runs = world("width-peak", rng())
    lost = runs[5]
    runs[5] = finished(lost.cell, status="diverged")
    verdict = find("width-peak").judge("quick", runs)
    assert verdict.outcome == "supported"
    assert "in 11 of 11 seeds" in verdict.sentence
    assert any(str(lost.seed) in note for note in verdict.notes)


def test_seeds_count_of_which_both_start_networks_do():
    runs = continued(rng(), settled=lambda seed, arm: seed % 4 != 0 or arm == WIDE)
    verdict = find("threshold-width").judge("quick", runs)
    assert "In 9 of 9 seeds" in verdict.sentence
    runs = continued(rng(), settled=lambda seed, arm: seed % 4 == 0 or arm == WIDE)
    verdict = find("threshold-width").judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert "3 seeds are too few" in verdict.sentence


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((1.0, 2.0), (0.5, 1.6), True),
        ((0.5, 1.6), (1.0, 2.0), False),
        ((1.0, 2.0), (1.0, 2.0), None),
        ((3.0, math.inf), (1.0, 2.0), True),
        ((3.0, math.inf), (2.5, 3.5), None),
        ((-math.inf, 1.0), (1.0, math.inf), False),
        ((3.0, math.inf), (3.0, math.inf), None),
    ],
)
def test_thresholds_are_compared_where_their_bounds_say(one, other, wanted):
    assert is_larger(one, other) is wanted


def test_test_error_that_does_not_rise_is_no_double_descent():
    verdict = find("epochs-peak").judge("quick", course(rng(), rise=-0.2, second=0.0))
    assert verdict.outcome == "refuted"


def test_width_that_always_fits_says_nothing_of_where_it_just_does():
    runs = [
        finished(
            cell,
            test_loss=1.0 + (cell.settings.network.d_mlp == 17),
            test_accuracy=0.5,
            train_accuracy=1.0,
        )
        for cell in cells("width-peak", 12)
    ]
    verdict = find("width-peak").judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert "fit_at" not in verdict.numbers
