"""What an operation is.

Shapes: N pairs in a table; symbols are the integers 0 … S−1, and answers are symbols.
"""

from __future__ import annotations

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
