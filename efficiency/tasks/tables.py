"""Binary operations as tables.

Shapes: N pairs in a table; symbols are the integers 0 … S−1, and classes (answers) are symbols.
"""

from __future__ import annotations

import functools

import numpy as np

from efficiency import operations
from efficiency.operations import IntArray, Table


@functools.lru_cache(maxsize=32)
def differences(name: str, size: int) -> IntArray | None:
    """Return (S, S) labels of (answer, class), see ``Operation``; ``None`` where there are none.

    Raises:
        ValueError: The operation is unknown or not defined at this size.
    """
    operations.check(name, size)
    return operations.find(name).differences(size)


@functools.lru_cache(maxsize=32)
def table(name: str, size: int) -> Table:
    """Return the table of an operation, pairs in row-major order.

    Raises:
        ValueError: The operation is unknown or not defined at this size, or is not what it
            declares: see ``efficiency.operations.checked``.
    """
    operations.check(name, size)
    return operations.checked(operations.find(name), size)


@functools.lru_cache(maxsize=32)
def mirror(name: str, size: int) -> IntArray | None:
    """Return (N,) the index of (b, a) for each pair (a, b); ``None`` unless a∘b = b∘a everywhere.

    A network that treats its operands alike knows the mirror images of what it has memorised, and
    with half of the table trained that is half of the rest: no sign of knowing the operation.

    Raises:
        ValueError: The operation is unknown or not defined at this size.
    """
    operations.check(name, size)
    if not operations.find(name).commutes:
        return None
    held = table(name, size)
    index = np.full((held.num_symbols, held.num_symbols), -1, dtype=np.int64)
    index[held.left, held.right] = np.arange(held.num_pairs)
    return index[held.right, held.left]


def square(name: str, size: int, shown: np.ndarray | None = None) -> IntArray:
    """Return (S, S) the answers by left and right operand, −1 where a cell is blank.

    Args:
        name: The operation.
        size: Its size.
        shown: (N,) booleans, which pairs to show; default: all on which the operation is defined.
    """
    held = table(name, size)
    answers = np.full((held.num_symbols, held.num_symbols), -1, dtype=np.int64)
    kept = slice(None) if shown is None else shown
    answers[held.left[kept], held.right[kept]] = held.answer[kept]
    return answers
