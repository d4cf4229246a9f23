from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.settings import RunSettings
from efficiency.training.outcome import Outcome
from paper_figures.panels import interventions as figure_interventions
from predictions.cells import Cell, Run
from predictions.first_study.interventions import Interventions
from predictions.first_study.interventions_arms import (
    ARMS,
    BASELINE,
    DESIGNS,
    WEIGHT_DECAY,
    run_of,
)
from predictions.first_study.interventions_judge import find, times
from predictions.first_study.times import Time, time_of
from predictions.labelled import Labelled
from predictions.sizes import OF_ALL
from tests.build import number

DESIGN = DESIGNS["quick"]
BUDGET = float(DESIGN.num_steps)
OTHERS = [arm for arm in ARMS if arm != WEIGHT_DECAY]

TIMES = st.one_of(
    st.builds(Time, steps=st.floats(1, BUDGET), censored=st.just(False)),
    st.just(Time(steps=BUDGET, censored=True)),
)


def at(steps: float) -> Time:
    return Time(steps=min(steps, BUDGET), censored=steps >= BUDGET)


def planted(num_seeds=10, *, ours=800.0, theirs=3000.0, spread=0.2, seed=0, **others):
    """Return times of all arms, log-normal around a median; those of ``others`` by arm."""
    rng = np.random.default_rng(seed)
    medians = dict.fromkeys(OTHERS, theirs) | others | {WEIGHT_DECAY: ours}
    return {
        arm: {s: at(medians[arm] * math.exp(spread * rng.normal())) for s in range(num_seeds)}
        for arm in ARMS
    }


def run_at(arm: str, seed: int, time: Time) -> Run:
    cell = Cell(settings=run_of(DESIGN, arm, seed), arm=arm)
    generalised = number(time.steps, "steps")
    if time.censored:
        generalised = type(generalised)(
            value=None, low=BUDGET, high=None, n=1, unit="steps", status="censored"
        )
    outcome = Outcome(status="settled", reasons=(), numbers={"step_generalised": generalised})
    return Run(cell=cell, outcome=outcome)


def test_a_planted_advantage_over_every_arm_is_supported():
    finding = find(planted())
    assert finding.outcome == "supported"
    assert finding.numbers[Labelled("earlier_than", arm="Adam")].value == 1.0
    assert finding.p_value == pytest.approx(2 * 0.5**10)
    ratio = finding.numbers[Labelled("times_faster_than", arm="dropout")]
    assert ratio.low < 3000 / 800 < ratio.high


def test_arms_that_never_generalise_are_beaten_and_their_ratio_is_a_bound():
    finding = find(planted(theirs=10 * BUDGET))
    assert finding.outcome == "supported"
    ratio = finding.numbers[Labelled("times_faster_than", arm="Adam")]
    assert (ratio.value, ratio.high, ratio.status) == (None, None, "censored")
    assert 1 < ratio.low < BUDGET / 800


def test_seeds_in_which_weight_decay_never_came_are_not_left_out_of_its_advantage():
    drawn = planted()
    drawn[WEIGHT_DECAY][0] = Time(steps=BUDGET, censored=True)
    ratio = find(drawn).numbers[Labelled("times_faster_than", arm="Adam")]
    assert (ratio.value, ratio.low, ratio.high) == (None, None, None)


def test_one_rival_of_equal_strength_leaves_it_open_and_is_named():
    finding = find(planted(dropout=800.0, spread=0.5))
    assert finding.outcome == "undecided"
    assert finding.deciding == Labelled("earlier_than", arm="dropout")
    assert "dropout, its closest rival" in finding.sentence


def test_seeds_in_which_neither_came_are_left_out_of_the_sign_test_alone():
    drawn = planted(theirs=10 * BUDGET)
    for seed in range(4):
        drawn[WEIGHT_DECAY][seed] = Time(steps=BUDGET, censored=True)
    finding = find(drawn)
    assert finding.outcome == "undecided"
    assert finding.numbers[Labelled("earlier_than", arm="Adam")].value == 0.6
    ahead = finding.numbers[Labelled("ahead_where_decided", arm="Adam")]
    assert (ahead.value, ahead.n) == (1.0, 6)
    assert ahead.low == pytest.approx(0.025 ** (1 / 6))


def test_one_stronger_rival_refutes():
    finding = find(planted(**{"full batch": 100.0}))
    assert finding.outcome == "refuted"
    assert finding.deciding == Labelled("later_than", arm="full batch")


def test_weight_decay_that_never_generalises_is_no_test_and_few_seeds_decide_nothing():
    invalid = find(planted(ours=10 * BUDGET))
    assert invalid.outcome == "invalid"
    assert invalid.numbers[Labelled("generalised", arm="dropout")].value == 10
    assert find(planted(num_seeds=5)).outcome == "undecided"
    assert find(planted(num_seeds=6)).outcome == "supported"


def test_equal_arms_are_rarely_told_apart():
    # Two arms alone: against eight at once it would be rarer still.
    wrong = sum(
        find({arm: by for arm, by in planted(theirs=800.0, seed=s).items() if arm in kept}).outcome
        != "undecided"
        for s in range(400)
        for kept in [(WEIGHT_DECAY, BASELINE)]
    )
    # 9 or 10 of 10 seeds on either side: 2.1% of the experiments.
    assert wrong <= 19


@given(st.lists(TIMES, min_size=2, max_size=6))
def test_a_censored_time_never_beats_an_observed_one_in_any_order(drawn):
    for one in drawn:
        for other in drawn:
            if one.censored:
                assert not one.before(other)
            assert not (one.before(other) and other.before(one))
            if other.censored and not one.censored:
                assert one.before(other)


@given(
    st.permutations(
        [(arm, seed) for arm in (WEIGHT_DECAY, BASELINE, "dropout") for seed in range(6)]
    )
)
def test_the_order_of_the_records_does_not_matter(order):
    drawn = planted(num_seeds=6, Adam=4900.0, spread=0.4)
    runs = [run_at(arm, seed, drawn[arm][seed]) for arm, seed in order]
    found = times(runs)
    assert found == {arm: drawn[arm] for arm in found}
    verdicts = [Interventions().judge("quick", some) for some in (runs, runs[::-1])]
    assert verdicts[0] == verdicts[1]


def test_a_run_that_diverged_never_generalised():
    run = run_at(BASELINE, 0, at(300.0))
    diverged = Run(cell=run.cell, outcome=Outcome(status="diverged", reasons=("nan",), numbers={}))
    assert time_of(run) == Time(steps=300.0, censored=False)
    assert time_of(diverged) == Time(steps=BUDGET, censored=True)


@pytest.mark.parametrize("size", OF_ALL)
def test_every_arm_differs_from_the_baseline_in_one_thing(size):
    design = DESIGNS[size]
    runs = {arm: run_of(design, arm, 7) for arm in ARMS}
    assert len(set(runs.values())) == len(ARMS)
    for run in runs.values():
        assert RunSettings.from_document(run.document()) == run
        assert (run.data_seed, run.init_seed, run.dataset_size) == (7, 7, design.dataset_size)
    assert all(run_of(design, c.arm, c.seed) == c.settings for c in Interventions().cells(size))
    assert design.batch_size <= min(512, math.ceil(design.dataset_size / 2))
    assert len(Interventions().settings(size)) == len(ARMS) * design.num_seeds


def test_the_figure_shows_every_seed_and_which_never_came():
    drawn = planted(theirs=4000.0, spread=0.4)
    runs = [run_at(arm, seed, time) for arm, by in drawn.items() for seed, time in by.items()]
    verdict = Interventions().judge("quick", runs)
    (axes,) = figure_interventions.build(verdict, runs).axes
    shown = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    for arm, by_seed in drawn.items():
        came = [time.steps for time in by_seed.values() if not time.censored]
        never = [time.steps for time in by_seed.values() if time.censored]
        assert shown[arm] == came
        assert shown[f"{arm}, censored"] == never
    assert sum(len(shown[f"{arm}, censored"]) for arm in ARMS) > 0
