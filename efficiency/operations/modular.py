"""Operations on the integers mod p."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from efficiency.errors import InvalidInputError
from efficiency.operations.base import IntArray, Operation, Table
from efficiency.operations.guarded import TooLargeError, guarded


def is_prime(p: int) -> bool:
    """Return whether p is a prime number."""
    return p >= 2 and all(p % divisor for divisor in range(2, math.isqrt(p) + 1))


def _quotient(a: IntArray, b: IntArray, p: int) -> IntArray:
    inverse = np.array([0, *(pow(x, -1, p) for x in range(1, p))], dtype=np.int64)
    quotient: IntArray = a * inverse[b]
    return quotient


def _division_or_subtraction(p: int) -> Table:
    left, right = (side.ravel() for side in np.mgrid[0:p, 0:p])
    answer = np.where(right % 2 == 1, _quotient(left, right, p), left - right) % p
    return Table(left=left, right=right, answer=answer, num_symbols=p)


def _additive_differences(p: int) -> IntArray:
    z, c = np.mgrid[0:p, 0:p]
    labels: IntArray = (z - c) % p
    return labels


def _multiplicative_differences(p: int) -> IntArray | None:
    """Return z/c where neither is 0; multiplying both by a unit changes nothing else either."""
    if not is_prime(p):
        return None  # not every factor can be undone
    z, c = np.mgrid[0:p, 0:p]
    labels: IntArray = _quotient(z, c, p) % p
    labels[(z == 0) & (c == 0)] = 0
    labels[(z == 0) & (c != 0)] = p
    labels[(z != 0) & (c == 0)] = p + 1
    return labels


def modular(
    name: str,
    meaning: str,
    function: Callable[[IntArray, IntArray, int], IntArray],
    differences: Callable[[int], IntArray | None] = lambda p: None,
    *,
    divides: bool = False,
    commutes: bool = False,
) -> Operation:
    """Make an operation of a function mod p, on all pairs, or on those with b ≠ 0.

    Args:
        name: What users call it.
        meaning: One phrase, with the formula.
        function: From (N,) first operands a, (N,) second ones b and p to (N,) whole numbers, of
            which the remainder mod p is the answer.
        differences: See ``Operation``.
        divides: Whether b = 0 is left out, and p must be prime.
        commutes: See ``Operation``.
    """

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


def of_function(name: str, function: Callable[[IntArray, IntArray, int], IntArray]) -> Operation:
    """Make an operation of a function (a, b, p) mod p of some module, as ``modular`` does.

    Its meaning is the first line of its docstring. It counts as commuting if it does mod 7 and mod
    11, and its table is compared with that at every size where it is used.

    Raises:
        InvalidInputError: It does not take arrays (a, b, p) and return as many whole numbers.
    """
    said = (function.__doc__ or name).strip().splitlines()[0]
    commutes = all(_symmetric_at(name, function, p) for p in (7, 11))

    def exact(left: IntArray, right: IntArray, p: int) -> IntArray:
        answer = _remainders(name, function(left, right, p), p)
        if not answer.is_exact:
            _require_no_overflow(name, function, (left, right, p))
        return answer.values

    return modular(name, said, exact, commutes=commutes)


class _Remainders(NamedTuple):
    """Answers mod p, and whether they were whole numbers of any size."""

    values: IntArray
    is_exact: bool


def _remainders(name: str, answer: object, p: int) -> _Remainders:
    """Return what a function answers, mod p.

    Raises:
        InvalidInputError: It answers with something else than whole numbers.
    """
    found = np.asarray(answer)
    is_exact = found.dtype == object and all(isinstance(one, int) for one in found.flat)
    if not (is_exact or found.dtype == bool or np.issubdtype(found.dtype, np.integer)):
        raise InvalidInputError(
            f"the operation {name!r} answers with {found.dtype}, {found.flat[0]} for one; it must "
            "return whole numbers"
        )
    return _Remainders((found % p).astype(np.int64), is_exact)


def _require_no_overflow(
    name: str,
    function: Callable[[IntArray, IntArray, int], IntArray],
    asked: tuple[IntArray, IntArray, int],
) -> None:
    """Refuse a function that leaves 64 bits on the way: arrays do so silently.

    What is not computed with the operands as they are, but with a copy of another type or a look
    into an array, is not checked.
    """
    left, right, p = asked
    try:
        function(guarded(left), guarded(right), p)
    except TooLargeError as error:
        for a, b in zip(left, right, strict=True):
            try:
                function(guarded(np.array([a])), guarded(np.array([b])), p)
            except TooLargeError:
                raise InvalidInputError(
                    f"the operation {name!r} overflows 64 bits at p = {p}, of ({a}, {b}) for one; "
                    "take remainders mod p on the way, or compute with a.astype(object), whole "
                    "numbers of any size"
                ) from error
        raise
    except Exception:  # not an error of what it is used for
        return


def _symmetric_at(
    name: str, function: Callable[[IntArray, IntArray, int], IntArray], p: int
) -> bool:
    left, right = (side.ravel() for side in np.mgrid[0:p, 0:p])
    try:
        answer, again = (_remainders(name, function(left, right, p), p).values for _ in range(2))
        square = answer.reshape(p, p)
    except InvalidInputError:
        raise
    except Exception as error:  # somebody else's code
        raise InvalidInputError(
            f"the operation {name!r} must be a function (a, b, p) of two arrays of whole numbers "
            f"and the modulus that returns one such array; called with p = {p} it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    if not np.array_equal(answer, again):
        raise InvalidInputError(
            f"the operation {name!r} answers otherwise when it is asked again; draw nothing in it"
        )
    return bool((square == square.T).all())


def _polynomial(
    name: str,
    meaning: str,
    function: Callable[[IntArray, IntArray], IntArray],
    *,
    commutes: bool = False,
) -> Operation:
    """Make a polynomial mod p; operands below 1000 keep its values far below 2⁶³."""
    return modular(
        name, meaning, lambda a, b, p: function(a, b), _additive_differences, commutes=commutes
    )


MODULAR = (
    modular(
        "addition",
        "(a + b) mod p",
        lambda a, b, p: a + b,
        _additive_differences,
        commutes=True,
    ),
    modular("subtraction", "(a − b) mod p", lambda a, b, p: a - b, _additive_differences),
    modular(
        "multiplication",
        "(a · b) mod p",
        lambda a, b, p: a * b,
        _multiplicative_differences,
        commutes=True,
    ),
    modular(
        "division",
        "a · b⁻¹ mod p, for b ≠ 0",
        _quotient,
        _multiplicative_differences,
        divides=True,
    ),
    Operation(
        name="division-or-subtraction",
        meaning="a · b⁻¹ mod p if b is odd, else (a − b) mod p",
        size_name="modulus p",
        sizes=range(3, 1000),
        num_symbols=lambda p: p,
        num_pairs=lambda p: p * p,
        build=_division_or_subtraction,
        needs_prime=True,
    ),
    _polynomial("sum-of-squares", "(a² + b²) mod p", lambda a, b: a * a + b * b, commutes=True),
    _polynomial(
        "quadratic",
        "(a² + ab + b²) mod p",
        lambda a, b: a * a + a * b + b * b,
        commutes=True,
    ),
    _polynomial(
        "quadratic-plus-a",
        "(a² + ab + b² + a) mod p",
        lambda a, b: a * a + a * b + b * b + a,
    ),
    _polynomial("cubic", "(a³ + ab) mod p", lambda a, b: a**3 + a * b),
    _polynomial("cubic-plus-b", "(a³ + ab² + b) mod p", lambda a, b: a**3 + a * b * b + b),
)
