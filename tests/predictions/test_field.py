"""The map of the field names predictions that exist, all of ours, and is up to date."""

from __future__ import annotations

from pathlib import Path

from predictions import field, findings, questions, theories
from predictions.groups import GROUPS

ROOT = Path(__file__).parents[2]
KEPT = [findings.load(path) for path in sorted((ROOT / "docs" / "found").glob("*.json"))]


def test_every_prediction_of_ours_tests_what_somebody_claims():
    ours = {name for group in GROUPS.values() for name in group}
    named = [name for one in field.PUBLISHED for name in one.tested_by]
    assert ours <= set(named)
    assert len(named) == len(set(named))
    assert len({one.claim for one in field.PUBLISHED}) == len(field.PUBLISHED)


def test_the_map_is_that_of_the_kept_verdicts():
    text = (ROOT / "docs" / "claims.md").read_text()
    assert findings.between(text, field.MARKS, field.table(KEPT)) == text, "make findings"


def test_the_answers_are_those_of_the_kept_verdicts():
    text = (ROOT / "docs" / "questions.md").read_text()
    answers = questions.answers(KEPT)
    assert findings.between(text, questions.MARKS, answers) == text, "make findings"
    for verdicts in KEPT:
        for verdict in verdicts:
            asked = [one for one in questions.QUESTIONS if verdict.prediction in one.rests_on]
            said = f"- `{verdict.prediction}` ({verdict.size}): **"
            assert answers.count(said) == len(asked), verdict.prediction
            assert not asked or verdict.sentence in answers


def test_a_claim_says_what_was_found_or_that_nothing_was():
    lines = {
        one.claim: line
        for one, line in zip(field.PUBLISHED, field.table(KEPT).splitlines()[2:], strict=True)
    }
    kept = {one.prediction: one for verdicts in KEPT for one in verdicts if one.size == "quick"}
    for one in field.PUBLISHED:
        line = lines[one.claim]
        assert ("not yet" in line) == (not one.tested_by)
        assert ("°" in line) == (not one.reread)
        for name in one.tested_by:
            cell = line.rsplit(" | ", 1)[1]
            if name in kept:
                alone = kept[name].outcome
                assert f"{alone} (quick" in cell or f"(quick; alone {alone})" in cell
            else:
                assert "not kept" in cell or "standard" in cell


def test_answers_rest_on_the_verdicts_that_there_are():
    quick = {one.prediction: one.outcome for kept in KEPT for one in kept if one.size == "quick"}
    for one in (*questions.QUESTIONS, *theories.DIFFERENCES):
        there = {name: quick[name] for name in one.rests_on}
        assert there == one.rests_on, f"{one.question}: write another answer"


def test_the_comparison_of_theories_is_that_of_the_kept_verdicts():
    text = (ROOT / "docs" / "theories.md").read_text()
    comparison = theories.comparison(KEPT)
    assert findings.between(text, theories.MARKS, comparison) == text, "make findings"
    for one in theories.DIFFERENCES:
        assert one.says.keys() <= theories.THEORIES.keys()
    spoken = {name for one in theories.DIFFERENCES for name in one.says}
    assert spoken == theories.THEORIES.keys()
    # Where no verdict is kept, the page says so, and nothing else.
    names = {name for one in theories.DIFFERENCES for name in one.rests_on}
    nothing = theories.comparison([])
    assert all(f"- `{name}`: no verdict is kept." in nothing for name in names)
    assert "supported" not in nothing
