from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from efficiency.training.ensemble import initial_weights
from paper_figures.panels import sharpness as figure_sharpness
from predictions.first_study.sharpness import MIN_NETWORKS, Point, Sharpness, find, measured, told
from tests.predictions.plant import Left, ended, labelled


def points(num=30, *, correlation=-0.7, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=num)
    y = correlation * x + math.sqrt(1 - correlation**2) * rng.normal(size=num)
    accuracy = 1 / (1 + np.exp(-y))
    return [
        Point(seed=i, sharpness=math.exp(3 * a), accuracy=b, knows=bool(b > 0.5))
        for i, (a, b) in enumerate(zip(x, accuracy, strict=True))
    ]


def test_flatter_networks_that_know_more_support_and_sharper_refute():
    flat, sharp = find(points()), find(points(correlation=0.7))
    assert (flat.outcome, sharp.outcome) == ("supported", "refuted")
    assert flat.p_value < 0.05
    assert sharp.p_value == 1.0


def test_no_relation_is_rarely_called_one_and_the_advertised_power_is_there():
    none = [find(points(correlation=0.0, seed=s)).outcome for s in range(300)]
    assert none.count("supported") <= 15
    # Spearman's ρ of normal variables is 6/π·arcsin(r/2).
    r = 2 * math.sin(-0.55 * math.pi / 6)
    there = [find(points(correlation=r, seed=s)).outcome for s in range(300)]
    assert there.count("supported") >= 0.8 * 300 - 14


def test_few_networks_decide_nothing_and_equal_ones_are_no_test():
    assert find(points(num=MIN_NETWORKS - 1)).outcome == "undecided"
    equal = [Point(seed=i, sharpness=1.0 + i, accuracy=0.98, knows=True) for i in range(20)]
    assert find(equal).outcome == "invalid"


def course(accuracy: float) -> pd.DataFrame:
    """Return a history whose last record alone has this accuracy."""
    return pd.DataFrame({"step": [0, 1], "novel_accuracy": [0.5, accuracy]})


def records(num_seeds=12):
    """Return untrained networks of the smoke size, every third of which does not fit."""
    found = []
    for i, cell in enumerate(Sharpness().cells("smoke", num_seeds)):
        weights = {name: w.numpy() for name, w in initial_weights(cell.settings).items()}
        fits = 0.9 if i % 3 == 0 else 1.0
        found.append(ended(cell, Left(course(0.1 + 0.05 * i), weights), train_accuracy=fits))
    return found


def test_networks_that_do_not_fit_are_left_out_and_named():
    runs = records(num_seeds=6)
    found, notes = measured(runs)
    assert len(found) == 4
    assert len(notes) == 2
    verdict = Sharpness().judge("smoke", runs)
    assert verdict.outcome == "undecided"
    assert verdict.notes == tuple(notes)
    assert told(runs, verdict.numbers) == found
    assert found[0].accuracy == pytest.approx(0.15)


def test_the_figure_has_every_network_that_counts():
    runs = records(num_seeds=6)
    (axes,) = figure_sharpness.build(Sharpness().judge("smoke", runs), runs).axes
    shown = [p for xs, ys in labelled(axes).values() for p in zip(xs, ys, strict=True)]
    counted = [(p.sharpness, p.accuracy) for p in measured(runs)[0]]
    assert sorted(shown) == sorted(counted)
    assert axes.get_title("left").endswith("4 networks, 2 that do not fit their examples")
