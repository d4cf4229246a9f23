"""Figures in the manner of other studies, drawn from planted runs of their predictions."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from paper_figures.base import Evidence, Need, PaperFigure, Source
from paper_figures.build import build
from paper_figures.captions import differences
from paper_figures.catalogue import FIGURES
from paper_figures.liu2022.phases import COLOURS
from predictions.cells import Run
from predictions.groups import DOUBLE_DESCENT, NUMERICAL_STABILITY, PHASE_CHANGES, REPRESENTATION
from predictions.labelled import each, labels
from predictions.phase_changes import circuit
from predictions.registry import find
from predictions.representation.four_phases import Phase
from predictions.testing import finished
from runs import Store
from tests.predictions.double_descent import test_claims as double_descent
from tests.predictions.numerical_stability import test_claims as numerical_stability
from tests.predictions.phase_changes import worlds as phase_changes
from tests.predictions.phase_changes.test_progress import course
from tests.predictions.phase_changes.test_progress import world as world_of_circuits
from tests.predictions.representation import test_claims as representation

STUDIES = {
    name: figure
    for name, figure in FIGURES.items()
    if not name.startswith(("figure-", "first-study-"))
}


@pytest.fixture(autouse=True)
def circuits(monkeypatch):
    """Plant what key frequencies say of networks that were not trained."""
    monkeypatch.setattr(circuit, "keys_of", lambda run: (run.seed % 7 + 1,))
    monkeypatch.setattr(circuit, "foreign", lambda own, other: (other.seed % 7 + 1,))
    monkeypatch.setattr(
        circuit, "course", lambda run, keys: course(700, tuple(keys) == (run.seed % 7 + 1,))
    )


def runs_of(name: str) -> list[Run]:
    """Return planted runs of a prediction of which its claim is so."""
    if name in representation.WORLDS:
        return representation.WORLDS[name][0]()
    if name in double_descent.WORLDS:
        return double_descent.WORLDS[name][0]()
    if name in NUMERICAL_STABILITY:
        return numerical_stability.world(name, lambda seed: True, 8)
    if name in ("restricted-leads", "excluded-rises"):
        return world_of_circuits(name, 6)
    return phase_changes.world(name, lambda seed: True, 6)


def evidence(need: Need, runs: list[Run] | None = None) -> Evidence:
    held = runs_of(need.prediction) if runs is None else runs
    verdict = find(need.prediction).judge("quick", held)
    return Evidence(need=need, verdict=verdict, runs=tuple(held))


def source(figure: PaperFigure, folder) -> Source:
    read = {need: evidence(need) for need in figure.needs}
    return Source(Store(folder), "quick", read=read)


def test_every_other_system_has_some():
    asked = Counter(
        family
        for figure in STUDIES.values()
        for need in figure.needs
        for family, held in {
            "representation": REPRESENTATION,
            "phase changes": PHASE_CHANGES,
            "double descent": DOUBLE_DESCENT,
            "numerical stability": NUMERICAL_STABILITY,
        }.items()
        if need.prediction in held
    )
    assert len(asked) == 4
    assert min(asked.values()) >= 3


@pytest.mark.parametrize("name", STUDIES)
def test_each_is_drawn_with_a_caption_of_what_it_shows(name, tmp_path):
    figure = STUDIES[name]
    held = source(figure, tmp_path / "store")
    results = build([figure], held, "svg", tmp_path / "out")
    assert (results.missing, results.failed) == ({}, {})
    (built,) = results.built
    runs = {run.identity for need in figure.needs for run in held.read[need].runs}
    assert built.runs == tuple(sorted(runs))
    assert built.caption.startswith(f"After {figure.after}. ")
    assert f"Read from {len(runs)} runs" in built.caption
    assert set(built.outcomes) == {need.prediction for need in figure.needs}


def test_the_phase_of_a_cell_is_the_most_frequent_one():
    figure = STUDIES["representation-phases"]
    held = evidence(figure.needs[0])
    (axes, *_) = figure.draw([held]).axes
    names = ("phase", "learning_rate", "weight_decay")
    best: dict[tuple[float, float], tuple[float, Phase]] = {}
    for name, number in each(held.verdict.numbers, "share", *names):
        phase, rate, decay = (labels(name)[one] for one in names)
        if number.value > best.get((decay, rate), (-1.0, phase))[0]:
            best[decay, rate] = number.value, phase
    phases = [get_args(Phase)[k] for k in axes.images[0].get_array().ravel()]
    assert phases == [phase for _, (_, phase) in sorted(best.items())]
    assert [text.get_text() for text in axes.texts] == [
        f"{phase}\n{value:.0%}" for _, (value, phase) in sorted(best.items())
    ]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        phase.capitalize() for phase in COLOURS
    ]


def test_each_way_of_training_is_one_panel_with_each_network_once():
    figure = STUDIES["numerical-stability"]
    held = [evidence(need) for need in figure.needs]
    runs = {run.identity: run for one in held for run in one.runs}
    panels = figure.draw([*held, held[0]]).axes
    ways = Counter(run.arm for run in runs.values())
    titles = [axes.get_title("left") for axes in panels]
    assert [title.lower() for title in titles] == [way.lower() for way in ways]
    for axes, count in zip(panels, ways.values(), strict=True):
        curves = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert len(curves) == 2 * count


def test_what_has_no_table_is_compared_with_the_papers_size_too():
    claim = find("digits-fall")
    quick, paper = (claim.settings(size) for size in ("quick", "paper"))
    said = differences(quick, paper)
    assert "p = " not in said
    steps = {size: {one.num_steps for one in some} for size, some in (("q", quick), ("p", paper))}
    assert ("steps = " in said) == (steps["q"] != steps["p"])
    assert "width = " in differences(quick, claim.settings("smoke"))


def test_nothing_of_what_a_study_showed_is_drawn_of_runs_that_all_diverged(tmp_path):
    figure = STUDIES["phase-changes-data"]
    (need,) = figure.needs
    runs = [finished(run.cell, status="diverged") for run in runs_of(need.prediction)]
    (axes,) = figure.draw([evidence(need, runs)]).axes
    assert axes.get_title("left") == "Every run diverged"
