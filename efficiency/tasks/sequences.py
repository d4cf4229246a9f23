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


def repeats(
    num_examples: int, vocabulary: int, repeated: int, length: int, seed: int
) -> tuple[IntArray, IntArray]:
    """Return random sequences that end with a stretch which they have had before.

    All tokens are drawn alike, and so is the place of the first copy, which ends before the second
    one begins: how far apart they are says nothing of a position. The first token of the second
    copy cannot be known, and is not asked for (after the ``induction_head`` runs of Nanda et al.
    2023, whose stretches come three times and at places of which none is fixed).

    Args:
        num_examples: N.
        vocabulary: V.
        repeated: L, tokens of the stretch.
        length: T, tokens of the sequence.
        seed: Decides which.

    Returns:
        (N, T − 1) tokens, all but the last, and (N, L − 1) the second copy from its second token
        on, each of which is read where the one before it stands.
    """
    rng = np.random.default_rng([5, seed])
    drawn = rng.integers(0, vocabulary, size=(num_examples, length))
    first = rng.integers(0, length - 2 * repeated + 1, size=num_examples)
    copied = first[:, None] + np.arange(repeated)
    drawn[:, -repeated:] = np.take_along_axis(drawn, copied, axis=1)
    return drawn[:, :-1], drawn[:, 1 - repeated :]


def first_copies(tokens: IntArray, repeated: int) -> IntArray:
    """Return (N, L − 1) where each answer of ``repeats`` stands in the first copy.

    Of several places at which all that is read of the second copy stands, the first.

    Args:
        tokens: (N, T − 1), what is read.
        repeated: L.
    """
    windows = np.lib.stride_tricks.sliding_window_view(tokens, repeated - 1, axis=1)
    there = (windows == windows[:, -1:]).all(-1)
    found: IntArray = there.argmax(1)[:, None] + np.arange(1, repeated)
    return found


def skip_trigrams(
    num_examples: int, triggers: int, others: int, length: int, seed: int
) -> tuple[IntArray, IntArray]:
    """Return sequences with one trigger among other tokens, and which trigger it is.

    From memory of a task of Nanda et al. (2023), whose generator is not published.

    Args:
        num_examples: N.
        triggers: M, different triggers, the last M tokens.
        others: Different other tokens, the first ones.
        length: T, tokens of a sequence, the last of which is no trigger.
        seed: Decides which.

    Returns:
        (N, T) tokens and (N, 1) the trigger, from 0.
    """
    rng = np.random.default_rng([6, seed])
    tokens = rng.integers(0, others, size=(num_examples, length))
    which = rng.integers(0, triggers, size=num_examples)
    place = rng.integers(0, length - 1, size=num_examples)
    tokens[np.arange(num_examples), place] = others + which
    return tokens, which[:, None]


def swapped(left: IntArray, right: IntArray) -> IntArray:
    """Return (N,) the index of (y, x) for each pair (x, y), −1 where it is not among them."""
    top = int(max(left.max(), right.max())) + 1
    key, image = left * top + right, right * top + left
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], image), len(key) - 1)
    found: IntArray = np.where(key[order][place] == image, order[place], -1)
    return found
