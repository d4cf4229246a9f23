"""Weight decay after equally many steps, on records whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from efficiency.statistics.critical_size import s_curve
from predictions.cells import Run
from predictions.circuit_efficiency.controls.equal_steps import DECAYS, LONGER, EqualSteps
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS
from predictions.circuit_efficiency.weight_decay.claim import RATIO_MARGIN
from predictions.labelled import each, word
from predictions.registry import find
from predictions.sizes import SIZES
from tests.predictions.planted import S, ended

CLAIM = EqualSteps()


def planted(
    rng: np.random.Generator,
    *,
    num_seeds: int = 12,
    ratio: float = 1.0,
    spread: float = 0.05,
    slopes: tuple[float, float] = (4.0, 4.0),
) -> list[Run]:
    """Return start networks that ungrok at both weight decays.

    Args:
        rng: Draws everything.
        num_seeds: Start networks; their thresholds spread by 0.2 around 165.
        ratio: Threshold with the larger decay / with the smaller.
        spread: Of the log threshold of a start network, at each decay.
        slopes: Of the S-curve, with the smaller and with the larger decay.
    """
    runs, at = [], {}
    for cell in CLAIM.cells("quick", num_seeds):
        settings = cell.settings
        if settings.start is None:
            runs.append(ended(cell))
            own = math.log(165) + 0.2 * rng.normal()
            apart = dict(zip(DECAYS, (-0.5, 0.5), strict=True))
            at = {w: own + apart[w] * math.log(ratio) + spread * rng.normal() for w in DECAYS}
            continue
        D, decay = settings.dataset_size, settings.optimiser.weight_decay
        r = float(s_curve(D, math.exp(at[decay]), slopes[DECAYS.index(decay)]))
        num_novel = round(S**2 * (1 - D / S**2) ** 2)
        accuracy = rng.binomial(num_novel, 1 / S + (1 - 1 / S) * r) / num_novel
        runs.append(ended(cell, novel_accuracy=accuracy, novel_accuracy_drift=-0.01))
    return runs


def outcomes(count: int, **truth) -> list[str]:
    return [
        CLAIM.judge("quick", planted(np.random.default_rng([9, i]), **truth)).outcome
        for i in range(count)
    ]


def test_networks_that_end_alike_at_every_size_support_the_claim():
    verdict = CLAIM.judge("quick", planted(np.random.default_rng(0)))
    assert verdict.outcome == "supported", verdict.sentence
    assert verdict.numbers["threshold_ratio"].value == pytest.approx(1, abs=0.1)
    assert {
        name["dataset_size"] for name, _ in each(verdict.numbers, "difference", "dataset_size")
    } == {*DESIGNS["quick"].sizes}
    for name in verdict.numbers:
        assert word(name) in CLAIM.glossary, name


def test_a_threshold_that_moves_refutes_it():
    verdict = CLAIM.judge("quick", planted(np.random.default_rng(0), ratio=1.6))
    assert verdict.outcome == "refuted"
    assert verdict.numbers["threshold_ratio"].value == pytest.approx(1.6, rel=0.15)


def test_differences_that_cancel_over_the_sizes_are_seen_at_each():
    """A sharper fall at the same threshold: less below it, more above; nothing on average."""
    runs = planted(np.random.default_rng(0), num_seeds=24, slopes=(2.0, 7.0))
    verdict = CLAIM.judge("quick", runs)
    assert verdict.outcome == "refuted"
    assert word(verdict.deciding) == "difference"
    values = [n.value for _, n in each(verdict.numbers, "difference", "dataset_size")]
    assert abs(np.mean(values)) < 0.05
    assert max(values) > 0.15
    assert verdict.numbers["threshold_ratio"].value == pytest.approx(1, abs=0.1)


def test_at_the_margins_it_is_rarely_supported(full_calibration):
    count = 500 if full_calibration else 10
    for truth in ({"ratio": RATIO_MARGIN}, {"slopes": (3.0, 5.0)}):
        supported = outcomes(count, num_seeds=24, **truth).count("supported")
        assert supported <= stats.binom.ppf(0.999, count, 0.05), truth


def test_the_stated_number_of_networks_suffices(full_calibration):
    count = 200 if full_calibration else 10
    supported = outcomes(count, num_seeds=24, spread=0.1).count("supported")
    assert supported >= stats.binom.ppf(0.01, count, 0.8)


def test_too_few_or_none_that_count_decide_nothing():
    rng = np.random.default_rng(0)
    assert CLAIM.judge("quick", planted(rng, num_seeds=2)).outcome == "undecided"
    assert CLAIM.judge("quick", []).outcome == "invalid"


@pytest.mark.parametrize("size", SIZES)
def test_both_arms_have_one_length_and_differ_in_the_decay_alone(size):
    runs = CLAIM.settings(size)
    starts = {run for run in runs if run.start is None}
    arms = [[r for r in runs if r.start and r.optimiser.weight_decay == w] for w in DECAYS]
    assert starts <= set(find("ungrokking").settings(size))
    assert len(starts) + sum(map(len, arms)) == len(runs)
    for one, other in zip(*arms, strict=True):
        assert other.model_copy(update={"optimiser": one.optimiser}) == one
        assert one.num_steps == LONGER * DESIGNS[size].steps_at_one
    assert f"{len(runs)} runs." in CLAIM.design(size)
