"""How far a network has come that learns to compute with few frequencies (Nanda et al. 2023).

A network that adds modulo p may do so with sines and cosines of a few *key frequencies* of the
answer z = a + b mod p. Two networks are cut out of one: the *restricted* logits keep of all that
depends on the pair only the key frequencies of z, the *excluded* logits all but those. The loss of
the first says how good the generalising circuit is by itself, that of the second on training
examples how much of these is known without it (section 5.1 of *Progress measures for grokking via
mechanistic interpretability*, arXiv 2301.05217, with definitions as in its code).

Logits depend on frequencies of z by their means over all pairs of one answer alone: of these p × p
numbers everything here is made, but for the excluded loss, which needs the training examples.

Shapes: N pairs, D of them trained on, p residues (answers and classes), F = ⌊p/2⌋ frequencies.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from efficiency.settings import TaskBase, TaskSettings

FloatArray = npt.NDArray[np.float64]

LEAST_PART = 0.25
"""Least power of a key frequency, as a part of that of the strongest."""


def defined(task: TaskBase) -> bool:
    """Return whether the answers of a task are residues: a group Z_p acts on answers and classes.

    True of addition and subtraction modulo p, and of whatever has the same differences.
    """
    if not isinstance(task, TaskSettings) or task.differences is None:
        return False
    p = task.num_classes
    return bool(np.array_equal(task.differences, (np.arange(p)[:, None] - np.arange(p)) % p))


@dataclass(frozen=True, kw_only=True)
class ByAnswer:
    """All that key frequencies say of a network.

    Attributes:
        mean_pp: Logits averaged over the pairs of each answer, by class, in nats.
        count_p: Pairs of each answer.
    """

    mean_pp: FloatArray
    count_p: IntArray

    @classmethod
    def of(cls, logits: Tensor, answers: IntArray) -> ByAnswer:
        """Return that of a network.

        Args:
            logits: (N, p) of all pairs, in nats.
            answers: (N,) z of each pair, in [0, p).

        Raises:
            InvalidInputError: Some residue is no pair's answer.
        """
        p = logits.shape[1]
        count_p = np.bincount(answers, minlength=p)
        if len(count_p) != p or not count_p.all():
            raise InvalidInputError(
                f"{int((count_p > 0).sum())} different answers are given and logits are of {p} "
                "classes: frequencies of the answer need every residue to be one"
            )
        where = torch.as_tensor(answers, device=logits.device)
        total = torch.zeros((p, p), dtype=torch.float64, device=logits.device)
        total.index_add_(0, where, logits.double())
        return cls(mean_pp=total.cpu().numpy() / count_p[:, None], count_p=count_p)

    @cached_property
    def powers(self) -> FloatArray:
        """(F,) the share of each frequency 1 … F of z in what of the means depends on z."""
        spectrum = np.abs(np.fft.rfft(self.mean_pp, axis=0)[1:]) ** 2
        # All but p/2 stand for two, k and p − k.
        twice = np.where(2 * np.arange(1, len(spectrum) + 1) == len(self.mean_pp), 1.0, 2.0)
        power_F: FloatArray = twice * spectrum.sum(axis=1)
        total = power_F.sum()
        return power_F / total if total > 0 else power_F

    def keys(self) -> tuple[int, ...]:
        """Return the frequencies with at least ``LEAST_PART`` of the power of the strongest."""
        power_F = self.powers
        return tuple(int(k) + 1 for k in np.flatnonzero(power_F >= LEAST_PART * power_F.max()))

    def keys_by_power(self, least: float) -> tuple[int, ...]:
        """Return the frequencies with at least this share of what depends on the answer."""
        return tuple(int(k) + 1 for k in np.flatnonzero(self.powers >= least))

    def at(self, keys: Collection[int]) -> FloatArray:
        """Return (p, p) the part of the means at some frequencies of z, by answer and class.

        Raises:
            InvalidInputError: One of them is not in 1 … F.
        """
        p = len(self.mean_pp)
        if outside := sorted(k for k in keys if not 1 <= k <= p // 2):
            raise InvalidInputError(
                f"there is no frequency {outside[0]} of residues modulo {p}; choose from 1 … "
                f"{p // 2}"
            )
        spectrum = np.fft.rfft(self.mean_pp, axis=0)
        others = np.setdiff1d(np.arange(len(spectrum)), list(keys))
        spectrum[others] = 0
        found: FloatArray = np.fft.irfft(spectrum, n=p, axis=0)
        return found

    def restricted(self, keys: Collection[int]) -> FloatArray:
        """Return (p, p) the restricted logits: the mean over all pairs, and the key frequencies."""
        middle_p = np.average(self.mean_pp, axis=0, weights=self.count_p)
        return middle_p + self.at(keys)

    def restricted_loss(self, keys: Collection[int]) -> float:
        """Return the cross-entropy of the restricted logits over all pairs, in nats."""
        logits_pp = torch.from_numpy(self.restricted(keys))
        loss_p = -torch.log_softmax(logits_pp, dim=-1).diagonal().numpy()
        return float(np.average(loss_p, weights=self.count_p))

    def trigonometric(self) -> FloatArray:
        """Return (F,) the coefficients of cos 2πk(z − c)/p in the means, in nats.

        Logits that are Σ_k α_k·cos 2πk(z − c)/p and nothing else have the coefficients α_k.
        """
        p = len(self.mean_pp)
        difference = (np.arange(p)[:, None] - np.arange(p)) % p
        by_difference_p = np.bincount(difference.ravel(), self.mean_pp.ravel()) / p
        found: FloatArray = 2 / p * np.fft.rfft(by_difference_p).real[1:]
        if p % 2 == 0:
            found[-1] /= 2  # k = p/2 is its own mirror image
        return found


def excluded_loss(
    logits: Tensor, answers: IntArray, trained: IntArray, by_answer: ByAnswer, keys: Collection[int]
) -> float:
    """Return the cross-entropy of the excluded logits on training examples, in nats.

    Args:
        logits: (N, p) of all pairs.
        answers: (N,) z of each pair.
        trained: (D,) indices of training examples, whose labels are their answers.
        by_answer: What ``ByAnswer.of`` says of these logits.
        keys: The frequencies to take out.
    """
    device = logits.device
    answers_D = torch.as_tensor(answers[trained], device=device)
    part_pp = torch.as_tensor(by_answer.at(keys), dtype=logits.dtype, device=device)
    left_Dp = logits[torch.as_tensor(trained, device=device)] - part_pp[answers_D]
    return float(torch.nn.functional.cross_entropy(left_Dp, answers_D))


def gini(sizes: npt.ArrayLike) -> float:
    """Return the Gini coefficient of sizes ≥ 0: 0 if all are equal, 1 − 1/n if one has everything.

    Args:
        sizes: (n,) of which one at least is positive.
    """
    ordered = np.sort(np.asarray(sizes, dtype=np.float64))
    if len(ordered) == 0 or ordered[0] < 0 or not ordered.sum() > 0:
        raise InvalidInputError(
            f"a Gini coefficient is of sizes ≥ 0, one of them positive: {ordered}"
        )
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))
