"""Binary operations as tables, and which part of a table is trained on with which labels.

Shapes: N pairs in a table, D of them trained on; symbols are the integers 0 … S−1, and classes
(answers) are symbols.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def _quotient(a: IntArray, b: IntArray, p: int) -> IntArray:
    inverse = np.array([0, *(pow(x, -1, p) for x in range(1, p))], dtype=np.int64)
    quotient: IntArray = a * inverse[b]
    return quotient


def permutations(n: int) -> IntArray:
    """Return the n! permutations of 0 … n−1 in lexicographic order: row s is symbol s."""
    return np.array(list(itertools.permutations(range(n))), dtype=np.int64)


def _composition(n: int) -> Table:
    """Symbol of a∘b, where (a∘b)(i) = a(b(i)): b acts first."""
    rows = permutations(n)
    size = len(rows)
    left, right = (side.ravel() for side in np.mgrid[0:size, 0:size])
    composed = np.take_along_axis(rows[left], rows[right], axis=1)
    # Lexicographic order of rows is the order of their digits in base n.
    digits = n ** np.arange(n)[::-1]
    answer = np.searchsorted(rows @ digits, composed @ digits)
    return Table(left=left, right=right, answer=answer, num_symbols=size)


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


def _additive_differences(p: int) -> IntArray:
    z, c = np.mgrid[0:p, 0:p]
    labels: IntArray = (z - c) % p
    return labels


def _multiplicative_differences(p: int) -> IntArray | None:
    """Return z/c where neither is 0; multiplying both by a unit changes nothing else either."""
    if not _is_prime(p):
        return None  # not every factor can be undone
    z, c = np.mgrid[0:p, 0:p]
    labels: IntArray = _quotient(z, c, p) % p
    labels[(z == 0) & (c == 0)] = 0
    labels[(z == 0) & (c != 0)] = p
    labels[(z != 0) & (c == 0)] = p + 1
    return labels


def _modular(
    name: str,
    meaning: str,
    function: Callable[[IntArray, IntArray, int], IntArray],
    differences: Callable[[int], IntArray | None],
    *,
    divides: bool = False,
    commutes: bool = False,
) -> Operation:
    """Make the operation ``function`` mod p on all pairs, without b = 0 where it divides by b."""

    def build(p: int) -> Table:
        left, right = (side.ravel() for side in np.mgrid[0:p, int(divides) : p])
        return Table(left=left, right=right, answer=function(left, right, p) % p, num_symbols=p)

    return Operation(
        name=name,
        meaning=meaning,
        size_name="modulus p",
        sizes=range(2, 1000),
        num_symbols=lambda p: p,
        num_pairs=lambda p: p * (p - divides),
        build=build,
        needs_prime=divides,
        commutes=commutes,
        differences=differences,
    )


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        _modular(
            "addition",
            "(a + b) mod p",
            lambda a, b, p: a + b,
            _additive_differences,
            commutes=True,
        ),
        _modular("subtraction", "(a − b) mod p", lambda a, b, p: a - b, _additive_differences),
        _modular(
            "multiplication",
            "(a · b) mod p",
            lambda a, b, p: a * b,
            _multiplicative_differences,
            commutes=True,
        ),
        _modular(
            "division",
            "a · b⁻¹ mod p, for b ≠ 0",
            _quotient,
            _multiplicative_differences,
            divides=True,
        ),
        Operation(
            name="composition",
            meaning="a ∘ b in the symmetric group Sₙ, b acting first",
            size_name="n of Sₙ",
            sizes=range(2, 7),
            num_symbols=math.factorial,
            num_pairs=lambda n: math.factorial(n) ** 2,
            build=_composition,
        ),
    )
}


def _operation(name: str) -> Operation:
    if name not in OPERATIONS:
        near = difflib.get_close_matches(name, OPERATIONS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown operation {name!r}; {hint}choose from {sorted(OPERATIONS)}")
    return OPERATIONS[name]


def _is_prime(p: int) -> bool:
    return p >= 2 and all(p % divisor for divisor in range(2, math.isqrt(p) + 1))


def check(name: str, size: int) -> None:
    """Raise ``ValueError`` unless operation ``name`` exists and is defined at ``size``."""
    operation = _operation(name)
    if size not in operation.sizes:
        raise ValueError(
            f"size = {size} ({operation.size_name}) is outside {operation.sizes.start} … "
            f"{operation.sizes.stop - 1} for {name}; choose a size inside it"
        )
    if operation.needs_prime and not _is_prime(size):
        below = next((p for p in range(size, 1, -1) if _is_prime(p)), 2)
        above = next(p for p in itertools.count(size) if _is_prime(p))
        raise ValueError(
            f"size = {size} is not prime, and {name} needs a prime modulus for every b ≠ 0 to have "
            f"an inverse; the nearest primes are {below} and {above}"
        )


def num_pairs(name: str, size: int) -> int:
    """Return N, the number of pairs in the table, without building it."""
    return _operation(name).num_pairs(size)


def num_symbols(name: str, size: int) -> int:
    """Return S, the number of symbols, without building the table."""
    return _operation(name).num_symbols(size)


@functools.lru_cache(maxsize=32)
def differences(name: str, size: int) -> IntArray | None:
    """Return (S, S) labels of (answer, class), see ``Operation``; ``None`` where there are none.

    Raises:
        ValueError: The operation is unknown or not defined at this size.
    """
    check(name, size)
    return _operation(name).differences(size)


@functools.lru_cache(maxsize=32)
def table(name: str, size: int) -> Table:
    """Return the table of an operation, pairs in row-major order.

    Raises:
        ValueError: The operation is unknown or not defined at this size.
    """
    check(name, size)
    return _operation(name).build(size)


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
    check(name, size)
    if not _operation(name).commutes:
        return None
    held = table(name, size)
    index = np.full((held.num_symbols, held.num_symbols), -1, dtype=np.int64)
    index[held.left, held.right] = np.arange(held.num_pairs)
    return index[held.right, held.left]


def labels(table: Table, label_seed: int | None) -> IntArray:
    """Return (N,) the labels of the table.

    Args:
        table: The operation's table.
        label_seed: ``None`` for the true answers (natural regime). Otherwise labels independent of
            the operands, uniform on the symbols and fixed by the seed (memorising regime; the
            paper's way to train a network whose only circuit is Mem, Figure 3).
    """
    if label_seed is None:
        return table.answer
    rng = np.random.default_rng([1, label_seed])
    return rng.integers(0, table.num_symbols, size=table.num_pairs)
