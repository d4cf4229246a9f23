"""Cross-entropy that stays accurate at 1e-12, and its rivals.

The loss of an example with label y* is log(1 + e^{−s}) with the log-odds
s = o^{y*} − log Σ_{y≠y*} e^{o^y} (theory: the loss is exactly a function of s). Written as
−log softmax in float32 it rounds to zero near 1e-7 and its gradient with it, training stops, and
"softmax collapse" becomes a rival explanation of whatever is seen; hence precision is a setting.

Each loss takes logits and labels and returns per-example losses and ∂loss/∂logits.

Shapes: leading axes are free (K members, D examples); S symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(logits (…, S), labels (…)) → (losses (…) in nats, gradient (…, S)).

The gradient may take the memory of the logits.
"""


def relative_to_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return o^y − o^{y*} for every class y, and −∞ for y* itself, as a new (…, S) tensor.

    Differences are taken before any exponential, so that only the rounding of the logits is left:
    the log-odds is −logsumexp of the result, the margin −max.

    Args:
        logits: (…, S).
        labels: (…) integers in [0, S).
    """
    label_index = labels.unsqueeze(-1)
    return (logits - logits.gather(-1, label_index)).scatter_(-1, label_index, -math.inf)


def log_odds_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return log(1 + e^{−s}) and its gradient, accurate in the precision of the logits.

    The gradient is σ(−s)·softmax over the wrong classes, and −σ(−s) at the right one: neither
    needs 1 − p, so neither vanishes before the probability of a wrong answer does.
    """
    label_index = labels.unsqueeze(-1)
    odds = logits.sub_(logits.gather(-1, label_index))
    odds.scatter_(-1, label_index, -math.inf)
    largest = odds.amax(-1, keepdim=True)
    # Below e^low nothing is left of a term beside the largest, which is 1; but where results are
    # subnormal or 0 an exponential takes ten times as long. (Gradients there are at most e^low.)
    low = math.log(torch.finfo(odds.dtype).tiny) + 1
    odds.sub_(largest).clamp_(min=low).exp_()
    total = odds.sum(-1, keepdim=True)
    minus_s = total.log().add_(largest)
    wrong = torch.sigmoid(minus_s)
    gradient = odds.mul_(wrong / total).scatter_(-1, label_index, -wrong)
    minus_s = minus_s.squeeze(-1)
    # softplus with its linear branch at 20 would be off by 2e-9 there; this form is exact.
    losses = minus_s.clamp(min=0) + torch.log1p(torch.exp(-minus_s.abs()))
    return losses, gradient


def float64_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same as ``log_odds_cross_entropy``, computed in float64 and rounded at the end."""
    losses, gradient = log_odds_cross_entropy(logits.double(), labels)
    return losses.to(logits.dtype), gradient.to(logits.dtype)


def plain_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return −log softmax and softmax − 1_{y*}, as commonly written: collapses below about 1e-7."""
    log_probabilities = F.log_softmax(logits, dim=-1)
    label_index = labels.unsqueeze(-1)
    losses = -log_probabilities.gather(-1, label_index).squeeze(-1)
    gradient = log_probabilities.exp_()
    gradient.scatter_add_(-1, label_index, torch.full_like(losses, -1.0).unsqueeze(-1))
    return losses, gradient


def stablemax_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return −log of StableMax and its gradient.

    StableMax (Prieto et al. 2025, *Grokking at the edge of numerical stability*) is
    s(o^{y*}) / Σ_y s(o^y) with s(x) = x + 1 for x ≥ 0 and 1/(1 − x) below, which grows linearly
    where softmax grows exponentially. The loss is log(1 + W/s*) with s* = s(o^{y*}) and W the sum
    over wrong classes, so that neither it nor its gradient needs 1 − p. Adding a constant to all
    logits changes it.
    """
    label_index = labels.unsqueeze(-1)
    size = 1 + logits.abs()
    negative = logits < 0
    term = torch.where(negative, 1 / size, size)
    slope = torch.where(negative, 1 / size.square(), 1.0)
    right = term.gather(-1, label_index)
    wrong = term.scatter(-1, label_index, 0.0).sum(-1, keepdim=True)
    at_label = -slope.gather(-1, label_index) * wrong / (right * (right + wrong))
    gradient = (slope / (right + wrong)).scatter_(-1, label_index, at_label)
    return torch.log1p(wrong / right).squeeze(-1), gradient


def squared_error(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return −o^{y*} and its gradient: where logits are minus squared distances, that to the label.

    Not of softmax, and not in nats. It has no lower bound where logits may grow: of networks whose
    logits are distances alone (``NetworkBase.logits_are_distances``).
    """
    label_index = labels.unsqueeze(-1)
    losses = -logits.gather(-1, label_index).squeeze(-1)
    return losses, torch.zeros_like(logits).scatter_(-1, label_index, -1.0)


NOT_OF_SOFTMAX = ("stablemax", "squared-error")
"""Losses whose values cannot be compared with what is recorded as ``train_loss``."""

LOSSES: dict[str, Loss] = {
    "log-odds": log_odds_cross_entropy,
    "float64": float64_cross_entropy,
    "plain": plain_cross_entropy,
    "stablemax": stablemax_cross_entropy,
    "squared-error": squared_error,
}
