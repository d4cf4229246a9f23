"""Panels of the claims about double descent show the numbers of their verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from paper_figures import panels
from predictions.double_descent.claims import LOSS
from predictions.double_descent.norm_claims import MATCHED, NORM
from predictions.groups import DOUBLE_DESCENT
from predictions.labelled import Labelled, each, labels
from predictions.registry import find
from tests.predictions.double_descent.test_claims import WORLDS


def drawn(name: str):
    runs = WORLDS[name][0]()
    verdict = find(name).judge("quick", runs)
    return panels.find(name)(verdict, runs), verdict, runs


@pytest.mark.parametrize("name", ["features-peak", "width-peak", "width-decay", "examples-peak"])
def test_every_decay_has_a_line_through_its_means(name):
    figure, verdict, _ = drawn(name)
    along = find(name).axis.label
    numbers = list(each(verdict.numbers, LOSS, along, "weight_decay"))
    decays = sorted({labels(one)["weight_decay"] for one, _ in numbers})
    for line, decay in zip(figure.axes[0].lines, decays, strict=False):
        wanted = {
            labels(one)[along]: number.value
            for one, number in numbers
            if labels(one)["weight_decay"] == decay
        }
        assert list(line.get_xdata()) == list(wanted)
        assert list(line.get_ydata()) == list(wanted.values())
    if "fit_at" in verdict.numbers:
        assert figure.axes[0].lines[-1].get_xdata()[0] == verdict.numbers["fit_at"].value


@pytest.mark.parametrize("name", ["features-norm", "width-norm", "examples-norm"])
def test_a_norm_is_drawn_and_that_for_one_logit_where_networks_come_to_it(name):
    figure, verdict, _ = drawn(name)
    along = find(name).axis.label
    line = figure.axes[1].lines[0]
    wanted = [number.value for _, number in each(verdict.numbers, NORM, along)]
    assert list(line.get_ydata()) == wanted
    value = int(line.get_xdata()[0])
    assert verdict.numbers[Labelled(NORM, **{along: value})].value == wanted[0]
    matched = [number.value for _, number in each(verdict.numbers, MATCHED, along)]
    assert bool(matched) == (name != "features-norm")
    if matched:
        assert list(figure.axes[1].lines[1].get_ydata()) == matched


def test_every_seed_has_a_course():
    figure, _, runs = drawn("epochs-peak")
    *seeds, middle = figure.axes[0].lines
    assert len(seeds) == len(runs)
    wrong = np.array([1 - run.history["test_accuracy"].to_numpy() for run in runs])
    assert middle.get_ydata() == pytest.approx(np.exp(np.log(wrong).mean(axis=0)))


def test_both_widths_have_a_line():
    figure, verdict, _ = drawn("threshold-width")
    narrow, wide = figure.axes[0].lines[:2]
    for line, arm in ((narrow, "narrow"), (wide, "wide")):
        wanted = [
            number.value
            for name, number in each(verdict.numbers, "accuracy", "arm", "dataset_size")
            if labels(name)["arm"] == arm
        ]
        assert list(line.get_ydata()) == wanted


@pytest.mark.parametrize("name", DOUBLE_DESCENT)
def test_nothing_to_show_is_said(name):
    left = {"epochs-peak": 4000, "threshold-width": 4001}.get(name, 4002)
    runs = [run for run in WORLDS[name][0]() if run.seed < left]
    verdict = find(name).judge("quick", runs)
    figure = panels.find(name)(verdict, runs)
    assert figure.axes[0].get_title("left") == "Too few seeds count"
