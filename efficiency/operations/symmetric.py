"""Operations on the permutations of n things, in the symmetric group Sₙ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from efficiency.operations.base import IntArray, Operation, Table


def permutations(n: int) -> IntArray:
    """Return the n! permutations of 0 … n−1 in lexicographic order: row s is symbol s."""
    return np.array(list(itertools.permutations(range(n))), dtype=np.int64)


class _Composition:
    """Composition in Sₙ on symbols, their numbers in lexicographic order; the identity is 0.

    Called with symbols a and b it returns those of a∘b, where (a∘b)(i) = a(b(i)): b acts first.
    """

    def __init__(self, n: int) -> None:
        rows = permutations(n)
        left, right = (side.ravel() for side in np.mgrid[0 : len(rows), 0 : len(rows)])
        composed = np.take_along_axis(rows[left], rows[right], axis=1)
        # Lexicographic order of rows is the order of their digits in base n.
        digits = n ** np.arange(n)[::-1]
        self._square = np.searchsorted(rows @ digits, composed @ digits).reshape(len(rows), -1)
        self.inverse: IntArray = np.argmin(self._square, axis=1)

    def __len__(self) -> int:
        return len(self._square)

    def __call__(self, a: IntArray, b: IntArray) -> IntArray:
        result: IntArray = self._square[a, b]
        return result


def _symmetric(
    name: str, meaning: str, function: Callable[[_Composition, IntArray, IntArray], IntArray]
) -> Operation:
    """Make the operation ``function`` on the permutations of n things; see ``_Composition``."""

    def build(n: int) -> Table:
        group = _Composition(n)
        left, right = (side.ravel() for side in np.mgrid[0 : len(group), 0 : len(group)])
        answer = function(group, left, right)
        return Table(left=left, right=right, answer=answer, num_symbols=len(group))

    return Operation(
        name=name,
        meaning=meaning,
        size_name="n of Sₙ",
        sizes=range(2, 7),
        num_symbols=math.factorial,
        num_pairs=lambda n: math.factorial(n) ** 2,
        build=build,
    )


SYMMETRIC = (
    _symmetric(
        "composition",
        "a ∘ b in the symmetric group Sₙ, b acting first",
        lambda group, a, b: group(a, b),
    ),
    _symmetric(
        "conjugation",
        "a ∘ b ∘ a⁻¹ in the symmetric group Sₙ, the right one acting first",
        lambda group, a, b: group(group(a, b), group.inverse[a]),
    ),
    _symmetric(
        "sandwich",
        "a ∘ b ∘ a in the symmetric group Sₙ, the right one acting first",
        lambda group, a, b: group(group(a, b), a),
    ),
)
