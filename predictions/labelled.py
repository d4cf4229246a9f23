"""Names of numbers: a word, and where there are several of one, which of them each is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate

Label = int | float | str
"""What tells numbers of one name apart: a seed, a dataset size, a weight decay, an arm."""

_WORDS = {
    "dataset_size": "{} examples",
    "modulus": "p = {}",
    "weight_decay": "λ = {}",
    "steps": "{} steps",
    "epsilon": "ε = {}",
    "percent_of_table": "{}% of the table",
    "percent_wrong": "{}% wrong",
    "arm": "{}",
    "operation": "{}",
    "panel": "{}",
}
"""How labels are told; any other as its name and value."""

_TAKEN = ("prediction", "name", "value", "low", "high", "n", "unit", "status", "deciding")
"""What tables of numbers have columns of, beside those of labels."""


@dataclass(frozen=True, init=False, repr=False)
class Labelled:
    """The name of a number of which there are several: ``Labelled("accuracy", seed=3)``.

    The order of its labels does not matter.

    Args:
        name: The word, which the glossary of a prediction explains.
        **labels: Which one it is, one label at least.

    Attributes:
        name: The word.
        labels: Labels with their values, by label.

    Raises:
        InvalidInputError: There is no label (a plain word says as much), or one has the name of a
            column that every number has, or a value that is neither a finite number nor text.
    """

    name: str
    labels: tuple[tuple[str, Label], ...]

    def __init__(self, name: str, /, **labels: Label) -> None:
        if not labels:
            raise InvalidInputError(f"{name!r} has no label; name it by the word alone")
        for label, value in labels.items():
            if label in _TAKEN:
                raise InvalidInputError(
                    f"{name!r}: a label cannot be called {label!r}, nor any of {', '.join(_TAKEN)}"
                )
            if (
                not isinstance(value, Label)
                or isinstance(value, bool)
                or (isinstance(value, float) and not math.isfinite(value))
            ):
                raise InvalidInputError(
                    f"{name!r}: label {label} is {value!r}, a {type(value).__name__}; a label is "
                    "an int, a finite float or a str"
                )
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "labels", tuple(sorted(labels.items())))

    def __getitem__(self, label: str) -> Label:
        return dict(self.labels)[label]

    def __str__(self) -> str:
        return f"{_spaced(self.name)} ({', '.join(_in_words(*label) for label in self.labels)})"

    def __repr__(self) -> str:
        labels = "".join(f", {label}={value!r}" for label, value in self.labels)
        return f"Labelled({self.name!r}{labels})"


Named = str | Labelled
"""Name of a number: a word where there is one of it, else with its labels."""

Numbers = dict[Named, Estimate]
"""The numbers of a finding, by name."""


def _spaced(word: str) -> str:
    return word.replace("_", " ")


def _in_words(label: str, value: Label) -> str:
    if isinstance(value, str):
        shown = _spaced(value)
    elif isinstance(value, int):
        shown = f"{value:,}" if label == "steps" else str(value)
    else:
        shown = f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return _WORDS[label].format(shown) if label in _WORDS else f"{_spaced(label)} {shown}"


def word(number: Named) -> str:
    """Return the word of a name."""
    return number if isinstance(number, str) else number.name


def labels(number: Named) -> dict[str, Label]:
    """Return the labels of a name, none of a plain word."""
    return {} if isinstance(number, str) else dict(number.labels)


def told(number: Named) -> str:
    """Return a name in words, e.g. ``accuracy (367 examples, seed 3)``."""
    return _spaced(number) if isinstance(number, str) else str(number)


def document(number: Named) -> dict[str, Any]:
    """Return a name as JSON types."""
    return {"name": word(number), "labels": labels(number)}


def from_document(document: Mapping[str, Any]) -> Named:
    """Return the name that a mapping holds among other things, see ``document``."""
    held = document["labels"]
    return Labelled(document["name"], **held) if held else str(document["name"])


def rows(numbers: Numbers) -> list[dict[str, Any]]:
    """Return numbers as rows of JSON types: their names as ``document`` has them, and theirs."""
    return [document(name) | number.document() for name, number in numbers.items()]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Numbers:
    """Return the numbers that rows hold, see ``rows``.

    Raises:
        InvalidInputError: One of them is none.
    """
    return {
        from_document(row): Estimate.from_document(
            {key: value for key, value in row.items() if key not in ("name", "labels")}
        )
        for row in rows
    }


def each(numbers: Numbers, word: str, *labels: str) -> Iterator[tuple[Labelled, Estimate]]:
    """Yield the numbers of a word that have these labels and no others, in their order."""
    for name, number in numbers.items():
        if isinstance(name, Labelled) and name.name == word and set(dict(name.labels)) == {*labels}:
            yield name, number
