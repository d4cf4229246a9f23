"""Measures of what the arithmetic of a loss has left (Prieto et al. 2025)."""

from __future__ import annotations

import torch

from efficiency.measures.base import Reading, recorded


@recorded("collapsed-share", "Share of training examples whose softmax has collapsed")
def collapsed_share(reading: Reading) -> float:
    """Return the share of training examples whose largest softmax is 1 in the logits' precision.

    Σ_y exp(o^y − max o) = 1: all other terms are lost when they are added, so that log softmax and
    its gradient are exactly 0 where the largest is the right one (*softmax collapse*, their
    section 3). With several answers, all of them.
    """
    train = torch.as_tensor(reading.parts["train"], device=reading.logits.device)
    logits = reading.logits[train]
    total = (logits - logits.amax(-1, keepdim=True)).exp().sum(-1)
    return float((total == 1).reshape(len(total), -1).all(-1).double().mean())
