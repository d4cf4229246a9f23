"""Checks of numbers that public functions are given: what is refused is never computed with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from efficiency.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]


def numbers(
    values: npt.ArrayLike,
    what: str,
    *,
    positive: bool = False,
    infinite: bool = False,
    ndim: int = 1,
) -> FloatArray:
    """Return numbers as an array.

    Args:
        values: What was given.
        what: What they are called, for the message.
        positive: Whether they must all be above 0.
        infinite: Whether they may be infinite.
        ndim: Axes that they must have.

    Raises:
        InvalidInputError: They are no numbers, of another shape, NaN, infinite or not positive.
    """
    try:
        array: FloatArray = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{what} must be numbers, all of one shape ({error})") from error
    if array.ndim != ndim:
        raise InvalidInputError(f"{what} must have {ndim} axes, not the shape {array.shape}")
    wrong = np.isnan(array) if infinite else ~np.isfinite(array)
    if positive:
        wrong |= ~(array > 0)
    if wrong.any():
        kind = "numbers" if infinite else "finite numbers"
        raise InvalidInputError(
            f"{what} must be {kind}{' above 0' if positive else ''}; "
            f"{array[wrong].ravel()[:3].tolist()} was given (leave out what was not measured)"
        )
    return array


def sizes(values: npt.ArrayLike, *, at_least: int = 1) -> FloatArray:
    """Return dataset sizes as an array.

    Raises:
        InvalidInputError: They are not positive and increasing, or fewer than wanted.
    """
    array = numbers(values, "sizes", positive=True)
    if len(array) < at_least:
        raise InvalidInputError(f"{at_least} sizes at least are needed, not {len(array)}")
    if (np.diff(array) <= 0).any():
        raise InvalidInputError(
            f"sizes must increase, each larger than the one before; given: {array.tolist()}"
        )
    return array


def alike(what: str, *arrays: FloatArray) -> None:
    """Refuse arrays of different lengths.

    Raises:
        InvalidInputError: They differ.
    """
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        counts = " and ".join(map(str, lengths))
        raise InvalidInputError(f"{what} must be equally many, not {counts}")


def fraction(value: float, what: str) -> float:
    """Return a number that lies between 0 and 1, the ends excluded.

    Raises:
        InvalidInputError: It does not.
    """
    if not 0 < value < 1:
        raise InvalidInputError(f"{what} = {value!r} is not between 0 and 1")
    return value
