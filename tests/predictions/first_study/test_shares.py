"""Predictions that count seeds: label noise, staying grokked, operations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from paper_figures.panels import label_noise as figure_label_noise
from paper_figures.panels import operations as figure_operations
from paper_figures.panels import staying_grokked as figure_staying_grokked
from predictions.clauses import majority_p
from predictions.first_study.ground import MIN_SEEDS
from predictions.first_study.label_noise import FEW, MANY, PARTS, LabelNoise
from predictions.first_study.operations import ALL, HARDEST, OperationsLearned
from predictions.first_study.staying_grokked import ARMS, LONGER, StayingGrokked
from predictions.judging import share
from predictions.labelled import Labelled
from tests.predictions.plant import Left, diverged, ended, labelled, timed


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_p_of_a_majority_says_when_its_interval_lies_above_one_half(holds):
    number = share(holds)
    assert (majority_p(sum(holds), len(holds)) < 0.05) == (number.low > 0.5)


def test_the_fewest_seeds_are_those_of_which_all_can_decide():
    assert share([True] * MIN_SEEDS).low > 0.5
    assert share([True] * (MIN_SEEDS - 1)).low < 0.5


@pytest.mark.parametrize(
    ("prediction", "share_of_seeds", "comparisons"),
    [(LabelNoise, 0.95, 2), (StayingGrokked, 0.95, 2), (OperationsLearned, 0.96, 2)],
)
def test_the_advertised_power_is_there(prediction, share_of_seeds, comparisons):
    fewest = next(k for k in range(11) if share([i < k for i in range(10)]).low > 0.5)
    assert fewest == 9
    assert f"{100 * share_of_seeds:g} " in prediction.power
    assert stats.binom.sf(fewest - 1, 10, share_of_seeds) ** comparisons >= 0.8


def noisy(num_seeds=10, *, novel=None, kept=1.0, exceptions=0):
    """Return runs with this accuracy on novel pairs by the part of wrong answers.

    ``exceptions`` seeds do not learn the rule wherever others do.
    """
    given = {0.0: 1.0, FEW: 0.97, 0.05: 0.8, 0.1: 0.3, MANY: 0.05} | (novel or {})
    cells = LabelNoise().cells("quick", num_seeds)
    D = cells[0].settings.dataset_size
    by_number = {round(part * D): given[part] for part in PARTS}
    found = []
    for cell in cells:
        accuracy = by_number[cell.settings.num_corrupted or 0]
        if cell.seed < 4000 + exceptions:
            accuracy = min(accuracy, 0.3)
        found.append(
            ended(cell, novel_accuracy=accuracy, clean_accuracy=1.0, corrupted_accuracy=kept)
        )
    return found


def test_rule_and_exceptions_at_few_and_no_rule_at_many_support():
    verdict = LabelNoise().judge("quick", noisy())
    assert verdict.outcome == "supported"
    assert verdict.numbers[Labelled("rule_and_exceptions", percent_wrong=2.5)].value == 1.0
    assert verdict.numbers[Labelled("rule", percent_wrong=20)].value == 0.0
    assert verdict.numbers[Labelled("novel_accuracy", percent_wrong=5)].value == pytest.approx(0.8)
    assert LabelNoise().judge("quick", noisy(exceptions=1)).outcome == "supported"
    assert LabelNoise().judge("quick", noisy(exceptions=2)).outcome == "undecided"


@pytest.mark.parametrize(
    "planted",
    [{"kept": 0.2}, {"novel": {FEW: 0.5}}, {"novel": {MANY: 0.95}}],
    ids=["exceptions are lost", "few destroy the rule", "many do not"],
)
def test_each_half_of_the_claim_can_be_refuted(planted):
    assert LabelNoise().judge("quick", noisy(**planted)).outcome == "refuted"


def test_label_noise_needs_networks_that_learn_without_any_and_enough_seeds():
    assert LabelNoise().judge("quick", noisy(novel={0.0: 0.2})).outcome == "invalid"
    assert LabelNoise().judge("quick", noisy(num_seeds=5)).outcome == "undecided"
    lost = [diverged(run.cell) if run.settings.num_corrupted else run for run in noisy()]
    assert LabelNoise().judge("quick", lost).outcome == "refuted"


def test_wrong_answers_are_as_many_as_the_design_says_and_nested():
    runs = [run for run in LabelNoise().settings("quick", 1) if run.num_corrupted]
    assert [run.num_corrupted for run in runs] == [
        round(part * runs[0].dataset_size) for part in PARTS if part
    ]
    assert len({(run.data_seed, run.label_seed, run.dataset_size) for run in runs}) == 1


def test_the_figure_of_label_noise_has_the_medians():
    runs = noisy()
    figure = figure_label_noise.build(LabelNoise().judge("quick", runs), runs)
    lines = [labelled(axes) for axes in figure.axes]
    assert lines[0]["clean"][1] == [1.0] * len(PARTS)
    assert lines[1]["corrupted"][1] == [1.0] * (len(PARTS) - 1)
    assert lines[2]["novel"][1] == [1.0, 0.97, 0.8, 0.3, 0.05]


def stay(num_seeds=10, *, knew=10, stayed=(10, 10), dip=1.0):
    """Return runs of which the first ``knew`` generalise and some of those stay, by arm."""
    found = []
    for cell in StayingGrokked().cells("quick", num_seeds):
        run = cell.settings
        number = run.data_seed - 4000
        if run.start is None:
            found.append(ended(cell, novel_accuracy=1.0 if number < knew else 0.5))
            continue
        arm = list(ARMS.values()).index(run.optimiser.weight_decay)
        end = 0.98 if number < stayed[arm] else 0.4
        course = pd.DataFrame({"step": [0, 1, 2], "novel_accuracy": [1.0, dip, end]})
        found.append(ended(cell, Left(course, {}), novel_accuracy=end))
    return found


def test_networks_that_stay_support_and_that_fall_out_in_one_arm_refute():
    assert StayingGrokked().judge("quick", stay()).outcome == "supported"
    verdict = StayingGrokked().judge("quick", stay(stayed=(10, 1)))
    assert verdict.outcome == "refuted"
    assert verdict.deciding == Labelled("stayed", arm="without_decay")
    assert StayingGrokked().judge("quick", stay(stayed=(8, 10))).outcome == "undecided"


def test_falling_out_for_a_while_is_counted_and_decides_nothing():
    verdict = StayingGrokked().judge("quick", stay(dip=0.6))
    assert verdict.outcome == "supported"
    assert verdict.numbers[Labelled("ever_below", arm="with_decay")].value == 1.0
    assert verdict.numbers[Labelled("lowest", arm="with_decay")].value == 0.6


def test_only_networks_that_had_generalised_can_stay():
    verdict = StayingGrokked().judge("quick", stay(knew=7, stayed=(7, 7)))
    assert verdict.outcome == "supported"
    assert verdict.numbers[Labelled("stayed", arm="with_decay")].n == 7
    assert StayingGrokked().judge("quick", stay(knew=5)).outcome == "undecided"


def test_networks_go_on_for_ten_times_as_long_on_the_same_examples():
    runs = StayingGrokked().settings("quick", 2)
    later = [run for run in runs if run.start is not None]
    assert len(later) == 2 * 2
    for run in later:
        assert run.num_steps == LONGER * run.start.num_steps
        assert (run.dataset_size, run.data_seed) == (run.start.dataset_size, run.start.data_seed)


def test_the_figure_of_staying_shows_only_those():
    runs = stay(knew=7)
    verdict = StayingGrokked().judge("quick", runs)
    figure = figure_staying_grokked.build(verdict, runs)
    for axes in figure.axes:
        assert "7 networks" in axes.get_title("left")
        assert labelled(axes)["median"][1] == [1.0, 1.0, 0.98]


LESS = Labelled("less_data", operation="addition", than="subtraction")


def learned(num_seeds=10, *, sizes=None, ties=0):
    """Return runs in which an operation generalises at its ``sizes`` largest datasets.

    In the first ``ties`` seeds subtraction is like addition.
    """
    given = dict.fromkeys(ALL, 0) | {"addition": 2, "subtraction": 1, "sum-of-squares": 3}
    given |= sizes or {}
    cells = OperationsLearned().cells("quick", num_seeds)
    found = []
    for cell in cells:
        run = cell.settings
        name = run.task.operation
        all_sizes = sorted({c.settings.dataset_size for c in cells if c.arm == name})
        like = "addition" if name == "subtraction" and run.data_seed < 4000 + ties else name
        number = given[like]
        found.append(timed(cell, 100.0 if run.dataset_size in all_sizes[3 - number :] else np.inf))
    return found


def test_less_data_in_every_pair_that_can_be_compared_supports():
    verdict = OperationsLearned().judge("quick", learned())
    assert verdict.outcome == "supported"
    assert verdict.numbers[LESS].value == 1.0
    assert verdict.numbers[Labelled("sizes_learned", operation="sum-of-squares")].value == 3.0
    assert verdict.notes == (
        "Not compared, for neither generalises: quadratic and quadratic-plus-a.",
    )


def test_one_pair_the_other_way_round_refutes_and_ties_leave_it_open():
    other = OperationsLearned().judge("quick", learned(sizes={"subtraction": 3}))
    more = Labelled("more_data", operation="addition", than="subtraction")
    assert (other.outcome, other.deciding) == ("refuted", more)
    assert OperationsLearned().judge("quick", learned(ties=1)).outcome == "supported"
    tied = OperationsLearned().judge("quick", learned(ties=2))
    assert (tied.outcome, tied.deciding) == ("undecided", LESS)


def test_the_hardest_operation_learned_refutes():
    verdict = OperationsLearned().judge("quick", learned(sizes={HARDEST: 1}))
    assert (verdict.outcome, verdict.deciding) == (
        "refuted",
        Labelled("generalised", operation="cubic-plus-b"),
    )
    assert verdict.sentence.endswith("cubic-plus-b generalises in 10 of 10 seeds.")
    assert "generalises in 0 of 10 seeds" in OperationsLearned().judge("quick", learned()).sentence


def test_operations_that_nobody_learns_are_no_test_and_few_seeds_decide_nothing():
    nothing = dict.fromkeys(("addition", "subtraction", "sum-of-squares"), 0)
    assert OperationsLearned().judge("quick", learned(sizes=nothing)).outcome == "invalid"
    assert OperationsLearned().judge("quick", learned(num_seeds=5)).outcome == "undecided"


def test_the_figure_of_operations_has_the_shares():
    runs = learned(ties=5, sizes={"addition": 0, "subtraction": 3})
    figure = figure_operations.build(OperationsLearned().judge("quick", runs), runs)
    shares = np.asarray(figure.axes[0].images[0].get_array())
    assert shares.shape == (12, 3)
    assert list(shares[ALL.index("subtraction")]) == [0.5, 0.5, 0.5]
    assert list(shares[ALL.index("sum-of-squares")]) == [1.0, 1.0, 1.0]
    assert not shares[ALL.index("addition")].any()
