"""Panels of phase changes show what was recorded, and the numbers of the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paper_figures import panels
from predictions.groups import PHASE_CHANGES
from predictions.phase_changes import circuit, copies
from predictions.registry import find
from predictions.testing import finished
from tests.predictions.phase_changes import worlds
from tests.predictions.phase_changes.test_progress import course


def drawn(name, runs):
    return panels.find(name)(find(name).judge("quick", runs), runs)


def curves(axes):
    return [np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize(
    "name",
    ["plentiful-together", "delay-grows", "limited-without-decay", "skip-trigrams-delay"],
)
def test_losses_of_every_arm_are_drawn(name):
    runs = worlds.world(name, lambda seed: True, 6)
    figure = drawn(name, runs)
    sizes = {axes.get_title("left").lower(): curves(axes) for axes in figure.axes}
    assert set(sizes) == {run.arm for run in runs}
    for arm, lines in sizes.items():
        expected = [
            run.history[f"{part}_loss"]
            for part in ("train", "test")
            for run in runs
            if run.arm == arm
        ]
        assert len(lines) == len(expected)
        for line, column in zip(lines, expected, strict=True):
            assert line == pytest.approx(column)


def test_parts_of_the_table_are_drawn_from_the_largest_to_the_smallest():
    runs = worlds.world("delay-grows", lambda seed: True, 6)
    titles = [axes.get_title("left") for axes in drawn("delay-grows", runs).axes]
    assert titles == sorted(titles, key=lambda title: -int(title.removesuffix("%")))


def test_the_curve_over_tokens_is_that_of_the_verdict():
    runs = worlds.world("induction-depth", lambda seed: True, 6)
    verdict = find("induction-depth").judge("quick", runs)
    figure = panels.find("induction-depth")(verdict, runs)
    left, right = figure.axes
    assert len(curves(left)) == len(runs)
    lines = {bars.get_label(): bars.lines[0] for bars in right.containers}
    assert len(lines) == len(copies.DEPTHS)
    for layers in copies.DEPTHS:
        line = lines[copies.arm(layers)]
        for token, value in zip(line.get_xdata(), line.get_ydata(), strict=True):
            (number,) = (
                number
                for name, number in verdict.numbers.items()
                if getattr(name, "labels", ()) == (("layers", layers), ("token", token))
            )
            assert number.value == pytest.approx(value)


def test_depths_are_told_from_the_shallow_to_the_deep():
    runs = worlds.world("induction-depth", lambda seed: True, 6)
    left, _ = drawn("induction-depth", [*reversed(runs)]).axes
    told = [text.get_text() for text in left.get_legend().get_texts()]
    assert told == [copies.arm(layers) for layers in copies.DEPTHS]


def test_a_panel_for_each_way_of_going_on():
    runs = worlds.world("induction-ungrokking", lambda seed: True, 6)
    steps = np.arange(0, 801, 100)
    there = []
    for run in runs:
        columns = {
            f"{part}_{token}_accuracy": np.full(len(steps), 0.75 if part == "test" else 0.95)
            for part in ("train", "test")
            for token in run.task.answers
        }
        numbers = {name: one.value for name, one in run.outcome.numbers.items()}
        history = worlds.pd.DataFrame({"step": steps, **columns})
        there.append(finished(run.cell, history=history, **numbers))
    figure = drawn("induction-ungrokking", there)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        means = {round(float(line.mean()), 9) for line in curves(axes)}
        assert means == {0.75, 0.95}


def test_every_token_has_its_median():
    runs = worlds.world("digits-apart", lambda seed: True, 7)
    (axes,) = drawn("digits-apart", runs).axes
    for line, token in zip(curves(axes), runs[0].task.answers, strict=True):
        each = np.array([run.history[f"test_{token}_loss"] for run in runs])
        assert line == pytest.approx(np.median(each, axis=0))


def test_circuits_are_drawn_by_their_own_keys_and_by_anothers(monkeypatch):
    monkeypatch.setattr(circuit, "keys_of", lambda run: (run.seed % 7 + 1,))
    monkeypatch.setattr(circuit, "foreign", lambda own, other: (other.seed % 7 + 1,))
    monkeypatch.setattr(
        circuit,
        "course",
        lambda run, keys: course(700 + run.seed, tuple(keys) == (run.seed % 7 + 1,)),
    )
    cells = worlds.cells("restricted-leads", 6)
    runs = [worlds.on_table(cell, train=100, test=2000) for cell in cells]
    left, middle, right = drawn("restricted-leads", runs).axes
    assert len(curves(left)) == len(curves(middle)) == 12
    assert len(curves(right)) == 6
    for own, other in zip(curves(middle)[:6], curves(middle)[6:], strict=True):
        assert own[-1] == pytest.approx(6)
        assert other[-1] == pytest.approx(0, abs=1e-9)
    assert math.isfinite(right.get_ylim()[1])


@pytest.mark.parametrize("name", PHASE_CHANGES)
def test_nothing_to_show_is_said(name):
    cells = worlds.cells(name, 6)
    runs = [finished(cell, status="diverged") for cell in cells]
    assert "very run diverged" in drawn(name, runs).axes[0].get_title("left")
