"""Which part of a network's logits generalises: projections on the subspaces of an operation.

A generalising circuit can only know the answer z = a∘b, so that its logits are a function of z and
of the class c: the *answer subspace*, defined for every operation. Where a group acts on answers
and classes alike it can be narrowed to functions of what the group leaves unchanged; for addition
mod p that is (z − c) mod p, and the functions of it are the *trigonometric subspace* of the paper
(appendix B), spanned by the cosines and sines of the frequencies of (a + b − c).

Gen's part of the logits is their projection on a subspace, Mem's is the rest. The split is biased:
Mem lifts the right logit of the examples that it stores, and the projection, which averages over
the table, takes D/N of that for Gen's. ``Split`` gives both the plain parts and corrected ones.

Logits are centred twice. The mean over classes is taken off each pair, because the loss never sees
it; and the mean over pairs off each class, because a bias towards some classes, the same for every
pair, knows nothing of the operands. (Without the second a network of random weights has 0.96 of its
logit norm in the answer subspace: its logits hardly depend on its input.)

Shapes: N pairs of the table, S symbols (answers and classes), B pairs of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from efficiency.settings import TaskSettings

FloatArray = npt.NDArray[np.float64]

Subspace = Literal["answer", "trigonometric"]
SUBSPACES: tuple[Subspace, ...] = get_args(Subspace)


def defined(task: TaskSettings, subspace: Subspace) -> bool:
    """Return whether an operation has a subspace."""
    return subspace == "answer" or task.differences is not None


def cells(task: TaskSettings, subspace: Subspace) -> IntArray:
    """Return (S, S) labels of (answer, class): the subspace is the functions of the label.

    Raises:
        ValueError: The operation has no such subspace.
    """
    if subspace not in SUBSPACES:
        raise InvalidInputError(f"unknown subspace {subspace!r}; choose from {list(SUBSPACES)}")
    if subspace == "answer":
        S = task.num_classes
        return np.arange(S * S).reshape(S, S)
    labels_SS = task.differences
    if labels_SS is None:
        raise InvalidInputError(
            f"the trigonometric subspace is not defined for {task.operation}: no commutative group "
            "acts on its answers; use the subspace 'answer'"
        )
    return labels_SS


def dimension(task: TaskSettings, subspace: Subspace) -> int:
    """Return the dimension of a subspace, counting functions that are centred twice only."""
    labels_SS = cells(task, subspace)
    table = task.table
    count_S = np.bincount(table.answer, minlength=table.num_symbols)
    used, inverse = np.unique(labels_SS[count_S > 0], return_inverse=True)
    columns_SS, weight_S = inverse.reshape(-1, table.num_symbols), count_S[count_S > 0]
    conditions = np.zeros((len(columns_SS) + table.num_symbols, len(used)))
    for z, labels_S in enumerate(columns_SS):
        np.add.at(conditions[z], labels_S, 1.0)
        conditions[len(columns_SS) + np.arange(table.num_symbols), labels_S] += weight_S[z]
    return len(used) - int(np.linalg.matrix_rank(conditions))


def chance_share(task: TaskSettings, subspace: Subspace) -> float:
    """Return the share of the norm that isotropic random logits have in a subspace.

    √(dim / ((N − 1)·(S − 1))), from the mean of the squared share.
    """
    S = task.num_classes
    N = task.num_examples
    return float(np.sqrt(dimension(task, subspace) / ((N - 1) * (S - 1))))


@dataclass(frozen=True, kw_only=True)
class Moments:
    """All that projections need to know of the logits over a table.

    Attributes:
        mean_SS: Twice centred logits averaged over the pairs with each answer, by class, in nats.
        bias_S: The mean over pairs that was taken off each class.
        count_S: Pairs with each answer.
        square: Sum of the squared, twice centred logits over pairs and classes.
    """

    mean_SS: FloatArray
    bias_S: FloatArray
    count_S: IntArray
    square: float

    def projected(self, task: TaskSettings, subspace: Subspace) -> FloatArray:
        """Return (S, S) the logits' projection as a function of answer and class."""
        labels_SS = cells(task, subspace)
        weight_SS = np.broadcast_to(self.count_S[:, None], labels_SS.shape)
        total = np.bincount(labels_SS.ravel(), (weight_SS * self.mean_SS).ravel())
        mass = np.bincount(labels_SS.ravel(), weight_SS.ravel().astype(float))
        average: FloatArray = (total / np.maximum(mass, 1))[labels_SS]
        return average

    def share(self, task: TaskSettings, subspace: Subspace) -> float:
        """Return ‖projection‖₂ / ‖centred logits‖₂ in [0, 1]; 0 for logits that are all equal."""
        projected_SS = self.projected(task, subspace)
        inside = float((self.count_S[:, None] * projected_SS**2).sum())
        return float(np.sqrt(min(inside / self.square, 1.0))) if self.square > 0 else 0.0


def moments(batches: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]], num_symbols: int) -> Moments:
    """Return the moments of logits that come in batches, so that they need not fit into memory.

    Args:
        batches: ((B, S) logits, (B,) answers), together every pair of the table once.
        num_symbols: S.
    """
    sum_SS = np.zeros((num_symbols, num_symbols))
    count_S, square = np.zeros(num_symbols, dtype=np.int64), 0.0
    for logits, answers in batches:
        logits_BS, answers_B = np.asarray(logits, dtype=float), np.asarray(answers)
        centred_BS = logits_BS - logits_BS.mean(axis=1, keepdims=True)
        np.add.at(sum_SS, answers_B, centred_BS)
        count_S += np.bincount(answers_B, minlength=num_symbols)
        square += float(np.square(centred_BS).sum())
    bias_S = sum_SS.sum(axis=0) / count_S.sum()
    mean_SS = sum_SS / np.maximum(count_S, 1)[:, None] - bias_S
    return Moments(
        mean_SS=np.where(count_S[:, None] > 0, mean_SS, 0.0),
        bias_S=bias_S,
        count_S=count_S,
        square=max(square - float(count_S.sum() * np.square(bias_S).sum()), 0.0),
    )


@dataclass(frozen=True, kw_only=True)
class Split:
    """Gen's and Mem's part of the right logit, centred twice, in nats.

    The correction rests on two assumptions, which hold exactly for a lookup table added to a
    function of the answer: Gen treats trained and other examples alike, and Mem leaves the right
    logit of examples that it does not store alone, on average. Then what the test examples get is
    Gen's, and what the trained ones get beyond it is Mem's. Where Mem answers test examples with
    one wrong class each, centring takes 1/S of it from their right logit, and the corrected Gen is
    too low by that much of Mem. The errors are those of the two means; they say nothing of
    the assumptions. Where an operation commutes, Mem may well know mirror images; "the others" are
    then the novel pairs, of which neither they nor their mirror images are trained on.

    Attributes:
        share: Of the norm of the centred logits, in the subspace.
        gen: Projection, averaged over the table.
        mem_on_train: What is left on trained examples.
        mem_on_novel: What is left on the others; ``None`` if there are none.
        gen_corrected: Mean right logit of the others; ``None`` if there are none.
        mem_corrected: By how much that of trained examples exceeds it.
        gen_error: Standard error of ``gen_corrected``; ``None`` with fewer than two others.
        mem_error: Standard error of ``mem_corrected``, likewise.
    """

    share: float
    gen: float
    mem_on_train: float
    mem_on_novel: float | None
    gen_corrected: float | None
    mem_corrected: float | None
    gen_error: float | None
    mem_error: float | None


def split(
    logits_NS: npt.ArrayLike,
    trained_N: npt.ArrayLike,
    task: TaskSettings,
    subspace: Subspace = "trigonometric",
) -> Split:
    """Split the logits over a whole table into Gen's part and Mem's (paper, appendix B).

    Args:
        logits_NS: Logits of every pair, in the order of ``efficiency.tasks.table``.
        trained_N: Whether a pair is trained on.
        task: The operation.
        subspace: Where Gen lives.

    Raises:
        ValueError: The operation has no such subspace, or no pair is trained on.
    """
    table = task.table
    logits, trained = np.asarray(logits_NS, dtype=float), np.asarray(trained_N, dtype=bool)
    if logits.shape != (table.num_pairs, table.num_symbols) or len(trained) != table.num_pairs:
        raise InvalidInputError(
            f"logits of shape {logits.shape} and {len(trained)} marks were given; the table of "
            f"{task.operation} has {table.num_pairs} pairs and {table.num_symbols} symbols: give "
            "(N, S) and (N,), as efficiency.analysis.shares.logits makes them from weights"
        )
    if not trained.any():
        raise InvalidInputError("no pair is trained on; mark at least one in trained_N")
    found = moments([(logits, table.answer)], table.num_symbols)
    projected_SS = found.projected(task, subspace)
    right_N = logits[np.arange(len(logits)), table.answer] - logits.mean(axis=1)
    right_N -= found.bias_S[table.answer]
    gen_N = projected_SS[table.answer, table.answer]
    rest_N = right_N - gen_N

    def spread(values: FloatArray) -> float | None:
        return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None

    novel = task.novel(trained)
    others = bool(novel.any())
    gen_error, train_error = spread(right_N[novel]), spread(right_N[trained])
    known = gen_error is not None and train_error is not None
    return Split(
        share=found.share(task, subspace),
        gen=float(gen_N.mean()),
        mem_on_train=float(rest_N[trained].mean()),
        mem_on_novel=float(rest_N[novel].mean()) if others else None,
        gen_corrected=float(right_N[novel].mean()) if others else None,
        mem_corrected=float(right_N[trained].mean() - right_N[novel].mean()) if others else None,
        gen_error=gen_error,
        mem_error=float(np.hypot(gen_error or 0.0, train_error or 0.0)) if known else None,
    )
