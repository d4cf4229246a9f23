"""The dozen lines of the README rest on verdicts that are kept, and say what these say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from predictions import findings, summary
from predictions.registry import PREDICTIONS

ROOT = Path(__file__).parent.parent.parent
FILES = [
    *sorted((ROOT / "docs" / "found").glob("*.json")),
    ROOT / "docs" / "found" / "replication" / "six-seeds.json",
]


@pytest.fixture(scope="module")
def kept():
    return [findings.load(file) for file in FILES]


def test_the_readme_has_them_as_they_are(kept):
    readme = (ROOT / "README.md").read_text()
    assert findings.between(readme, summary.MARKS, summary.table(kept)) == readme, "make findings"


def test_each_answer_is_of_the_outcome_that_stands(kept):
    found = {
        (row.name, verdict.size): row.outcome
        for rows in findings.by_name(kept).values()
        for row, verdict in rows
    }
    for line in summary.LINES:
        assert line.rests_on in PREDICTIONS
        assert found[line.rests_on, line.size] == line.outcome, line.asked


def test_each_answer_has_all_of_its_numbers(kept):
    rows = summary.table(kept).splitlines()[2:]
    assert len(rows) == len(summary.LINES)
    for row, line in zip(rows, summary.LINES, strict=True):
        assert all("{" + slot + "}" in line.told for slot in line.numbers)
        assert row.count("[") == len(line.numbers)
        assert row.count(" | ") == 4


def test_no_answer_is_written_that_its_verdict_does_not_bear():
    lone = [findings.load(FILES[-1])]
    with pytest.raises(ValueError, match="no verdict of grokking at quick is kept"):
        summary.table(lone)
    line = replace(summary.LINES[4], size="replication", outcome="refuted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "LINES", (line,))
        with pytest.raises(ValueError, match="being refuted, and it is supported"):
            summary.table(lone)


def test_another_number_makes_another_line(kept):
    changed = [
        [
            replace(
                verdict,
                finding=replace(
                    verdict.finding,
                    numbers={
                        name: replace(one, value=0.123, low=0.1, high=0.2)
                        for name, one in verdict.numbers.items()
                    },
                ),
            )
            for verdict in verdicts
        ]
        for verdicts in kept
    ]
    rows = zip(summary.table(kept).splitlines(), summary.table(changed).splitlines(), strict=True)
    differ = [before != after for before, after in rows]
    assert differ == [False, False, *[bool(line.numbers) for line in summary.LINES]]
