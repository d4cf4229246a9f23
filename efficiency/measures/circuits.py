"""Measures of what a network's logits are made of."""

from __future__ import annotations

import math

import torch

from efficiency.analysis import logit_subspaces
from efficiency.measures.base import Reading, recorded
from efficiency.settings import TaskSettings


@recorded("smallest-margin", "Smallest margin on training examples", "nats")
def smallest_margin(reading: Reading) -> float:
    """Return the least margin of the examples that are trained on, by their own labels."""
    train = torch.as_tensor(reading.parts["train"], device=reading.margins.device)
    return float(reading.margins[train].min())


@recorded("answer-share", "Share of the logits' norm that depends on the answer")
def answer_share(reading: Reading) -> float:
    """Return the share of the centred logits' norm in the answer subspace.

    See ``efficiency.analysis.logit_subspaces``; NaN of an operation that has no such subspace, and
    of other tasks.
    """
    task = reading.run.task
    if not (isinstance(task, TaskSettings) and logit_subspaces.defined(task, "answer")):
        return math.nan
    logits_NS = reading.logits.double().cpu().numpy()
    moments = logit_subspaces.moments([(logits_NS, task.table.answer)], task.num_classes)
    return moments.share(task, "answer") if math.isfinite(moments.square) else math.nan
