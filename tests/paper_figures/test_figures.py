"""What is plotted is what the records and the verdict say: data, not pixels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from paper_figures import style
from paper_figures.panels import critical_size as figure_critical_size
from paper_figures.panels import efficiency as figure_03_efficiency
from paper_figures.panels import grokking as figure_01_grokking
from paper_figures.panels import minimal_example as figure_02_minimal_example
from paper_figures.panels import semi_grokking as figure_05_semi_grokking
from paper_figures.panels import weight_decay as figure_weight_decay
from predictions.circuit_efficiency.efficiency.judge import usable
from predictions.circuit_efficiency.semi_grokking.claim import kind
from predictions.labelled import Labelled
from predictions.registry import find
from predictions.report import figures
from tests.predictions import planted
from tests.predictions.foretelling import planted_runs
from tests.predictions.plant import remembered
from tests.predictions.test_family import family

FORETOLD, CLAIM = planted_runs()
RECORDS = family(seed=3, num_seeds=4) | {CLAIM.name: FORETOLD}


def history(run) -> pd.DataFrame:
    if run.left is not None and "train_accuracy" in run.history:
        return run.history
    return planted.history(run.settings, planted.rising(3000.0, 6.0))


def judged(name: str):
    prediction = CLAIM if name == CLAIM.name else find(name)
    return prediction.judge("quick", RECORDS.get(name, []))


def drawn(name: str, build):
    runs, verdict = RECORDS.get(name, []), judged(name)
    return verdict, runs, build(verdict, remembered(runs, history))


def labelled(axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


@pytest.mark.parametrize(
    "name",
    [
        "grokking",
        "efficiency",
        "ungrokking",
        "weight-decay",
        "semi-grokking",
        "critical-size-ratio",
        "minimal-example",
    ],
)
def test_every_prediction_has_a_figure_and_equal_records_give_equal_bytes(name):
    draw = figures.find(name)
    assert draw is not None
    runs, verdict = RECORDS.get(name, []), judged(name)
    texts = [
        figures.svg(draw(verdict, remembered(runs, history)), name=name, title="t", description="d")
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert f'id="{name}-title"' in texts[0]


def test_grokking_is_drawn_as_the_median_of_the_histories():
    verdict, runs, figure = drawn("grokking", figure_01_grokking.build)
    steps, median = labelled(figure.axes[0])["Accuracy on novel pairs, median"]
    expected = np.median([history(run)["novel_accuracy"] for run in runs], axis=0)
    assert steps == list(history(runs[0])["step"])
    assert median == pytest.approx(list(expected))
    marks = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert verdict.numbers["step_halfway"].value in marks


def test_the_minimal_example_starts_at_guessing_and_ends_at_its_optimum():
    _, _, figure = drawn("minimal-example", figure_02_minimal_example.build)
    assert figure.axes[1].get_title(loc="left") == "Gen less efficient"
    _, test_loss = labelled(figure.axes[0])["test"]
    assert test_loss[0] == pytest.approx(math.log(113), abs=0.01)
    assert test_loss[-1] == pytest.approx(0.0441, abs=1e-3)
    assert max(test_loss) > math.log(113) + 1


def test_isologit_norms_are_drawn_as_the_judge_reads_them():
    _, runs, figure = drawn("efficiency", figure_03_efficiency.build)
    curves, at, _ = usable(runs)
    sizes, means = labelled(figure.axes[1])["Mem"]
    for D, mean in zip(sizes, means, strict=True):
        norms = [curve.isologit("mem", at)[D] for curve in curves]
        assert mean == pytest.approx(float(np.exp(np.mean(np.log(norms)))))
    points = sum(len(x) for x, _ in labelled(figure.axes[0]).values())
    settled = [r for r in runs if r.settings.optimiser.norm_factor is None and _in_arm(r)]
    assert points == len(settled)


def _in_arm(run) -> bool:
    return run.settings.regime == "memorising" or run.settings.start is not None


def test_every_run_from_scratch_is_drawn_once_by_its_kind():
    verdict, runs, figure = drawn("semi-grokking", figure_05_semi_grokking.build)
    shown = {name: len(x) for name, (x, _) in labelled(figure.axes[0]).items()}
    assert sum(shown.values()) == len(runs)
    semi = verdict.numbers["runs_semi_grokked"].value
    assert shown[f"semi-grokked ({semi:.0f})"] == semi
    assert len(labelled(figure.axes[1])) == sum(kind(run) == "semi-grokked" for run in runs)


def test_speeds_are_those_of_the_verdict():
    verdict, _, figure = drawn("weight-decay", figure_weight_decay.build)
    (container,) = figure.axes[1].containers
    decays, steps = container.lines[0].get_data()
    for decay, step in zip(decays, steps, strict=True):
        assert step == verdict.numbers[Labelled("halfway_steps", weight_decay=decay)].value


def test_seeds_are_drawn_with_what_was_foretold_and_observed_of_them():
    verdict, _, figure = drawn("critical-size-ratio", figure_critical_size.build)
    foretold, observed = figure_critical_size.by_seed(verdict)
    assert sorted(foretold) == sorted(observed) == list(planted.seeds(7))
    (dots,) = [line for line in figure.axes[1].lines if len(line.get_xdata()) == 7]
    assert list(dots.get_xdata()) == [foretold[seed].value for seed in foretold]
    assert list(dots.get_ydata()) == [observed[seed][48_000].value for seed in foretold]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels] == [
        "foretold",
        *(f"after {steps:,} steps" for steps in (3000, 12_000, 48_000)),
    ]


def test_labels_too_near_to_the_one_before_are_left_out():
    assert style.apart([100.0, 105.0, 120.0, 300.0]) == [100.0, 120.0, 300.0]
