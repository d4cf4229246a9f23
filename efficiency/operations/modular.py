"""Operations on the integers mod p."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from efficiency.errors import InvalidInputError
from efficiency.operations.base import IntArray, Operation, Table


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
        answer = np.asarray(function(left, right, p))
        _require_no_overflow(name, function, (left, right, p), answer)
        return answer

    return modular(name, said, exact, commutes=commutes)


def _require_no_overflow(
    name: str,
    function: Callable[[IntArray, IntArray, int], IntArray],
    asked: tuple[IntArray, IntArray, int],
    answer: IntArray,
) -> None:
    """Refuse answers that whole numbers without end do not give: arrays hold 64 bits, silently.

    What cannot be computed in Python's integers, a look into an array for instance, is not checked.
    """
    left, right, p = asked
    try:
        endless = np.asarray(function(left.astype(object), right.astype(object), p)) % p
    except Exception:  # not an error of what it is used for
        return
    if (wrong := np.flatnonzero(endless != answer % p)).size:
        k = wrong[0]
        raise InvalidInputError(
            f"the operation {name!r} overflows 64 bits at p = {p}: of ({left[k]}, {right[k]}) it "
            f"answers {answer[k] % p}, and {endless[k]} in whole numbers of any size (one of "
            f"{wrong.size} of {answer.size} pairs); take remainders mod p on the way"
        )


def _symmetric_at(
    name: str, function: Callable[[IntArray, IntArray, int], IntArray], p: int
) -> bool:
    left, right = (side.ravel() for side in np.mgrid[0:p, 0:p])
    try:
        answer, again = (np.asarray(function(left, right, p)) for _ in range(2))
        square = (answer % p).reshape(p, p)
    except Exception as error:  # somebody else's code
        raise InvalidInputError(
            f"the operation {name!r} must be a function (a, b, p) of two arrays of whole numbers "
            f"and the modulus that returns one such array; called with p = {p} it raised "
            f"{type(error).__name__}: {error}"
        ) from error
    if answer.dtype != bool and not np.issubdtype(answer.dtype, np.integer):
        raise InvalidInputError(
            f"the operation {name!r} answers with {answer.dtype}, {answer.flat[0]} for one; it "
            "must return whole numbers"
        )
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
