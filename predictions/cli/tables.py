"""Tables of operations, as text and as pictures, with the cells blank that are not trained on."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np

from efficiency import operations, tasks
from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from runs.files import write_file

WIDEST = 61
"""Most symbols of a table that is printed as text."""


def answers(operation: str, size: int, num_examples: int | None, seed: int | None) -> IntArray:
    """Return (S, S) answers, −1 where the operation is undefined or the pair is held out.

    Args:
        operation: Its name.
        size: The modulus, or n of Sₙ.
        num_examples: D; ``None`` shows the whole table.
        seed: Decides which D pairs, as ``data_seed`` does for a run; ``None`` is 0.

    Raises:
        ValueError: The operation is not defined at this size, D is not in 1 … N, or a seed is given
            without D.
    """
    operations.check(operation, size)
    num_pairs = operations.find(operation).num_pairs(size)
    if num_examples is None:
        if seed is not None:
            raise InvalidInputError(
                f"--seed {seed} decides which pairs are shown, and without --examples all are; "
                "give --examples, or leave out --seed"
            )
        return tasks.square(operation, size)
    if not 1 <= num_examples <= num_pairs:
        raise InvalidInputError(
            f"--examples {num_examples} is outside 1 … {num_pairs}, the number of pairs in the "
            f"table of {operation} at size {size}"
        )
    shown = np.zeros(num_pairs, dtype=bool)
    shown[tasks.split(num_pairs, num_examples, seed or 0)[0]] = True
    return tasks.square(operation, size, shown)


def as_text(square: IntArray) -> str:
    """Return a table as lines: a row for each left operand, a column for each right one.

    Raises:
        ValueError: It is too wide to read.
    """
    size = len(square)
    if size > WIDEST:
        raise InvalidInputError(
            f"a table of {size} symbols is too wide to print (at most {WIDEST}); "
            "write a picture with --picture FILE"
        )
    width = len(str(size - 1))
    head = " ".join(f"{b:>{width}}" for b in range(size))
    lines = [f"{'':>{width}} | {head}", f"{'-' * width}-+-{'-' * len(head)}"]
    for a, row in enumerate(square.tolist()):
        cells = " ".join(f"{'' if answer < 0 else answer:>{width}}" for answer in row)
        lines.append(f"{a:>{width}} | {cells}".rstrip())
    return "\n".join(lines)


def key(operation: str, size: int) -> str:
    """Return what the symbols of a table stand for, a line each; nothing where they are numbers."""
    if operation not in {one.name for one in operations.SYMMETRIC}:
        return ""
    rows = operations.permutations(size).tolist()
    width = len(str(len(rows) - 1))
    lines = [f"{symbol:>{width}} = {' '.join(map(str, row))}" for symbol, row in enumerate(rows)]
    head = (
        f"Each symbol is a permutation, written as where it takes {', '.join(map(str, rows[0]))}:"
    )
    return "\n".join([head, *lines])


def write_picture(square: IntArray, path: Path) -> None:
    """Write a table as a picture, in the format that the file's name ends with.

    Raises:
        ValueError: No package offers to draw it, or the format is not known.
    """
    for entry in importlib.metadata.entry_points(group="predictions.pictures", name="table"):
        drawn = entry.load()(square, path.suffix.removeprefix("."))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, drawn)
        except OSError as error:
            raise InvalidInputError(
                f"the picture cannot be written to {path} ({error.strerror}); choose another file "
                "with --picture"
            ) from error
        return
    raise InvalidInputError("the package paper_figures, which draws tables, is not installed")
