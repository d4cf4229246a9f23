"""Panels of training without decay: a line for each seed, a panel for each way."""

from __future__ import annotations

import pytest

from paper_figures import panels
from predictions.groups import NUMERICAL_STABILITY
from predictions.registry import find
from predictions.testing import finished
from tests.predictions.numerical_stability.test_claims import world


@pytest.mark.parametrize("name", NUMERICAL_STABILITY)
def test_every_seed_has_its_accuracy_and_its_collapse(name):
    runs = world(name, lambda seed: seed % 2 == 0, 8)
    figure = panels.find(name)(find(name).judge("quick", runs), runs)
    ways = list(dict.fromkeys(run.arm for run in runs))
    assert len(figure.axes) == len(ways)
    for axes, way in zip(figure.axes, ways, strict=True):
        of_way = [run for run in runs if run.arm == way]
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        for run, accuracy, collapse in zip(of_way, curves[::2], curves[1::2], strict=True):
            assert list(accuracy.get_ydata()) == list(run.history["novel_accuracy"])
            assert list(collapse.get_ydata()) == list(run.history["collapsed_share"])


def test_nothing_to_show_is_said():
    runs = [finished(run.cell, status="diverged") for run in world("exact-loss", bool, 8)]
    figure = panels.find("exact-loss")(find("exact-loss").judge("quick", runs), runs)
    assert figure.axes[0].get_title("left") == "Every run diverged"
