"""Binary operations as tables, and which part of a table is trained on with which labels.

Shapes: N pairs in a table, D of them trained on; symbols are the integers 0 … S−1, and classes
(answers) are symbols.
"""

from __future__ import annotations

import functools

import numpy as np

from efficiency import operations
from efficiency.errors import InvalidInputError
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


def order(num_pairs: int, data_seed: int) -> IntArray:
    """Return (N,) the order in which the pairs enter a dataset: its first D are trained on.

    One permutation per seed serves every D, so that the datasets of a seed are nested: a smaller
    dataset takes pairs away and never exchanges them.
    """
    return np.random.default_rng([0, data_seed]).permutation(num_pairs)


def split(num_pairs: int, dataset_size: int, data_seed: int) -> tuple[IntArray, IntArray]:
    """Return the indices trained on, (D,), and the rest, (N − D,): a partition of the table."""
    indices = order(num_pairs, data_seed)
    return indices[:dataset_size], indices[dataset_size:]


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


def random_labels(table: Table, label_seed: int) -> IntArray:
    """Return (N,) labels independent of the operands, uniform on the symbols, fixed by the seed.

    The memorising regime: the paper's way to train a network whose only circuit is Mem (Figure 3).
    """
    rng = np.random.default_rng([1, label_seed])
    return rng.integers(0, table.num_symbols, size=table.num_pairs)


def mirrored_labels(name: str, size: int, label_seed: int) -> IntArray:
    """Return (N,) random labels of which (a, b) and (b, a) share one: that of the earlier pair.

    Raises:
        ValueError: The operation is unknown, not defined at this size, or does not commute.
    """
    image = mirror(name, size)
    if image is None:
        raise InvalidInputError(f"{name} does not commute: its pairs have no mirror images")
    first = np.minimum(np.arange(len(image)), image)
    found: IntArray = random_labels(table(name, size), label_seed)[first]
    return found


def corrupted(train: IntArray, num_pairs: int, num_corrupted: int, label_seed: int) -> IntArray:
    """Return (k,) the pairs of a training set whose label is wrong.

    All pairs stand in one queue, whatever the training set: those of a smaller k are among those of
    a larger one, and a pair that is wrong in a training set is wrong in every smaller one with it.

    Args:
        train: (D,) pairs that are trained on.
        num_pairs: N.
        num_corrupted: k ≤ D.
        label_seed: Decides which.
    """
    place_N = np.random.default_rng([2, label_seed]).permutation(num_pairs)
    return train[np.argsort(place_N[train])[:num_corrupted]]


def wrong_labels(table: Table, label_seed: int) -> IntArray:
    """Return (N,) labels that are uniform on the wrong answers of each pair."""
    rng = np.random.default_rng([3, label_seed])
    shift = rng.integers(1, table.num_symbols, size=table.num_pairs)
    return (table.answer + shift) % table.num_symbols


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
