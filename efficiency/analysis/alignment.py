"""Whether what a network learned of its symbols follows the structure of their group.

Shapes: S symbols, M width, J subspaces, F dimensions of one, B shuffles.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from efficiency import operations
from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from efficiency.statistics.intervals import FloatArray

CYCLIC = ("addition", "subtraction")
"""Operations whose symbols are the residues mod p under addition."""

SYMMETRIC = ("composition",)
"""Operations whose symbols are the permutations in Sₙ under composition."""

LARGEST_SYMMETRIC = 5
"""Up to here two elements generate every subgroup of Sₙ, so that all of them are found."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How far vectors of symbols follow the best of several structures.

    Attributes:
        structure: Its name.
        share: Share of the vectors' variance that it explains, in [0, 1].
        times_shuffled: Its F ratio over the mean of the best one's over random orders; chance is 1.
        p_value: Share of random orders in which the best structure is as good, this one counted.
    """

    structure: str
    share: float
    times_shuffled: float
    p_value: float


def alignment(
    vectors_SM: np.ndarray,
    subspaces: Mapping[str, FloatArray],
    rng: np.random.Generator,
    num_shuffles: int = 999,
) -> Alignment:
    """Test whether vectors of symbols follow one of several structures, against shuffled symbols.

    A structure is a subspace of the functions of a symbol. The share R² of the centred vectors'
    variance that lies in it is made comparable between dimensions F by
    (R²/F) / ((1 − R²)/(S − 1 − F)), and the largest of these is held against that of vectors whose
    symbols are shuffled: the search for the best structure is part of the test.

    Args:
        vectors_SM: A vector for each symbol.
        subspaces: For each structure an orthonormal basis (S, F), orthogonal to the constant.
        rng: Draws the shuffles.
        num_shuffles: B.

    Raises:
        ValueError: All vectors are the same, so that there is nothing to explain.
    """
    S = len(vectors_SM)
    centred = vectors_SM.astype(float) - vectors_SM.mean(0)
    gram_SS = centred @ centred.T
    total = float(np.trace(gram_SS))
    if not total > 0:
        raise InvalidInputError(
            "all vectors are the same: no structure explains what does not vary"
        )
    gram_SS /= total
    projectors_JS = np.stack([(b @ b.T).ravel() for b in subspaces.values()])
    dims_J = np.array([b.shape[1] for b in subspaces.values()])

    def shares(gram: np.ndarray) -> FloatArray:
        found: FloatArray = np.clip(projectors_JS @ gram.ravel(), 0.0, 1 - 1e-12)
        return found

    def ratios(share_J: FloatArray) -> FloatArray:
        found: FloatArray = (share_J / dims_J) / ((1 - share_J) / (S - 1 - dims_J))
        return found

    share_J = shares(gram_SS)
    ratio_J = ratios(share_J)
    best = int(ratio_J.argmax())
    shuffled = []
    for _ in range(num_shuffles):
        order = rng.permutation(S)
        shuffled.append(float(ratios(shares(gram_SS[order][:, order])).max()))
    return Alignment(
        structure=list(subspaces)[best],
        share=float(share_J[best]),
        times_shuffled=float(ratio_J[best] / np.mean(shuffled)),
        p_value=(1 + sum(ratio >= ratio_J[best] for ratio in shuffled)) / (num_shuffles + 1),
    )


def subspaces(operation: str, size: int) -> dict[str, FloatArray]:
    """Return the structures of an operation's symbols, as ``alignment`` takes them.

    Of residues mod p: the frequencies, each the span of cos 2πks/p and sin 2πks/p; in those a line
    of residues s, s + d, s + 2d … is a circle. Of permutations: for each subgroup but the trivial
    ones its left cosets aH and its right cosets Ha, where they differ, each the span of the cosets'
    indicators.

    Raises:
        ValueError: No structure of this operation is known.
    """
    if operation in CYCLIC:
        symbol = np.arange(size)[:, None] * 2 * np.pi / size
        return {
            f"residues at frequency {k}": np.hstack([np.cos(k * symbol), np.sin(k * symbol)])
            * np.sqrt(2 / size)
            for k in range(1, (size - 1) // 2 + 1)
        }
    if operation in SYMMETRIC and size <= LARGEST_SYMMETRIC:
        return dict(_cosets(size))
    raise InvalidInputError(
        f"no structure is known of {operation} at size {size}; choose from {', '.join(CYCLIC)}, or "
        f"{', '.join(SYMMETRIC)} with n ≤ {LARGEST_SYMMETRIC}"
    )


@functools.lru_cache(maxsize=4)
def _cosets(n: int) -> tuple[tuple[str, FloatArray], ...]:
    """Return the partitions of Sₙ into cosets as orthonormal bases of their contrasts."""
    table = operations.find("composition").build(n)
    product_SS = table.answer.reshape(table.num_symbols, table.num_symbols)
    found: dict[tuple[int, ...], tuple[str, FloatArray]] = {}
    for number, members in enumerate(subgroups(n)):
        if len(members) in (1, table.num_symbols):
            continue
        for side, products in (("left", product_SS[:, members]), ("right", product_SS[members].T)):
            first_S = products.min(axis=1)  # the smallest member names the coset
            key = tuple(first_S.tolist())
            name = f"{side} cosets of subgroup {number} of order {len(members)}"
            found.setdefault(key, (name, _contrasts(first_S)))
    return tuple(found.values())


def subgroups(n: int) -> list[IntArray]:
    """Return all subgroups of Sₙ as sorted symbols, by order and then by members; n ≤ 5."""
    assert n <= LARGEST_SYMMETRIC, n
    table = operations.find("composition").build(n)
    S = table.num_symbols
    product_SS = table.answer.reshape(S, S)
    found = {
        _generated(product_SS, (first, second)) for first in range(S) for second in range(first, S)
    }
    ordered = sorted(found, key=lambda members: (len(members), members))
    return [np.array(members) for members in ordered]


def _generated(product_SS: IntArray, generators: tuple[int, ...]) -> tuple[int, ...]:
    """Return the subgroup that some elements generate; in a finite group products are enough."""
    members = np.unique(np.array([0, *generators]))
    while True:
        more = np.unique(product_SS[np.ix_(members, members)])
        if len(more) == len(members):
            return tuple(more.tolist())
        members = more


def _contrasts(class_S: IntArray) -> FloatArray:
    """Return an orthonormal basis of the functions of a class with mean 0."""
    indicator = (class_S[:, None] == np.unique(class_S)).astype(float)
    centred = indicator - indicator.mean(0)
    basis: FloatArray = np.linalg.svd(centred, full_matrices=False)[0][:, : indicator.shape[1] - 1]
    return basis
