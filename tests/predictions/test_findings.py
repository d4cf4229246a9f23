"""What the documents say was found is what was judged, by the rules and designs as they are."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from predictions import findings
from predictions.foretold import said_in
from predictions.groups import GROUPS
from predictions.labelled import labels
from predictions.registry import PREDICTIONS, select
from predictions.stages import Staged
from predictions.variants import Variant
from runs import identity

ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "docs" / "found").glob("*.json"))
FORETOLD = [
    statement
    for path in sorted((ROOT / "docs" / "found" / "foretold").glob("*.json"))
    for statement in json.loads(path.read_text())
]


@pytest.fixture(scope="module", params=KEPT, ids=lambda path: path.stem)
def verdicts(request):
    return findings.load(request.param)


def test_the_default_size_is_among_the_kept():
    assert {"quick", "first-study-quick"} <= {path.stem for path in KEPT}


def test_the_table_of_what_was_found_is_that_of_the_kept_verdicts(verdicts):
    evidence = (ROOT / "docs" / "evidence.md").read_text()
    assert findings.written_into(evidence, verdicts) == evidence, "make findings"


def test_every_prediction_was_judged_by_its_present_rule(verdicts):
    assert [verdict.prediction for verdict in verdicts] in [
        list(group) for group in GROUPS.values()
    ]
    for verdict in verdicts:
        assert verdict.rule == PREDICTIONS[verdict.prediction].rule, verdict.prediction
        assert (verdict.size, verdict.options) == (verdicts[0].size, verdicts[0].options)


def test_no_sentence_counts_more_than_there_are(verdicts):
    for verdict in verdicts:
        for told in re.findall(r"([\d,]+) of ([\d,]+\d)", verdict.sentence):
            part, whole = (int(number.replace(",", "")) for number in told)
            assert part <= whole, verdict.sentence


def test_every_prediction_was_judged_on_the_runs_of_its_present_design(verdicts):
    for verdict in verdicts:
        (asked,) = select((verdict.prediction,), Variant.asked(verdict.options))
        if isinstance(asked, Staged):
            of_size = [one for one in FORETOLD if one["size"] == verdict.size]
            asked = asked.knowing(said_in(of_size))
        seeds = None if verdict.look is None else verdict.look.seeds
        expected = {identity(s.document()) for s in asked.settings(verdict.size, seeds)}
        assert set(verdict.runs) == expected, verdict.prediction


FITTED = {"data-fraction", "table-size", "sharpness", "minimal-example"}
"""Judged by a fit to all runs at once, or without any: nothing of theirs is of one seed."""


def test_a_number_is_the_mean_of_what_is_kept_of_each_seed(verdicts):
    for verdict in verdicts:
        if not verdict.by_seed:
            of_each = [name for name in verdict.numbers if "seed" in labels(name)]
            assert of_each or verdict.prediction in FITTED or verdict.size == "standard"
        for name, by_seed in verdict.by_seed.items():
            number = verdict.numbers[name]
            ends = np.array(
                [known if isinstance(known, tuple) else (known,) * 2 for known in by_seed.values()]
            )
            assert number.n in (len(by_seed), np.isfinite(ends).any(axis=1).sum())
            if number.value is None or not np.isfinite(ends).all():
                continue
            low, high = ends.mean(axis=0)
            if np.ptp(ends, axis=1).max() > 0:  # bounds on logarithms
                assert math.exp(low) <= number.value <= math.exp(high), (verdict.prediction, name)
            else:
                assert any(number.value == pytest.approx(x) for x in (low, math.exp(low))), name


def test_a_document_without_marks_and_a_file_without_verdicts_are_refused(tmp_path):
    with pytest.raises(ValueError, match="once each"):
        findings.written_into("no marks", findings.load(KEPT[0]))
    (tmp_path / "x.json").write_text('[{"prediction": 1}]')
    with pytest.raises(ValueError, match="does not hold verdicts"):
        findings.load(tmp_path / "x.json")


def test_the_figure_in_the_readme_is_drawn_from_the_runs_of_the_present_design():
    manifest = json.loads((ROOT / "docs" / "figures" / "manifest.json").read_text())
    ((name, drawn),) = manifest["figures"].items()
    wanted = {
        identity(settings.document())
        for prediction in drawn["predictions"]
        for settings in PREDICTIONS[prediction].settings(manifest["size"])
    }
    assert set(drawn["runs"]) == wanted, "make findings"
    assert f"docs/figures/{drawn['file']}" in (ROOT / "README.md").read_text(), name


def test_what_was_found_by_the_design_of_a_file_is_of_that_file(monkeypatch):
    monkeypatch.chdir(ROOT)
    for verdict in findings.load(ROOT / "docs" / "found" / "designs" / "figure-7-at-59.json"):
        (asked,) = select((verdict.prediction,), Variant.asked(verdict.options), verdict.size)
        assert verdict.rule == asked.rule
        expected = {identity(s.document()) for s in asked.settings(verdict.size)}
        assert set(verdict.runs) == expected
