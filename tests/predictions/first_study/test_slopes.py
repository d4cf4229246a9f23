"""Data fraction and table size: times, some censored, against what varies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paper_figures.panels import times as figure_times
from predictions.first_study.data_fraction import DataFraction, percent
from predictions.first_study.slopes import MIN_SEEDS
from predictions.first_study.table_size import TableSize
from predictions.first_study.times import time_of
from predictions.labelled import word
from tests.predictions.plant import diverged, labelled, timed

SPREAD = math.log(2)


def fractions(num_seeds=8, *, cost=0.06, middle=4000.0, seed=0):
    """Return runs whose time grows by ``cost`` for each percent less, some beyond the budget."""
    rng = np.random.default_rng(seed)
    cells = DataFraction().cells("quick", num_seeds)
    shared = {cell.seed: 0.3 * rng.normal() for cell in cells}
    return [
        timed(
            cell,
            middle
            * (1 + cost) ** (66 - percent(timed(cell, 1.0)))
            * math.exp(shared[cell.seed] + SPREAD * rng.normal()),
        )
        for cell in cells
    ]


def tables(num_seeds=8, *, power=1.5, at_29=3000.0, seed=0):
    rng = np.random.default_rng(seed)
    return [
        timed(
            cell, at_29 * (cell.settings.task.size / 29) ** power * math.exp(SPREAD * rng.normal())
        )
        for cell in TableSize().cells("quick", num_seeds)
    ]


def test_a_planted_cost_of_less_data_is_supported_and_measured():
    runs = fractions()
    verdict = DataFraction().judge("quick", runs)
    assert verdict.outcome == "supported"
    found = verdict.numbers["more_steps_per_percent_less"]
    assert found.low < 6.0 < found.high
    late = sum(time_of(run).censored for run in runs)
    assert late > 0
    assert f"{late} of 48 runs" in verdict.sentence
    counted = [n for name, n in verdict.numbers.items() if word(name) == "generalised"]
    assert sum(n.value for n in counted) == len(runs) - late
    assert [n.n for n in counted] == [8] * 6


def test_times_that_shorten_with_less_data_refute():
    assert DataFraction().judge("quick", fractions(cost=-0.06)).outcome == "refuted"


def test_no_dependence_is_rarely_called_one_and_the_advertised_power_is_there():
    none = [DataFraction().judge("quick", fractions(cost=0.0, seed=s)) for s in range(60)]
    assert sum(verdict.outcome == "supported" for verdict in none) <= 5
    there = [
        DataFraction().judge("quick", fractions(cost=0.05, middle=6000.0, seed=s)).outcome
        for s in range(60)
    ]
    assert there.count("supported") >= 0.8 * 60 - 6  # two standard errors


def test_larger_tables_that_take_longer_support_and_sooner_refute():
    later, sooner = (TableSize().judge("quick", tables(power=power)) for power in (1.5, -1.5))
    assert (later.outcome, sooner.outcome) == ("supported", "refuted")
    found = later.numbers["exponent"]
    assert found.low < 1.5 < found.high
    assert later.p_value < 0.05
    assert sooner.p_value == 1.0
    power = [
        TableSize().judge("quick", tables(power=1.2, at_29=4500.0, seed=s)).outcome
        for s in range(60)
    ]
    assert power.count("supported") >= 0.8 * 60 - 6


@pytest.mark.parametrize(("prediction", "make"), [(DataFraction, fractions), (TableSize, tables)])
def test_few_seeds_decide_nothing_and_none_that_generalises_is_no_test(prediction, make):
    few = prediction().judge("quick", make(num_seeds=MIN_SEEDS - 1))
    assert few.outcome == "undecided"
    assert "too few" in few.sentence
    runs = make()
    never = prediction().judge("quick", [timed(run.cell, math.inf) for run in runs])
    assert never.outcome == "invalid"
    assert all(number.value == 0 for number in never.numbers.values())
    assert prediction().judge("quick", [diverged(run.cell) for run in runs]).outcome == "invalid"


def test_times_at_one_fraction_alone_cannot_tell_a_slope():
    runs = [
        timed(run.cell, 1000.0 + i if percent(run) == 80 else math.inf)
        for i, run in enumerate(fractions())
    ]
    verdict = DataFraction().judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert "too few different settings" in verdict.sentence


@pytest.mark.parametrize(
    ("prediction", "make", "draw"),
    [
        (DataFraction, fractions, figure_times.data_fraction),
        (TableSize, tables, figure_times.table_size),
    ],
)
def test_the_figure_shows_every_time_and_which_are_censored(prediction, make, draw):
    runs = make()
    (axes,) = draw(prediction().judge("quick", runs), runs).axes
    shown = labelled(axes)
    times = [time_of(run) for run in runs]
    assert shown["generalised"][1] == [time.steps for time in times if not time.censored]
    assert shown["not by the end"][1] == [time.steps for time in times if time.censored]
    line = shown["fit (median)"][1]
    assert (line[0] > line[1]) == (prediction is DataFraction)
