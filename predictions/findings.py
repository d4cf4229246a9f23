"""What was found at a size, kept beside the code, and its table in ``docs/evidence.md``.

``make findings`` judges the store at the quick size, keeps the verdicts of each group in
``docs/found`` and writes the tables. Tests hold a table to the kept verdicts, and those to the
rules and designs as they are now: whoever changes a rule or a design has to find out again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from efficiency.errors import InvalidInputError
from predictions import multiplicity as family
from predictions.judging import plural
from predictions.registry import find, group_of
from predictions.verdicts import Verdict
from runs.files import write_file


def marks(verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return what stands before and after the table of a group of predictions at a size.

    Raises:
        ValueError: The verdicts are not those of a whole group.
    """
    names = [verdict.prediction for verdict in verdicts]
    group = group_of(names, verdicts[0].size)
    if group is None:
        raise InvalidInputError(f"{', '.join(names)} are no whole group; judge one as a whole")
    name = " ".join(word for word in (group, verdicts[0].size) if word != "all")
    return f"<!-- found {name}: begin -->", f"<!-- found {name}: end -->"


def load(path: Path) -> list[Verdict]:
    """Return kept verdicts.

    Raises:
        ValueError: The file does not hold verdicts.
    """
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
        return [Verdict.from_document(document) for document in documents]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{path} does not hold verdicts ({error}); make findings anew"
        ) from error


def table(verdicts: Sequence[Verdict], *, claims: bool = True) -> str:
    """Return the table of a group, as Markdown, with the claims or without."""
    predictions = [find(verdict.prediction) for verdict in verdicts]
    titles = ["prediction", *["predicted"] * claims, "found", "alone"]
    titles += ["deciding number (or the one left open), 95% interval", "n"]
    lines = [_line(titles), _line(["---"] * (len(titles) - 1) + ["---:"])]
    for row, prediction in zip(family.rows(verdicts, predictions), predictions, strict=True):
        interval = f", {row.interval}" if row.interval else ""
        number = f"{row.number}: {row.value}{interval}" if row.number else ""
        claim = [prediction.claim] * claims
        lines.append(
            _line([f"`{row.name}`", *claim, f"**{row.outcome}**", row.alone, number, row.n])
        )
    tested = [prediction.name for prediction in predictions if prediction.min_seeds > 0]
    confirmatory = sum(
        verdict.look is not None and verdict.look.standing == "confirmatory" for verdict in verdicts
    )
    among = f"Found: what stands at 5% among {plural(len(tested), 'prediction')}"
    lines += ["", f"{among}; alone: by its rule. Confirmatory: {confirmatory or 'none'}."]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def written_into(document: str, verdicts: Sequence[Verdict]) -> str:
    """Return a document with the table between the marks of the verdicts' group and size.

    Raises:
        ValueError: It has no such marks, or more than one pair.
    """
    new = table(verdicts, claims=verdicts[0].size == "quick")
    return between(document, marks(verdicts), new)


def between(document: str, marks: tuple[str, str], new: str) -> str:
    """Return a document with something new between two marks.

    Raises:
        ValueError: It has no such marks, or more than one pair.
    """
    begin, end = marks
    if document.count(begin) != 1 or document.count(end) != 1:
        raise InvalidInputError(f"the document must have {begin} and {end} once each")
    before, _, rest = document.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{new}\n{end}{after}"


def rewrite(
    document: Path,
    kept: Sequence[Path],
    marks: tuple[str, str],
    make: Callable[[Sequence[Sequence[Verdict]]], str],
) -> None:
    """Write what is made of kept verdicts between two marks of a document.

    Args:
        document: Its place.
        kept: Files of verdicts that were judged together.
        marks: See ``between``.
        make: Makes it of the verdicts of each file.

    Raises:
        InvalidInputError: A file does not hold verdicts, or the document has no such marks.
    """
    new = make([load(file) for file in kept])
    write_file(document, between(document.read_text(encoding="utf-8"), marks, new))


def by_name(kept: Sequence[Sequence[Verdict]]) -> dict[str, list[tuple[family.Row, Verdict]]]:
    """Return what was found of each prediction, at each size that is kept.

    Args:
        kept: Verdicts of whole groups, each at a size.
    """
    found: dict[str, list[tuple[family.Row, Verdict]]] = {}
    for verdicts in kept:
        rows = family.rows(verdicts, [find(verdict.prediction) for verdict in verdicts])
        for row, verdict in zip(rows, verdicts, strict=True):
            found.setdefault(row.name, []).append((row, verdict))
    return found


def main(document: Path, *kept: Path) -> None:
    """Write the tables of the verdicts kept in files into a document."""
    text = document.read_text(encoding="utf-8")
    for file in kept:
        text = written_into(text, load(file))
    write_file(document, text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
