from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from efficiency.statistics.intervals import median_bounds, t_interval
from paper_figures import courses, style
from paper_figures.panels import ungrokking as figure
from predictions.circuit_efficiency.ungrokking.claim import Ungrokking
from tests.build import continued_run, start_run
from tests.predictions.plant import remembered
from tests.predictions.simulate import DECAYS, SIZES, sweep


def history(run) -> pd.DataFrame:
    final = run.outcome.numbers["novel_accuracy"].value
    return pd.DataFrame({"step": [0, 50, 100], "novel_accuracy": [1.0, (1 + final) / 2, final]})


@pytest.fixture
def drawn():
    runs = sweep(np.random.default_rng(0))
    unsettled = start_run(9, settled=False)
    left_out = [continued_run(unsettled, s, 1.0, weight_decay=d) for s in SIZES for d in DECAYS]
    runs = [*runs, unsettled, *left_out]
    verdict = Ungrokking().judge("quick", runs)
    return runs, verdict, figure.build(verdict, remembered(runs, history))


def curves(axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_the_curves_are_the_means_of_the_records_that_the_judge_used(drawn):
    runs, _, made = drawn
    left = curves(made.axes[0])
    assert set(left) == {f"λ = {decay:g}" for decay in DECAYS}
    for decay in DECAYS:
        x, y = left[f"λ = {decay:g}"]
        assert x == pytest.approx(list(SIZES), rel=0.03)
        values = [
            [
                run.outcome.numbers["novel_accuracy"].value
                for run in runs
                if run.settings.start is not None
                and run.settings.start.init_seed != 9
                and run.settings.dataset_size == size
                and run.settings.optimiser.weight_decay == decay
            ]
            for size in SIZES
        ]
        assert y == pytest.approx([np.mean(some) for some in values])
        ends = {
            tuple(line.get_ydata()) for line in made.axes[0].lines if len(line.get_xdata()) == 2
        }
        for some in values:
            interval = t_interval(some)
            assert tuple(np.clip([interval.low, interval.high], 0, 1)) in ends


def test_the_threshold_and_its_interval_are_those_of_the_verdict(drawn):
    _, verdict, made = drawn
    threshold = verdict.numbers["threshold"]
    (band,) = made.axes[0].patches
    assert band.get_x() == pytest.approx(threshold.low)
    assert band.get_x() + band.get_width() == pytest.approx(threshold.high)
    assert any(list(line.get_xdata()) == [threshold.value] * 2 for line in made.axes[0].lines)


def test_the_courses_are_the_median_histories_at_the_middle_weight_decay(drawn):
    runs, _, made = drawn
    right = curves(made.axes[1])
    assert set(right) == {str(size) for size in SIZES}
    x, y = right["123"]
    finals = [
        history(run)["novel_accuracy"].iloc[-1]
        for run in runs
        if run.settings.dataset_size == 123
        and run.settings.optimiser.weight_decay == 1.0
        and run.settings.start.init_seed != 9
    ]
    assert x == [0, 50, 100]
    assert y[-1] == pytest.approx(np.median(finals))
    assert not made.axes[1].collections  # four networks are too few for an interval


def test_courses_have_the_interval_of_their_median_where_there_are_six():
    rng = np.random.default_rng(0)
    values = rng.random((8, 3))
    histories = [pd.DataFrame({"step": [0, 50, 100], "novel_accuracy": run}) for run in values]
    for number in (5, 8):
        axes = Figure().subplots()
        courses.draw(axes, histories[:number], "novel_accuracy", color=style.GEN, label="median")
        assert curves(axes)["median"] == ([0, 50, 100], list(np.median(values[:number], axis=0)))
        assert len(axes.lines) == number + 1
        assert len(axes.collections) == (number > 5)
    low, high = median_bounds(values)
    drawn = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices}
    assert {
        (step, end) for ends in (low, high) for step, end in zip((0, 50, 100), ends, strict=True)
    } <= drawn


def test_axes_are_labelled_from_the_notation(drawn):
    _, _, made = drawn
    assert made.axes[0].get_xlabel() == "Reduced dataset size D′ (examples)"
    assert [tick.get_text() for tick in made.axes[0].get_xticklabels()] == [str(s) for s in SIZES]
    assert made.axes[1].get_xlabel() == "Training time (steps)"
