"""Sequences of tokens of which several are answers.

Shapes: N examples, n digits, T positions that are read, A answers.
"""

from __future__ import annotations

import numpy as np

from efficiency.operations import IntArray

PLUS, EQUALS = 10, 11
"""Tokens beside the ten digits."""


def drawn_pairs(num_digits: int, num_examples: int, seed: int) -> tuple[IntArray, IntArray]:
    """Return (N,) two numbers of n digits for each example, no pair of them twice.

    All 10^2n pairs in row-major order if so many are asked for.

    Args:
        num_digits: n.
        num_examples: N.
        seed: Decides which.
    """
    top = 10**num_digits
    if num_examples == top**2:
        chosen = np.arange(num_examples)
    else:
        # Without a list of all of them, which for five digits would be 10¹⁰ long.
        rng, chosen = np.random.default_rng([4, seed]), np.empty(0, dtype=np.int64)
        while len(chosen) < num_examples:
            drawn = rng.integers(0, top**2, size=2 * num_examples)
            joined = np.concatenate([chosen, drawn])
            _, first = np.unique(joined, return_index=True)
            chosen = joined[np.sort(first)]
        chosen = chosen[:num_examples]
    return chosen // top, chosen % top


def digits(numbers: IntArray, num_digits: int) -> IntArray:
    """Return (N, n) the digits of numbers, the most significant first."""
    places = 10 ** np.arange(num_digits)[::-1]
    found: IntArray = numbers[:, None] // places % 10
    return found


def addition(left: IntArray, right: IntArray, num_digits: int) -> tuple[IntArray, IntArray]:
    """Return additions as sequences ``x … + y … = z …`` and the answers.

    The answer is given but for its last digit, so that each of its digits is read one position
    before its own (Nanda et al. 2023, their five-digit addition).

    Args:
        left: (N,) numbers of n digits.
        right: (N,).
        num_digits: n.

    Returns:
        (N, 3n + 2) tokens and (N, n + 1) digits of the sum, the carry first.
    """
    answer = digits(left + right, num_digits + 1)
    plus, equals = (np.full((len(left), 1), token) for token in (PLUS, EQUALS))
    x, y = (digits(side, num_digits) for side in (left, right))
    return np.concatenate([x, plus, y, equals, answer[:, :-1]], axis=1), answer


def swapped(left: IntArray, right: IntArray) -> IntArray:
    """Return (N,) the index of (y, x) for each pair (x, y), −1 where it is not among them."""
    top = int(max(left.max(), right.max())) + 1
    key, image = left * top + right, right * top + left
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], image), len(key) - 1)
    found: IntArray = np.where(key[order][place] == image, order[place], -1)
    return found
