"""Claims about training without end, on records whose truth is known."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from efficiency.statistics.critical_size import s_curve
from efficiency.training.outcome import Outcome, tail_at
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.at_rest.anti_grokking import LOST, USUAL
from predictions.circuit_efficiency.at_rest.comes_to_rest import LONGER, MOST, clauses
from predictions.circuit_efficiency.at_rest.descent import DESIGNS
from predictions.circuit_efficiency.controls.small_epsilon import SMALL
from predictions.circuit_efficiency.ungrokking.judge import FALL, FORGETTING, KEEP
from predictions.circuit_efficiency.ungrokking.reading import sweeps, usable
from predictions.circuit_efficiency.weight_decay.claim import RATIO_MARGIN
from predictions.clauses import LEVEL, decide, majority_p
from predictions.groups import AT_REST
from predictions.labelled import Labelled, word
from predictions.registry import find, group_of, select
from predictions.verdicts import Verdict
from tests.build import Left, number
from tests.predictions.planted import S, accuracies_over_time, ended, with_number

SHAPES = {
    "normal": lambda rng: rng.normal(),
    "two humps": lambda rng: rng.choice([-1.0, 1.0]) + 0.1 * rng.normal(),
    "skewed": lambda rng: rng.exponential() - 1,
}


def judge(name: str, runs: list[Run]) -> Verdict:
    return find(name).judge("quick", runs)


@functools.cache
def cells_of(name: str, num_seeds: int) -> list[Cell]:
    # Checked when they are made, and simulations want the same ones again and again.
    return find(name).cells("quick", num_seeds)


def accuracy_at(r: float) -> float:
    return 1 / S + (1 - 1 / S) * r


def long_runs(course: str, *, num_seeds: int = 6, middle: float = 160.0, noise: float = 0.01):
    """Return start networks and long continuations whose accuracy takes a course to an S-curve."""
    rng, runs = np.random.default_rng(0), []
    for cell in find("comes-to-rest").cells("quick", num_seeds):
        settings = cell.settings
        if settings.start is None:
            runs.append(ended(cell))
            continue
        r = float(s_curve(settings.dataset_size, middle, 3.0))
        recorded = accuracies_over_time(settings, course, accuracy_at(r), noise, rng)
        final = tail_at(recorded, settings, 1.0, "novel_accuracy")[0]
        run = ended(cell, novel_accuracy=final, novel_accuracy_drift=0.0)
        runs.append(replace(run, left=Left(recorded)))
    return runs


def descended(
    *,
    factor: float = 1.0,
    middle: float = 150.0,
    num_seeds: int = 6,
    spread=None,
    drift: float = 0.0,
    log_odds: float = 4.0,
):
    """Return continuations by descent; the larger penalty's thresholds are so many times larger."""
    rng, runs, at = np.random.default_rng(1), [], {}
    small, large = DESIGNS["quick"].weight_decays
    for cell in cells_of("gradient-descent", num_seeds):
        settings = cell.settings
        if settings.start is None:
            runs.append(ended(cell))
            continue
        seed, decay = settings.data_seed, settings.optimiser.weight_decay
        if seed not in at:
            own = math.exp(0.1 * rng.normal())
            off = 0.05 * rng.normal() if spread is None else spread(rng)
            at[seed] = {small: middle * own, large: middle * own * factor * math.exp(off)}
        r = float(s_curve(settings.dataset_size, at[seed][decay], 4.0))
        runs.append(
            ended(
                cell,
                novel_accuracy=accuracy_at(r),
                novel_accuracy_drift=drift,
                log_odds=5.0 if decay == small else log_odds,
                norm=16.0,
            )
        )
    return runs


def collapsing(lost: int, *, of: int = 10, usual: int = 0) -> list[Run]:
    """Return networks that had generalised, some of which collapse in either arm."""
    runs = []
    for cell in find("anti-grokking").cells("quick", of):
        settings = cell.settings
        seed = settings.data_seed - 4000
        accuracy = 1.0
        if settings.start is not None:
            many = {SMALL: lost, USUAL: usual}[settings.optimiser.epsilon]
            accuracy = 0.5 if seed < many else 0.97
        runs.append(
            ended(
                cell,
                novel_accuracy=accuracy,
                novel_accuracy_drift=0.0,
                log_odds=30.0,
                norm=20.0,
            )
        )
    return runs


TRUE = {
    "comes-to-rest": long_runs("at rest"),
    "gradient-descent": descended(),
    "gradient-descent-decay": descended(),
    "anti-grokking": collapsing(10),
}


@pytest.mark.parametrize("name", AT_REST)
def test_a_planted_truth_is_supported_and_survives_json(name):
    verdict = judge(name, TRUE[name])
    assert verdict.outcome == "supported", verdict.sentence
    assert verdict.p_value < 0.05 < verdict.p_refuted
    assert verdict.deciding in verdict.numbers
    for found in verdict.numbers:
        assert word(found) in find(name).glossary, found
    assert Verdict.from_document(verdict.document()) == verdict


@pytest.mark.parametrize("name", AT_REST)
def test_too_few_or_diverged_networks_decide_nothing(name):
    few = [run for run in TRUE[name] if run.settings.data_seed < 4002]
    assert judge(name, few).outcome == "undecided"
    assert judge(name, few).p_value is None
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    broken = judge(name, [replace(run, outcome=lost) for run in TRUE[name]])
    assert broken.outcome == ("undecided" if name == "anti-grokking" else "invalid")


@pytest.mark.parametrize("course", ["one rate", "many rates"])
def test_what_goes_on_being_forgotten_does_not_come_to_rest(course):
    verdict = judge("comes-to-rest", long_runs(course))
    assert (verdict.outcome, verdict.deciding) == ("refuted", FORGETTING)
    assert verdict.numbers[FORGETTING].value > MOST


def test_everything_forgotten_is_refuted_and_nothing_forgotten_not_supported():
    gone = judge("comes-to-rest", long_runs("at rest", middle=600.0))
    assert (gone.outcome, gone.deciding) == ("refuted", KEEP)
    kept = judge("comes-to-rest", long_runs("at rest", middle=20.0))
    assert (kept.outcome, kept.deciding) == ("undecided", FALL)


def test_the_long_runs_are_those_of_ungrokking_and_longer():
    arms = find("ungrokking").settings("quick")
    usual = {one for one in arms if one.start and one.optimiser.weight_decay == 1}
    for cell in find("comes-to-rest").cells("quick"):
        settings = cell.settings
        if settings.start is not None:
            shorter = settings.model_copy(update={"num_steps": settings.num_steps // LONGER})
            assert shorter in usual


def test_descent_that_keeps_or_loses_everything_refutes_ungrokking():
    keeps = judge("gradient-descent", descended(middle=20.0))
    assert (keeps.outcome, keeps.deciding) == ("refuted", FALL)
    loses = judge("gradient-descent", descended(middle=2000.0))
    assert (loses.outcome, loses.deciding) == ("refuted", KEEP)


def test_thresholds_that_depend_on_the_penalty_refute_that_they_do_not():
    apart = judge("gradient-descent-decay", descended(factor=1.7))
    assert apart.outcome == "refuted"
    assert apart.numbers["threshold_ratio"].value == pytest.approx(1.7, rel=0.1)
    assert judge("gradient-descent", descended(factor=1.7)).outcome == "supported"


# What a t test of six values errs by itself; of exponential ones it is 11%.
@pytest.mark.parametrize(
    ("shape", "most"), [("normal", 0.05), ("two humps", 0.05), ("skewed", 0.12)]
)
def test_thresholds_at_the_margin_are_rarely_called_the_same(shape, most):
    claim, wrong, count = find("gradient-descent-decay"), 0, 25
    for k in range(count):
        rng = np.random.default_rng(k)
        runs = descended(factor=RATIO_MARGIN, spread=lambda _, rng=rng: 0.05 * SHAPES[shape](rng))
        wrong += claim.find("quick", runs).outcome == "supported"
    assert wrong / count <= most + 2 * math.sqrt(most * (1 - most) / count)


def test_penalties_that_are_one_question_or_networks_that_move_support_nothing():
    for number_of, changes in (
        ("log_odds_ratio", {"log_odds": 4.9}),
        (Labelled("drift", weight_decay=0.001), {"drift": -0.05}),
    ):
        verdict = judge("gradient-descent-decay", descended(**changes))
        assert (verdict.outcome, verdict.deciding) == ("undecided", number_of)


def test_networks_that_keep_refute_a_collapse_and_the_other_arm_decides_nothing():
    kept = judge("anti-grokking", collapsing(0, usual=10))
    assert (kept.outcome, kept.deciding) == ("refuted", LOST)
    assert kept.numbers[Labelled("share_collapsed", epsilon=1e-8)].value == 1
    assert judge("anti-grokking", collapsing(5)).outcome == "undecided"
    assert judge("anti-grokking", collapsing(10, usual=0)).outcome == "supported"
    unfit = [
        with_number(run, train_accuracy=number(0.9)) if run.settings.start is not None else run
        for run in collapsing(10)
    ]
    assert judge("anti-grokking", unfit).outcome == "refuted"
    runs = collapsing(0)
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    broken = [replace(run, outcome=lost) if run.settings.start is not None else run for run in runs]
    assert judge("anti-grokking", broken).outcome == "refuted"


def test_at_rest_is_a_group():
    assert [p.name for p in select(("at-rest",))] == list(AT_REST)
    assert group_of(list(AT_REST), "quick") == "at-rest"


def test_what_is_lost_at_its_bound_is_rarely_decided_and_less_is_seen_as_often_as_said():
    rng = np.random.default_rng(5)

    def outcome(falls) -> str:
        ends = [dict.fromkeys(range(len(falls)), accuracy) for accuracy in (0.05, 0.95)]
        return decide(clauses(dict(enumerate(falls)), *ends, middle=0.5)).outcome

    # What a t test of seven values errs by itself: of two humps six alike are enough, 16 in 128.
    for shape, most in (("normal", 0.05), ("two humps", 0.125), ("skewed", 0.12)):
        found = [outcome([MOST + 0.15 * SHAPES[shape](rng) for _ in range(7)]) for _ in range(400)]
        wrong = np.mean([one != "undecided" for one in found])
        assert wrong <= most + 3 * math.sqrt(most * (1 - most) / 400), shape
    found = [outcome(0.3 + 0.15 * rng.normal(size=7)) for _ in range(400)]
    assert found.count("supported") >= 0.8 * 400


def ends(low: float, high: float, draw, num_seeds: int) -> str:
    """Return what the rule of gradient-descent says of accuracies at both ends, with a spread."""
    claim, sizes = find("gradient-descent"), DESIGNS["quick"].sizes
    runs = [
        ended(cell)
        if cell.role == "start"
        else ended(
            cell,
            novel_accuracy=float(
                np.clip(
                    {sizes[0]: low, sizes[-1]: high}.get(cell.settings.dataset_size, 0.5) + draw(),
                    0,
                    1,
                )
            ),
        )
        for cell in cells_of("gradient-descent", num_seeds)
    ]
    counted, _ = usable(runs)
    return decide(claim.clauses(sweeps(counted), counted)[1]).outcome


def test_descent_at_the_middle_is_rarely_decided_and_a_fall_is_seen_as_often_as_said():
    rng, count, halfway = np.random.default_rng(6), 60, (1 + 1 / S) / 2
    for shape, most in (("normal", 0.05), ("two humps", 0.05), ("skewed", 0.12)):

        def draw(shape=shape) -> float:
            return 0.1 * SHAPES[shape](rng)

        found = [ends(halfway, halfway, draw, 6) for _ in range(count)]
        assert found.count("supported") == 0
        # Two ends may refute, each on one side of its interval.
        assert found.count("refuted") <= count * most + 3 * math.sqrt(count * most * (1 - most))
    found = [ends(0.1, 0.9, lambda: 0.15 * rng.normal(), 4) for _ in range(count)]
    assert found.count("supported") >= 0.8 * count


def test_penalties_that_matter_and_collapses_are_seen_as_often_as_said():
    found = []
    for k in range(12):
        rng = np.random.default_rng([7, k])
        runs = descended(factor=1.6, spread=lambda _, rng=rng: 0.15 * rng.normal())
        found.append(find("gradient-descent-decay").find("quick", runs).outcome)
    assert found.count("refuted") >= stats.binom.ppf(0.001, 12, 0.8)
    fewest = next(k for k in range(11) if majority_p(k, 10) < LEVEL)
    assert stats.binom.sf(fewest - 1, 10, 0.95) >= 0.8


def test_a_number_of_seeds_that_is_none_is_refused():
    with pytest.raises(ValueError, match="--seeds 0 is outside"):
        find("gradient-descent").settings("quick", 0)
