"""Binary operations, each with its table and its declared symmetry.

To add one here: write it as a function of both operands and give it an entry in ``MODULAR`` or
``SYMMETRIC``. From another package: ``OPERATIONS.register``; or name it ``mymodule:thing``, an
``Operation`` or a function of (a, b, p), and register nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from efficiency.errors import InvalidInputError
from efficiency.operations.base import IntArray, Operation, Table, checked
from efficiency.operations.modular import MODULAR, is_prime, modular, of_function
from efficiency.operations.symmetric import SYMMETRIC, permutations
from efficiency.registry import Registry

__all__ = [
    "OPERATIONS",
    "SYMMETRIC",
    "IntArray",
    "Operation",
    "Table",
    "check",
    "checked",
    "find",
    "modular",
    "permutations",
]


def _of_module(name: str, thing: Any) -> Operation:
    """Return what a module has under a name as the operation of that name."""
    if isinstance(thing, Operation):
        return replace(thing, name=name)
    if callable(thing):
        return of_function(name, thing)
    raise InvalidInputError(
        f"{name!r} is no operation but a {type(thing).__name__}; it must be an Operation "
        "(efficiency.operations.modular makes one) or a function of (a, b, p)"
    )


OPERATIONS: Registry[Operation] = Registry("operation", _of_module)
"""The twelve of Power et al. (2022, Appendix A.1.1), and multiplication."""

for _operation in (*MODULAR, *SYMMETRIC):
    OPERATIONS.register(_operation.name, _operation)


def find(name: str) -> Operation:
    """Return an operation.

    Raises:
        ValueError: There is none of this name.
    """
    return OPERATIONS.find(name)


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
