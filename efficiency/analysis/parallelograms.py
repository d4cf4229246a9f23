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
    if nullity(pairs, answers, num_operands) > NUM_FREE:
        return 0.0  # and not what rounding leaves of it
    values = np.linalg.eigvalsh(2 * rows.T @ rows / len(rows))
    return float(values[NUM_FREE])


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
    divided by M, is below ``REALISED``; embeddings are first moved and scaled to the mean 0 and the
    variance 1, with V − 1 in its denominator (their code), averaged over dimensions. 1 for points
    at equal distances on a line, in [0, 1]; embeddings that are all the same close none.

    Args:
        embeddings: (V, M) or (V,), of operands that are whole numbers one after another; a row of
            NaN leaves an operand out, and all quadruples with it.

    Raises:
        InvalidInputError: Fewer than three, none of which a quadruple is made, or an infinite one.
    """
    E = np.asarray(embeddings, dtype=np.float64)
    E = E[:, None] if E.ndim == 1 else E
    if E.ndim != 2 or len(E) < 3 or np.isinf(E).any():
        raise InvalidInputError(
            f"embeddings of shape {E.shape}; give three finite ones at least, (V, M)"
        )
    found = _closed(E[None])[0]
    if np.isnan(found):
        raise InvalidInputError("of these embeddings no quadruple is left; give more rows")
    return float(found)


def _closed(E_BVM: FloatArray) -> FloatArray:
    """Return (B,) ``quality`` of several sets of embeddings, which leave out the same."""
    there_V = np.logical_not(np.isnan(E_BVM).any(axis=(0, 2)))
    every = quadruples(E_BVM.shape[1])
    i, j, m, n = every[there_V[every].all(axis=1)].T
    if not len(i):
        return np.full(len(E_BVM), np.nan)
    kept = E_BVM[:, there_V]
    largest = np.abs(kept).max(axis=(1, 2))
    centred = E_BVM - kept.mean(axis=1, keepdims=True)
    variance = np.square(centred[:, there_V]).sum(axis=1).mean(axis=1) / (there_V.sum() - 1)
    same = np.sqrt(variance) <= 16 * np.finfo(np.float64).eps * largest  # rounding of the mean
    gap = centred[:, i] + centred[:, n] - centred[:, j] - centred[:, m]
    square = np.square(gap).mean(axis=2) / np.where(same, 1.0, variance)[:, None]
    found: FloatArray = np.where(same, 0.0, (square < REALISED).mean(axis=1))
    return found


def flow_time(
    embeddings: npt.ArrayLike,
    pairs: npt.ArrayLike,
    answers: npt.ArrayLike,
    *,
    closed: float = 0.95,
) -> float:
    """Return when embeddings are a line, if nothing but the effective loss moves them (section 4).

    The gradient flow of ℓ₀ = (1/R) Σ |r·E|² is E(t) = e^{−Ht} E(0), without a decoder; t is in
    units of 1/η. Scaling embeddings to one length, as their ℓ_eff does, changes none of the shapes
    on the way. Infinite if it never is: where more than a line is left, as a rule.

    Args:
        embeddings: (V,) the first embeddings, one number each.
        pairs: See ``relations``.
        answers: See ``relations``.
        closed: Share of parallelograms from which on they count as a line.
    """
    E = np.asarray(embeddings, dtype=np.float64)
    rows = relations(pairs, answers, len(E)).astype(np.float64)
    if not len(rows):
        return float("inf")
    rates, modes = np.linalg.eigh(2 * rows.T @ rows / len(rows))
    time_B = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 2000)])
    amplitude_BV = np.exp(-np.maximum(rates, 0.0) * time_B[:, None]) * (modes.T @ E)
    there = _closed((amplitude_BV @ modes.T)[:, :, None]) >= closed
    return float(time_B[int(np.argmax(there))]) if there.any() else float("inf")
