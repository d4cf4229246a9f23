"""Runs that are missing, that have not settled or that diverged are never silently absent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from efficiency.outcome import Outcome
from paper_figures import style
from paper_figures.base import MissingRunsError, Need
from paper_figures.catalogue import FIGURES
from predictions.protocol import Run
from predictions.variants import Variant
from tests.paper_figures.planted_source import NEEDS, source

OF_THE_THEORY = [name for name in FIGURES if name.startswith("figure") and name != "figure-08"]
TRAINED = [name for name in OF_THE_THEORY if name != "figure-02"]


def spoiled(name: str, runs: list[Run]) -> list[Run]:
    """Return the records with one run that diverged and one that had not settled."""
    if not runs:
        return runs
    nothing = Outcome(status="diverged", reasons=("loss is not finite",), numbers={})
    restless = replace(runs[0].outcome, status="not settled", reasons=("norm moves",))
    return [
        replace(runs[0], outcome=restless),
        *runs[1:-1],
        replace(runs[-1], outcome=nothing),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return source(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return source(tmp_path_factory.mktemp("broken"), spoiled)


@pytest.mark.parametrize("name", TRAINED)
def test_every_figure_is_drawn_and_counts_what_went_wrong(broken, whole, name):
    figure = FIGURES[name]
    assert figure.draw(figure.evidence(broken)).axes
    runs = {run.identity: run for need in figure.needs for run in broken.evidence(need).runs}
    diverged = sum(run.outcome.status == "diverged" for run in runs.values())
    restless = sum(run.outcome.status == "not settled" for run in runs.values())
    assert diverged > 0
    assert restless > 0
    assert f"Of these {restless} had not settled and {diverged} diverged." in figure.caption(broken)
    assert "diverged" not in figure.caption(whole)


def test_what_a_figure_wants_and_has_not_is_named_with_its_command(whole, tmp_path):
    lacking = source(tmp_path)
    wanted = Need(prediction="critical-size")
    del lacking._read[wanted]
    figure = FIGURES["figure-03"]
    panel = figure.draw(figure.evidence(lacking)).axes[1]
    assert not panel.patches
    assert re.search(
        r"Not drawn: \d+ of \d+ runs of critical-size are not in the store .*"
        r"`predictions run critical-size --size quick --store",
        figure.caption(lacking),
    )
    assert "Not drawn" not in figure.caption(whole)


def test_critical_sizes_are_marked_with_the_intervals_of_their_verdict(whole):
    critical = whole.evidence(Need(prediction="critical-size")).verdict
    ungrokking = whole.evidence(Need(prediction="ungrokking")).verdict
    for name, panel, number in (
        ("figure-03", 1, critical.numbers["crossing"]),
        ("figure-04", 0, ungrokking.numbers["threshold"]),
        ("figure-05", 0, critical.numbers["from_scratch_midpoint"]),
        ("figure-10", 0, ungrokking.numbers["threshold"]),
        ("figure-10", 1, ungrokking.numbers["threshold"]),
    ):
        figure = FIGURES[name]
        axes = figure.draw(figure.evidence(whole)).axes[panel]
        (band,) = axes.patches
        left, right = axes.get_xlim()
        ends = (band.get_x(), band.get_x() + band.get_width())
        expected = (number.low or left, number.high or right)
        assert ends == pytest.approx(expected), name
        assert any(list(line.get_xdata()) == [number.value] * 2 for line in axes.lines), name


def test_other_tasks_are_drawn_as_far_as_they_are_there(whole, tmp_path):
    figure = FIGURES["figure-08"]
    with pytest.raises(MissingRunsError) as error:
        figure.evidence(whole)
    for variant in ("--operation multiplication", "--operation subtraction", "--network mlp"):
        assert f"predictions run ungrokking --size quick {variant}" in str(error.value)
    some = source(tmp_path)
    need = Need(prediction="ungrokking", variant=Variant(operation="multiplication"))
    plain = some.evidence(Need(prediction="ungrokking"))
    some._read[need] = replace(plain, need=need)
    panels = figure.draw(figure.evidence(some)).axes
    assert panels[0].get_title("left").startswith("multiplication: ")
    assert panels[0].lines
    assert [axes.get_title("left") for axes in panels[1:]] == [
        f"{name}: not in the store" for name in ("subtraction", "sum-of-squares", "mlp")
    ]
    caption = figure.caption(some)
    assert f"{len(plain.runs)} runs: " in caption
    assert caption.count("Not drawn: ") == 3


@pytest.mark.parametrize("name", OF_THE_THEORY)
@pytest.mark.parametrize("columns", [1, 2])
def test_figures_are_as_wide_as_their_columns(whole, name, columns):
    figure = FIGURES[name]
    with style.columns(columns):
        drawn = figure.draw(figure.evidence(whole))
    assert drawn.get_figwidth() == style.WIDTH_INCHES[columns]
    drawn.canvas.draw()
    for axes in drawn.axes:
        left, right = axes.get_window_extent().intervalx / drawn.dpi
        # Lettering and legends have left at least a third of its share to each panel.
        across = max(
            sum(other.get_position().y0 == axes.get_position().y0 for other in drawn.axes), 1
        )
        assert right - left > style.WIDTH_INCHES[columns] / across / 3


def test_a_figure_has_no_other_width():
    with pytest.raises(ValueError, match="1 or 2 columns wide, not 3"), style.columns(3):
        pass


def test_every_prediction_that_figures_read_is_planted():
    assert set(NEEDS) >= {"grokking", "efficiency", "ungrokking", "semi-grokking", "critical-size"}
