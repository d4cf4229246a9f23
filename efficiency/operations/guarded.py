"""Whole numbers that refuse to leave 64 bits, to find out where an array's would do so silently."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = 63
"""Of the magnitude of a 64-bit integer."""


class TooLargeError(ArithmeticError):
    """A number does not fit into 64 bits."""


class Guarded(int):
    """A whole number of which every arithmetic result is one too, or an error."""


def guarded(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return an array of objects with the same values."""
    return np.array([Guarded(value) for value in values.tolist()], dtype=object)


def _kept(result: object) -> object:
    if not isinstance(result, int) or isinstance(result, bool):
        return result
    if result.bit_length() > BITS:
        raise TooLargeError
    return Guarded(result)


def _guarding(compute: Callable[[Any, Any], Any], *, turned: bool) -> Callable[[Any, Any], Any]:
    def result(self: Guarded, other: object) -> object:
        if not isinstance(other, int):
            return NotImplemented
        left, right = (int(other), int(self)) if turned else (int(self), int(other))
        # Not computed first: a power of a power has no end.
        shifts = compute is operator.lshift and right > BITS
        powers = compute is operator.pow and abs(left) > 1 and right > BITS
        if left != 0 and (shifts or powers):
            raise TooLargeError
        return _kept(compute(left, right))

    return result


def _of_one(self: Guarded, compute: Callable[[int], int]) -> object:
    return _kept(compute(int(self)))


for _name in ("add", "sub", "mul", "floordiv", "mod", "pow", "lshift", "rshift"):
    _compute = getattr(operator, _name)
    setattr(Guarded, f"__{_name}__", _guarding(_compute, turned=False))
    setattr(Guarded, f"__r{_name}__", _guarding(_compute, turned=True))
for _name in ("neg", "abs", "pos"):
    _compute = getattr(operator, _name)
    setattr(Guarded, f"__{_name}__", functools.partialmethod(_of_one, _compute))
