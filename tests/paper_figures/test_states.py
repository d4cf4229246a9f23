"""Runs that are missing, that have not settled or that diverged are never silently absent."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from efficiency.estimates import Estimate
from efficiency.training.outcome import Outcome
from paper_figures import style
from paper_figures.base import MissingRunsError, Need
from paper_figures.catalogue import FIGURES
from paper_figures.files import as_bytes
from paper_figures.panels.ungrokking import at_middle_decay
from paper_figures.varma2023 import figure_10 as varma_10
from predictions.cells import Run
from predictions.columns import columns
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
    # A diverged run has no history to ask for: a figure that draws one fails here.
    assert figure.draw(figure.evidence(broken)).axes
    runs = {run.identity: run for need in figure.needs for run in broken.evidence(need).runs}
    diverged = sum(run.outcome.status == "diverged" for run in runs.values())
    restless = sum(run.outcome.status == "not settled" for run in runs.values())
    assert diverged > 0
    assert restless > 0
    counted = f"Of all these, drawn or not, {restless} had not settled and {diverged} diverged."
    assert counted in figure.caption(broken)
    assert "diverged" not in figure.caption(whole)


def test_what_a_figure_wants_and_has_not_is_named_with_its_command(whole, tmp_path):
    lacking = source(tmp_path)
    wanted = Need(prediction="critical-size-ratio")
    del lacking.read[wanted]
    figure = FIGURES["figure-03"]
    panel = figure.draw(figure.evidence(lacking)).axes[1]
    assert not panel.patches
    assert re.search(
        r"Not drawn: \d+ of \d+ runs of critical-size-ratio are not in the store .*"
        r"`predictions run critical-size-ratio --size quick --store",
        figure.caption(lacking),
    )
    assert "Not drawn" not in figure.caption(whole)


def test_critical_sizes_are_marked_with_the_intervals_of_their_verdict(whole):
    critical = whole.evidence(Need(prediction="critical-size-ratio")).verdict
    ungrokking = whole.evidence(Need(prediction="ungrokking")).verdict
    scratch = whole.evidence(Need(prediction="semi-grokking")).verdict
    for name, panel, number in (
        ("figure-03", 1, critical.numbers["foretold"]),
        ("figure-04", 0, ungrokking.numbers["threshold"]),
        ("figure-05", 0, scratch.numbers["from_scratch_midpoint"]),
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
    need = Need(prediction="ungrokking", variant=Variant(operation="subtraction"))
    plain = some.evidence(Need(prediction="ungrokking"))
    some.read[need] = replace(plain, need=need)
    panels = figure.draw(figure.evidence(some)).axes
    assert panels[1].get_title("left").startswith("subtraction: ")
    assert panels[1].lines
    assert panels[1].get_legend() is not None
    assert [axes.get_title("left") for axes in (panels[0], *panels[2:])] == [
        f"{name}: not in the store" for name in ("multiplication", "sum-of-squares", "mlp")
    ]
    caption = figure.caption(some)
    assert f"{len(plain.runs)} runs: " in caption
    assert caption.count("Not drawn: ") == 3


def few_starts(number: int):
    """Return a change of the records after which so many start networks of a seed count."""

    def change(name: str, runs: list[Run]) -> list[Run]:
        starts = [run for run in runs if run.settings.start is None]
        seeds = sorted({run.settings.init_seed for run in starts})[number:]
        restless = ("not settled", ("norm moves",))
        return [
            replace(run, outcome=replace(run.outcome, status=restless[0], reasons=restless[1]))
            if run in starts and run.settings.init_seed in seeds
            else run
            for run in runs
        ]

    return change


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("name", ["figure-01", "figure-04", "figure-07", "figure-10"])
def test_too_few_start_networks_are_said_and_stop_nothing(tmp_path, name, number):
    scarce = source(tmp_path, few_starts(number))
    verdict = scarce.evidence(Need(prediction="ungrokking")).verdict
    assert verdict.outcome == ("invalid" if number == 0 else "undecided")
    figure = FIGURES[name]
    drawn = figure.draw(figure.evidence(scarce))
    texts = [axes.get_title("left") for axes in drawn.axes]
    texts += [legend.get_title().get_text() for legend in drawn.legends]
    assert any(f"{number} of 7 start networks" in text for text in texts)
    assert "is left out" in figure.caption(scarce)


def test_all_that_is_known_of_a_critical_size_is_marked():
    def marked(**known):
        axes = style.figure(1, 2.0)[1][0]
        axes.set_xlim(50, 300)
        number = Estimate(n=3, unit="examples", **known) if known else None
        style.mark(axes, number, "D_crit")
        bands = [(b.get_x(), b.get_x() + b.get_width()) for b in axes.patches]
        return bands, [text.get_text() for text in axes.texts], axes.get_xlim()

    assert marked(value=100.0, low=90.0, high=120.0)[:2] == ([(90, 120)], ["D_crit\n100 [90, 120]"])
    beyond = marked(value=None, low=303.0, high=None, status="censored")
    assert beyond[1] == ["D_crit\nbeyond 303"]
    bands, texts, _ = marked(value=None, low=200.0, high=None, status="censored")
    assert (bands, texts) == ([(200, 300)], ["D_crit\nbeyond 200"])
    assert marked()[:2] == ([], ["D_crit\nnot known"])
    # A number beyond the axis widens it.
    bands, _, (_, right) = marked(value=400.0, low=350.0, high=450.0)
    assert right > 400


@pytest.mark.parametrize("name", OF_THE_THEORY)
@pytest.mark.parametrize("number", [1, 2])
def test_figures_are_as_wide_as_their_columns(whole, name, number):
    figure = FIGURES[name]
    with columns(number):
        drawn = figure.draw(figure.evidence(whole))
    svg = as_bytes(drawn, "svg", name).decode()
    width = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)[1])
    assert width == pytest.approx(72 * style.WIDTH_INCHES[number])
    for axes in drawn.axes:
        left, right = axes.get_window_extent().intervalx / drawn.dpi
        # Lettering and legends have left at least a third of its share to each panel.
        across = max(
            sum(other.get_position().y0 == axes.get_position().y0 for other in drawn.axes), 1
        )
        assert right - left > style.WIDTH_INCHES[number] / across / 3


def test_intervals_of_figure_10_end_where_they_do_and_point_on_where_they_do_not(whole):
    one = whole.evidence(Need(prediction="ungrokking"))
    left = varma_10.draw([one]).axes[0]
    bottom, top = left.get_ylim()
    arrows = {(line.get_xdata()[0], line.get_marker()) for line in left.lines}
    _, by_size = at_middle_decay(one.runs)
    opened = 0
    for D, runs in by_size.items():
        _, low, high = varma_10.median_ratio([varma_10.logits(run) for run in runs])
        if (low, high) == (0, math.inf):
            continue
        bar = next(
            line.get_ydata()
            for line in left.lines
            if list(line.get_xdata()) == [D, D] and line.get_alpha() is None
        )
        assert list(bar) == pytest.approx([max(low, bottom), min(high, top)])
        assert ((D, "v") in arrows) == (low == 0)
        assert ((D, "^") in arrows) == (high == math.inf)
        opened += low == 0 or high == math.inf
    assert opened > 0


def test_a_figure_has_no_other_width():
    with pytest.raises(ValueError, match="1 or 2 columns wide, not 3"), columns(3):
        pass


def test_every_prediction_that_figures_read_is_planted():
    assert set(NEEDS) >= {
        "grokking",
        "efficiency",
        "ungrokking",
        "semi-grokking",
        "critical-size-ratio",
    }
