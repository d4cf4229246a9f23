"""What the answers of a training set say of its embeddings (Liu et al. 2022).

*Towards understanding grokking: an effective theory of representation learning* (arXiv 2205.10343),
sections 3.2 and 4.1. Where a network reads two operands as the sum of their embeddings and two
examples have one answer, E_a + E_b − E_c − E_d = 0 is what the answer asks for: a parallelogram.
All such relations of a training set leave a space of embeddings; that of addition has two
dimensions at least, a place and a scale, and with no more the embeddings are a line, E_k = e + kd.

Shapes: D examples, V operands, M dimensions of an embedding, Q quadruples, R relations.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray

FloatArray = npt.NDArray[np.float64]

REALISED: Final = 0.01
"""Squared distance below which a parallelogram counts as closed (their δ is its root)."""

NUM_FREE: Final = 2
"""Dimensions that addition leaves to embeddings whatever it is told: a place and a scale."""


def relations(pairs: npt.ArrayLike, answers: npt.ArrayLike, num_operands: int) -> IntArray:
    """Return (R, V) what two examples with one answer ask of embeddings: e_a + e_b − e_c − e_d.

    Each two of them once; a relation that asks for nothing, of two equal pairs, is left out.

    Args:
        pairs: (D, 2) operands, in [0, V).
        answers: (D,) of the same examples.
        num_operands: V.

    Raises:
        InvalidInputError: They are no such examples.
    """
    given = np.asarray(pairs)
    answer = np.asarray(answers)
    if given.ndim != 2 or given.shape[1] != 2 or answer.shape != given.shape[:1]:
        raise InvalidInputError(
            f"pairs of shape {given.shape} and answers of {answer.shape}; give (D, 2) and (D,)"
        )
    if given.size and not 0 <= given.min() <= given.max() < num_operands:
        raise InvalidInputError(
            f"operands from {given.min()} to {given.max()}; they must lie in [0, {num_operands})"
        )
    sums = np.zeros((len(given), num_operands), dtype=np.int64)
    for column in given.T:
        np.add.at(sums, (np.arange(len(given)), column), 1)
    first, second = np.triu_indices(len(given), k=1)
    alike = answer[first] == answer[second]
    rows: IntArray = sums[first[alike]] - sums[second[alike]]
    return rows[rows.any(axis=1)]


def nullity(pairs: npt.ArrayLike, answers: npt.ArrayLike, num_operands: int) -> int:
    """Return the dimensions of embeddings that a training set leaves open, their n₀.

    See ``relations`` for arguments and errors. 2 means that nothing but a line is left.
    """
    rows = relations(pairs, answers, num_operands)
    if not len(rows):
        return num_operands
    return num_operands - int(np.linalg.matrix_rank(rows.astype(np.float64)))


def first_determined(pairs: npt.ArrayLike, answers: npt.ArrayLike, num_operands: int) -> int | None:
    """Return the smallest D whose first D examples leave a line and nothing else.

    ``None`` if all of them leave more. For arguments and errors see ``relations``.
    """
    order, known = np.asarray(pairs), np.asarray(answers)
    low, high = 0, len(order)
    if nullity(order, known, num_operands) > NUM_FREE:
        return None
    while high - low > 1:  # more examples never leave more open
        middle = (low + high) // 2
        if nullity(order[:middle], known[:middle], num_operands) > NUM_FREE:
            low = middle
        else:
            high = middle
    return high


def implied(
    pairs: npt.ArrayLike, answers: npt.ArrayLike, others: npt.ArrayLike, num_operands: int
) -> npt.NDArray[np.bool_]:
    """Return for each of other pairs whether a training set says where its sum lies.

    That is so if E_a + E_b equals that of a trained pair in all embeddings that it leaves open:
    then a network that computes from sums answers as for that pair.

    Args:
        pairs: See ``relations``.
        answers: See ``relations``.
        others: (B, 2) pairs of operands.
        num_operands: V.
    """
    trained, asked = np.asarray(pairs), np.asarray(others)
    rows = relations(trained, answers, num_operands)
    basis_VF = np.eye(num_operands)
    if len(rows):
        _, sizes, vectors = np.linalg.svd(rows.astype(np.float64))
        rank = int((sizes > sizes[0] * num_operands * np.finfo(np.float64).eps).sum())
        basis_VF = vectors[rank:].T
    known_DF = basis_VF[trained].sum(axis=1)
    asked_BF = basis_VF[asked].sum(axis=1)
    apart_BD = np.abs(asked_BF[:, None, :] - known_DF[None, :, :]).max(axis=-1)
    found: npt.NDArray[np.bool_] = (apart_BD < 1e-9).any(axis=1)
    return found


def slowest_rate(pairs: npt.ArrayLike, answers: npt.ArrayLike, num_operands: int) -> float:
    """Return λ₃, the rate at which the slowest embedding dies out that a training set forbids.

    The third-smallest eigenvalue of H = (2/R) Σ r rᵀ over the relations: the Hessian of their
    effective loss ℓ₀ = (1/R) Σ |r·E|². 0 where more than a line is left. Their time is 1/(η λ₃).
    For arguments and errors see ``relations``.
    """
    rows = relations(pairs, answers, num_operands).astype(np.float64)
    if not len(rows):
        return 0.0
    values = np.linalg.eigvalsh(2 * rows.T @ rows / len(rows))
    return max(0.0, float(values[NUM_FREE]))


@functools.lru_cache(maxsize=32)
def quadruples(num_operands: int) -> IntArray:
    """Return (Q, 4) all i < j ≤ m < n with i + n = j + m."""
    V = num_operands
    found = [
        (i, j, m, n)
        for i in range(V)
        for n in range(i + 2, V)
        for j in range(i + 1, n)
        if j <= (m := i + n - j)
    ]
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def quality(embeddings: npt.ArrayLike) -> float:
    """Return the share of parallelograms that embeddings close, their RQI (equation 4).

    Of all quadruples i < j ≤ m < n with i + n = j + m, those for which |E_i + E_n − E_j − E_m|²,
    divided by M, is below ``REALISED``; embeddings are first moved and scaled so that their mean is
    0 and the mean of |E|²/M is 1. 1 for points at equal distances on a line, in [0, 1]; embeddings
    that are all the same close none.

    Args:
        embeddings: (V, M) or (V,), of the operands 0 … V − 1.

    Raises:
        InvalidInputError: Fewer than three, or not finite numbers.
    """
    E = np.asarray(embeddings, dtype=np.float64)
    E = E[:, None] if E.ndim == 1 else E
    if E.ndim != 2 or len(E) < 3 or not np.isfinite(E).all():
        raise InvalidInputError(
            f"embeddings of shape {E.shape}; give three finite ones at least, (V, M)"
        )
    centred = E - E.mean(axis=0)
    scale = float(np.sqrt(np.mean(np.square(centred))))
    if scale <= np.finfo(np.float64).eps * float(np.abs(E).max()):
        return 0.0
    i, j, m, n = quadruples(len(E)).T
    gap = (centred[i] + centred[n] - centred[j] - centred[m]) / scale
    return float(np.mean(np.mean(np.square(gap), axis=1) < REALISED))
