"""How much of a finished network's logits lies where a generalising circuit's must.

Shapes: B pairs of a batch, S symbols.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from efficiency import networks
from efficiency.analysis import logit_subspaces
from efficiency.estimates import Estimate
from efficiency.operations import IntArray
from efficiency.settings import RunSettings, TaskSettings

_BATCH = 8192
"""Pairs whose logits are held at once: a table of a million pairs would not fit into memory."""


@torch.no_grad()
def logits(
    run: RunSettings, weights: Mapping[str, np.ndarray]
) -> Iterator[tuple[np.ndarray, IntArray]]:
    """Return the logits of a network over its table, in batches of ((B, S) logits, (B,) answers).

    Args:
        run: Its settings.
        weights: Its weights by name.
    """
    table = run.table_task.table
    program = networks.program(run.task, run.network)
    stacked = {name: torch.as_tensor(value).unsqueeze(0) for name, value in weights.items()}
    for begin in range(0, table.num_pairs, _BATCH):
        batch = slice(begin, begin + _BATCH)
        inputs_KBI = networks.inputs(run.task, run.network, batch).unsqueeze(0)
        found_KBS = program.logits(stacked, program.prepare(inputs_KBI))
        yield found_KBS[0].double().numpy(), table.answer[batch]


def shares(run: RunSettings, weights: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Return ``gen_share_SUBSPACE`` for every subspace that the operation has.

    The share of the norm of the centred logits, see ``efficiency.analysis.logit_subspaces``; of the
    final weights, so that n is 1. A network whose logits are not finite has none, and one that has
    learned no operation.
    """
    task = run.task
    if not isinstance(task, TaskSettings):
        return {}
    moments = logit_subspaces.moments(logits(run, weights), task.num_classes)
    if not np.isfinite(moments.square):
        return {}
    return {
        f"gen_share_{subspace}": Estimate(
            value=moments.share(task, subspace), low=None, high=None, n=1, unit="1"
        )
        for subspace in logit_subspaces.SUBSPACES
        if logit_subspaces.defined(task, subspace)
    }
