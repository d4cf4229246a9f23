"""What holds of every prediction of the first study."""

from __future__ import annotations

import pytest

from efficiency.settings import RunSettings
from predictions.grounds import FIRST_SEED
from predictions.groups import FIRST_STUDY, THEORY
from predictions.registry import find, group_of, select
from predictions.report import figures
from predictions.sizes import OF_ALL


def test_the_group_has_seven_findings_and_two_questions():
    assert [prediction.name for prediction in select(("first-study",))] == [
        "delayed-generalisation",
        "data-fraction",
        "interventions",
        "operations",
        "label-noise",
        "learned-structure",
        "sharpness",
        "staying-grokked",
        "table-size",
    ]
    assert group_of(list(FIRST_STUDY), "quick") == "first-study"
    assert not FIRST_STUDY.keys() & THEORY.keys()


@pytest.mark.parametrize("name", FIRST_STUDY)
def test_each_has_four_sizes_judged_seeds_of_its_own_and_a_figure(name):
    prediction = find(name)
    assert prediction.sizes == OF_ALL
    for size in OF_ALL:
        runs = prediction.settings(size)
        assert runs
        assert len(set(runs)) == len(runs)
        assert min(run.data_seed for run in runs) == FIRST_SEED
        assert f"{len(runs)} runs." in prediction.design(size)
        assert all(RunSettings.from_document(run.document()) == run for run in runs[:3])
    # Smoke only shows that it works; every other size has as many seeds as its rule needs.
    for size in OF_ALL[1:]:
        seeds = {run.data_seed for run in prediction.settings(size)}
        assert len(seeds) >= prediction.min_seeds
    assert figures.find(name) is not None


@pytest.mark.parametrize("name", FIRST_STUDY)
def test_more_seeds_add_runs_and_change_none(name):
    prediction = find(name)
    few, more = (set(prediction.settings("quick", number)) for number in (3, 5))
    assert few < more
