"""Measures of what a network's logits are made of."""

from __future__ import annotations

import math

import numpy as np
import torch

from efficiency.analysis import logit_subspaces
from efficiency.measures.base import Reading, recorded
from efficiency.settings import TaskSettings


@recorded("smallest-margin", "Smallest margin on training examples", "nats")
def smallest_margin(reading: Reading) -> float:
    """Return the least margin of the examples that are trained on, by their own labels."""
    train = torch.as_tensor(reading.parts["train"], device=reading.margins.device)
    return float(reading.margins[train].min())


@recorded("held-out-squared-error", "Mean squared error on test examples")
def held_out_squared_error(reading: Reading) -> float:
    """Return the mean squared distance of a network's outputs to the true answers of test examples.

    Of networks whose logits are minus such distances; NaN of others, and without test examples.
    """
    test = reading.parts["test"]
    if not (reading.run.network.logits_are_distances and test.any()):
        return math.nan
    N = np.flatnonzero(test)
    right = reading.run.task.targets[N, 0]
    return -float(reading.logits[N, right].double().mean())


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
