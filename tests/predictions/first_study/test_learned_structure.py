from __future__ import annotations

import numpy as np
import pytest

from efficiency.analysis.alignment import Alignment, subspaces
from paper_figures.panels import learned_structure as figure_learned_structure
from predictions.first_study.learned_structure import LearnedStructure
from predictions.first_study.learned_structure_judge import Learned, find, measured
from predictions.labelled import Labelled
from tests.predictions.plant import Left, diverged, ended, labelled

RUN = LearnedStructure().settings("quick", 1)[0]


def network(operation: str, seed: int, *, random=False, retained=1.0, p=0.001):
    found = Alignment(structure="any", share=0.5, times_shuffled=4.0, p_value=p)
    run = RUN.model_copy(update={"data_seed": seed})
    return Learned(operation=operation, random=random, retained=retained, found=found, run=run)


def networks(*, knowing=(8, 8), random=(0, 8), unknowing=0):
    """Return networks by operation; of pairs, (structured, all)."""
    return {
        operation: [
            network(operation, i, p=0.001 if i < knowing[0] else 0.5) for i in range(knowing[1])
        ]
        + [
            network(operation, i, random=True, retained=0.0, p=0.001 if i < random[0] else 0.5)
            for i in range(random[1])
        ]
        + [network(operation, 100 + i, retained=0.2) for i in range(unknowing)]
        for operation in ("addition", "composition")
    }


def test_structure_with_true_labels_alone_supports():
    finding = find(networks(unknowing=3))
    assert finding.outcome == "supported"
    assert finding.numbers[Labelled("structured", operation="addition")].n == 8
    assert finding.numbers[Labelled("structured_others", operation="addition")].value == 1.0
    assert finding.p_value == pytest.approx(2 * 0.5**8)
    assert finding.numbers[Labelled("times_shuffled", operation="addition")].value == pytest.approx(
        4.0
    )


def test_no_structure_and_structure_from_nothing_refute():
    assert find(networks(knowing=(0, 8))).outcome == "refuted"
    anywhere = find(networks(random=(8, 8)))
    assert (anywhere.outcome, anywhere.deciding) == (
        "refuted",
        Labelled("structured_random_labels", operation="addition"),
    )
    assert find(networks(knowing=(5, 8))).outcome == "undecided"


def test_few_networks_that_know_decide_nothing():
    finding = find(networks(knowing=(5, 5), unknowing=10))
    assert (finding.outcome, finding.p_value) == ("undecided", 1)
    assert (finding.deciding, finding.numbers[finding.deciding].n) == (
        Labelled("structured", operation="addition"),
        5,
    )
    assert "5 networks that know addition" in finding.sentence


def records(num_seeds=6):
    """Return runs whose output weights are planted: structured if their labels are true."""
    rng, found = np.random.default_rng(0), []
    for cell in LearnedStructure().cells("quick", num_seeds):
        run = cell.settings
        known = subspaces(run.task.operation, run.task.size)
        basis = known[list(known)[3]]
        S = len(basis)
        vectors = 0.3 * rng.normal(size=(S, 8))
        if run.regime == "natural":
            vectors += basis @ rng.normal(size=(basis.shape[1], 8)) * np.sqrt(S)
        accuracy = 1.0 if run.regime == "natural" else 1 / S
        found.append(
            ended(cell, Left(None, {"W_U": vectors.T.astype(np.float32)}), novel_accuracy=accuracy)
        )
    return found


@pytest.fixture(scope="module")
def planted():
    return records()


def test_planted_weights_are_measured_and_judged(planted):
    learned, notes = measured(planted)
    assert notes == ()
    assert {n.structured for n in learned if n.knows} == {True}
    assert sum(n.structured for n in learned if n.random) <= 3
    assert LearnedStructure().judge("quick", planted).outcome == "supported"
    gone = [diverged(run.cell) if i == 0 else run for i, run in enumerate(planted)]
    assert len(measured(gone)[0]) == len(planted) - 1
    assert LearnedStructure().judge("quick", gone).notes == (
        "1 run diverged, of seed 4000: a run that diverged is left out.",
    )
    flat = [
        ended(run.cell, Left(None, {"W_U": np.ones((8, 31))}), novel_accuracy=1.0)
        for run in planted[:1]
    ]
    assert "all vectors are the same" in measured(flat)[1][0]


def test_the_figure_shows_every_network_and_a_map_of_the_best(planted):
    verdict = LearnedStructure().judge("quick", planted)
    figure = figure_learned_structure.build(verdict, planted)
    upper, lower = figure.axes[:2], figure.axes[2:]
    for axes in upper:
        assert sum(len(xs) for name, (xs, _) in labelled(axes).items() if "labels" in name) == 12
    assert [len(axes.texts) for axes in lower] == [31, 24]
    assert "frequency 4" in lower[0].get_title("left")
    assert "cosets" in lower[1].get_title("left")
