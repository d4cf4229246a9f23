"""Binary operations, each with its table and its declared symmetry.

To add one: write it as a function of both operands and give it an entry in ``MODULAR`` or
``SYMMETRIC``.
"""

from __future__ import annotations

import itertools

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.operations.base import IntArray, Operation, Table, checked
from efficiency.operations.modular import MODULAR, is_prime
from efficiency.operations.symmetric import SYMMETRIC, permutations

__all__ = [
    "OPERATIONS",
    "SYMMETRIC",
    "IntArray",
    "Operation",
    "Table",
    "check",
    "checked",
    "find",
    "permutations",
]

OPERATIONS: dict[str, Operation] = {
    operation.name: operation for operation in (*MODULAR, *SYMMETRIC)
}
"""The twelve of Power et al. (2022, Appendix A.1.1), and multiplication."""


def find(name: str) -> Operation:
    """Return an operation.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in OPERATIONS:
        hint = did_you_mean(name, OPERATIONS)
        raise InvalidInputError(
            f"unknown operation {name!r}; {hint}choose from {', '.join(sorted(OPERATIONS))}"
        )
    return OPERATIONS[name]


def check(name: str, size: int) -> None:
    """Raise ``ValueError`` unless operation ``name`` exists and is defined at ``size``."""
    operation = find(name)
    if size not in operation.sizes:
        raise InvalidInputError(
            f"size = {size} ({operation.size_name}) is outside {operation.sizes.start} … "
            f"{operation.sizes.stop - 1} for {name}; choose a size inside it "
            "(of a prediction, with --operation-size)"
        )
    if operation.needs_prime and not is_prime(size):
        below = next((p for p in range(size, 1, -1) if is_prime(p)), 2)
        above = next(p for p in itertools.count(size) if is_prime(p))
        raise InvalidInputError(
            f"size = {size} is not prime, and {name} needs a prime modulus for every b ≠ 0 to have "
            f"an inverse; the nearest primes are {below} and {above}"
        )
