"""What was found at the quick size, kept beside the code, and its table in the README.

``make findings`` judges the store, keeps the verdicts in ``docs/found`` and writes the table. Tests
hold the table to the kept verdicts, and those to the rules and designs as they are now: whoever
changes a rule or a design has to find out again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from predictions import family
from predictions.protocol import Verdict
from predictions.registry import find
from runs.files import write_file

BEGIN, END = "<!-- found: begin -->", "<!-- found: end -->"


def load(path: Path) -> list[Verdict]:
    """Return kept verdicts.

    Raises:
        ValueError: The file does not hold verdicts.
    """
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
        return [Verdict.from_document(document) for document in documents]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold verdicts ({error}); make findings anew") from error


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the table of the README, as Markdown."""
    predictions = [find(verdict.prediction) for verdict in verdicts]
    lines = [
        "| prediction | predicted | found | deciding number (or the one left open), 95% interval "
        "| n |",
        "| --- | --- | --- | --- | ---: |",
    ]
    for row, prediction in zip(family.rows(verdicts, predictions), predictions, strict=True):
        interval = f", {row.interval}" if row.interval else ""
        number = f"{row.number}: {row.value}{interval}" if row.number else ""
        lines.append(
            f"| `{row.name}` | {prediction.claim} | **{row.outcome}** | {number} | {row.n} |"
        )
    tested = [prediction.name for prediction in predictions if prediction.min_seeds > 0]
    falls = family.falls_with_the_family(verdicts, predictions)
    correction = f"after Holm's correction for {len(tested)} tests"
    if falls:
        lines += ["", f"{', '.join(falls)} would not stand at 5% {correction}."]
    elif any(v.outcome == "supported" and v.prediction in tested for v in verdicts):
        lines += ["", f"Every support that rests on chance stands at 5% {correction}."]
    return "\n".join(lines)


def written_into(document: str, verdicts: Sequence[Verdict]) -> str:
    """Return a document with the table between its marks.

    Raises:
        ValueError: It has no marks, or more than one pair.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError(f"the document must have {BEGIN} and {END} once each")
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(verdicts)}\n{END}{after}"


def main(kept: Path, readme: Path) -> None:
    """Write the table of the verdicts kept in a file into a document."""
    text = written_into(readme.read_text(encoding="utf-8"), load(kept))
    write_file(readme, text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
