from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from paper_figures.panels import delayed_generalisation as figure_delayed_generalisation
from predictions.circuit_efficiency.grokking.claim import Grokking
from predictions.first_study.delayed_generalisation import DelayedGeneralisation
from tests.predictions.plant import Left, ended, labelled


def records(num_seeds=8, *, delay=30.0, accuracy=0.97, without=0.1, seed=0):
    """Return runs with this delay; those without decay end at ``without``."""
    rng = np.random.default_rng(seed)
    found = []
    for cell in DelayedGeneralisation().cells("quick", num_seeds):
        run = cell.settings
        decayed = run.optimiser.weight_decay > 0
        end = accuracy if decayed else without
        steps = np.array([0, 1, 100, 1000, run.num_steps])
        course = pd.DataFrame(
            {
                "step": steps,
                "train_accuracy": [0.0, 0.0, 1.0, 1.0, 1.0],
                "novel_accuracy": [0.0, 0.0, 0.1, 0.1, end],
                "train_loss": [3.5, 3.4, 0.01, 0.001, 0.001],
                "test_loss": [3.5, 3.6, 14.0, 10.0, 0.7],
            }
        )
        numbers = {"novel_accuracy": end, "step_fitted": 100.0}
        if end > 0.2:
            numbers["step_halfway"] = 100.0 * delay * np.exp(0.4 * rng.normal())
        found.append(ended(cell, Left(course, {}), **numbers))
    return found


def test_a_planted_delay_is_supported_whatever_happens_without_decay():
    for without in (0.05, 0.99):
        verdict = DelayedGeneralisation().judge("quick", records(without=without))
        assert verdict.outcome == "supported"
        assert verdict.numbers["accuracy_without_decay"].value == pytest.approx(without)
        delay = verdict.numbers["delay"]
        assert delay.low < 30 < delay.high


def test_the_descent_of_the_loss_is_read_from_the_histories():
    numbers = DelayedGeneralisation().judge("quick", records()).numbers
    assert numbers["loss_rise"].value == pytest.approx(4.0)
    assert numbers["loss_end"].value == pytest.approx(0.05)


@pytest.mark.parametrize("planted", [{"delay": 2.0}, {"accuracy": 0.15}])
def test_no_delay_and_no_generalisation_refute(planted):
    assert DelayedGeneralisation().judge("quick", records(**planted)).outcome == "refuted"


def test_few_seeds_decide_nothing_and_runs_that_do_not_fit_are_no_test():
    assert DelayedGeneralisation().judge("quick", records(num_seeds=2)).outcome == "undecided"
    unfit = [ended(run.cell, run.left, train_accuracy=0.9, novel_accuracy=0.1) for run in records()]
    assert DelayedGeneralisation().judge("quick", unfit).outcome == "invalid"


def test_it_is_the_rule_of_grokking_on_another_design():
    assert DelayedGeneralisation.criterion == Grokking.criterion


def test_the_figure_shows_accuracy_and_loss_of_both_arms():
    runs = records()
    verdict = DelayedGeneralisation().judge("quick", runs)
    figure = figure_delayed_generalisation.build(verdict, runs)
    upper_left, upper_right, lower_left, _ = figure.axes
    assert "λ = 0.3" in upper_left.get_title("left")
    assert "λ = 0," in upper_right.get_title("left")
    novel = next(points for name, points in labelled(upper_left).items() if "ovel" in name)
    assert novel[1] == pytest.approx([0.0, 0.0, 0.1, 0.1, 0.97])
    test = next(points for name, points in labelled(lower_left).items() if "est" in name)
    assert test[1] == [3.5, 3.6, 14.0, 10.0, 0.7]
    assert len(upper_left.lines) == 2 * (8 + 1) + 1
