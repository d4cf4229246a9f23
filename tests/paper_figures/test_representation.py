"""Panels of the claims about representations show the numbers of their verdicts."""

from __future__ import annotations

from typing import get_args

import pytest

from paper_figures import panels
from predictions.labelled import Labelled, each
from predictions.registry import find
from predictions.representation.four_phases import Phase
from predictions.representation.structure import KEPT, NONE, STRONG, WEAK
from predictions.verdicts import Verdict
from tests.predictions.representation.test_claims import WORLDS


def drawn(name: str):
    runs = WORLDS[name][0]()
    verdict = find(name).judge("quick", runs)
    return panels.find(name)(verdict, runs), verdict, runs


def values(verdict: Verdict, word: str, *labels: str) -> list[float]:
    return [number.value for _, number in each(verdict.numbers, word, *labels)]


def test_both_shares_stand_at_every_size():
    figure, verdict, _ = drawn("critical-part")
    determined, found = (c.lines[0].get_ydata() for c in figure.axes[0].containers)
    assert list(found) == values(verdict, "share_found", "dataset_size")
    assert list(determined) == values(verdict, "share_determined", "dataset_size")


def test_every_network_has_a_mark_and_who_is_late_an_open_one():
    figure, verdict, runs = drawn("effective-time")
    came, late = figure.axes[0].lines
    assert len(came.get_xdata()) + len(late.get_xdata()) == len(runs)
    assert len(came.get_xdata()) == verdict.numbers["share_found"].value
    assert late.get_markerfacecolor() == "none"


def test_each_decay_has_a_line():
    figure, verdict, _ = drawn("structure-size")
    lines = [container.lines[0] for container in figure.axes[0].containers]
    for line, arm in zip(lines, (NONE, WEAK, STRONG), strict=True):
        wanted = [
            number.value
            for name, number in each(verdict.numbers, KEPT, "arm", "dataset_size")
            if dict(name.labels)["arm"] == arm
        ]
        assert list(line.get_ydata()) == wanted


def test_the_map_says_the_shares():
    figure, verdict, _ = drawn("four-phases")
    for axes, phase in zip(figure.axes, get_args(Phase), strict=True):
        shown = axes.images[0].get_array()
        assert shown.shape == (3, 5)
        number = Labelled("share", phase=phase, learning_rate=1e-4, weight_decay=0.0)
        assert shown[0, 0] == verdict.numbers[number].value


@pytest.mark.parametrize("name", ["critical-part", "four-phases", "structure-size"])
def test_nothing_to_show_is_said(name):
    runs = [run for run in WORLDS[name][0]() if run.seed < 4002]
    verdict = find(name).judge("quick", runs)
    figure = panels.find(name)(verdict, runs)
    assert figure.axes[0].get_title("left") == "Too few networks count"
