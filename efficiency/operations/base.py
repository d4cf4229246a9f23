"""What an operation is.

Shapes: N pairs in a table; symbols are the integers 0 … S−1, and answers are symbols.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from efficiency.errors import InvalidInputError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Every pair on which an operation is defined, with its answer.

    Attributes:
        left: (N,) first operands, in [0, num_symbols).
        right: (N,) second operands.
        answer: (N,) results.
        num_symbols: S, the size of the set.
    """

    left: IntArray
    right: IntArray
    answer: IntArray
    num_symbols: int

    @property
    def num_pairs(self) -> int:
        """N, the number of pairs."""
        return len(self.answer)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A binary operation.

    Attributes:
        name: What users call it.
        meaning: One phrase, with the formula.
        size_name: What ``size`` means.
        sizes: The sizes at which the table is defined and small enough to hold.
        num_symbols: S as a function of the size.
        num_pairs: N as a function of the size.
        build: The table at a size.
        needs_prime: Whether the size must be prime.
        commutes: Whether a∘b = b∘a for every pair.
        differences: (S, S) labels of (answer z, class c) as a function of the size: what a
            commutative group that acts on answers and classes alike leaves unchanged, z − c mod p
            for addition. ``None`` where no such group is known.
    """

    name: str
    meaning: str
    size_name: str
    sizes: range
    num_symbols: Callable[[int], int]
    num_pairs: Callable[[int], int]
    build: Callable[[int], Table]
    needs_prime: bool = False
    commutes: bool = False
    differences: Callable[[int], IntArray | None] = lambda size: None


def checked(operation: Operation, size: int) -> Table:
    """Return the table of an operation at a size, after comparing it with what it declares.

    Everything after this indexes by symbols without looking.

    Raises:
        InvalidInputError: Operands or answers are no whole numbers or not among the symbols, pairs
            are missing, too many or there twice, or the declared symmetry does not hold.
    """
    table = operation.build(size)
    S, N = operation.num_symbols(size), operation.num_pairs(size)
    here = f"the operation {operation.name!r} at size {size}"
    columns = (table.left, table.right, table.answer)
    if table.num_symbols != S or any(len(column) != N for column in columns):
        raise InvalidInputError(
            f"{here} declares {S} symbols and {N} pairs, and its table has {table.num_symbols} and "
            f"{[len(column) for column in columns]}; make num_symbols, num_pairs and build agree"
        )
    for what, column in zip(("first operand", "second operand", "answer"), columns, strict=True):
        if not np.issubdtype(column.dtype, np.integer):
            raise InvalidInputError(
                f"{here} has as {what} what is no whole number ({column.dtype}); symbols are the "
                f"integers 0 … {S - 1}"
            )
        outside = np.flatnonzero((column < 0) | (column >= S))
        if len(outside):
            a, b, c = (int(values[outside[0]]) for values in columns)
            raise InvalidInputError(
                f"{here} has {a} ∘ {b} = {c}: the {what} is not among the symbols 0 … {S - 1}; "
                "is a remainder (% p) missing?"
            )
    answers = np.full((S, S), -1, dtype=np.int64)
    answers[table.left, table.right] = table.answer
    if int((answers >= 0).sum()) != N:
        raise InvalidInputError(f"{here} has a pair of operands twice in its table")
    unlike = np.argwhere(answers != answers.T)
    if operation.commutes and len(unlike):
        a, b = (int(x) for x in unlike[0])
        raise InvalidInputError(
            f"{here} counts as commuting, for it is declared to, or as a function does mod 7 and "
            f"mod 11, and {a} ∘ {b} = {answers[a, b]}, {b} ∘ {a} = {answers[b, a]} (−1: not "
            "defined); leave out commutes=True, or let the same be true of every size"
        )
    # As 64-bit integers wherever they come from, so that what is drawn beside them is alike.
    left, right, answer = (np.ascontiguousarray(column, dtype=np.int64) for column in columns)
    return Table(left=left, right=right, answer=answer, num_symbols=S)
