"""What the names in a run's settings stood for when it was trained, and whether they still do.

Settings name an operation and a network; their code is no part of a run's identity. So a digest of
the operation's table and what the network computes on a probe go into the provenance of every run,
and are compared whenever a run is used: what has changed is never mixed with what it was.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from efficiency import networks, tasks
from efficiency.settings import NetworkSettings, RunSettings, TaskSettings

_PROBED = 5
"""Pairs that a network is probed on."""

_TOLERANCE = 1e-6
"""Relative difference of logits in float64 that other processors and versions of torch may make."""


@functools.lru_cache(maxsize=256)
def table_digest(task: TaskSettings) -> str:
    """Return a digest of all that an operation says of itself.

    Every pair and answer of its table; which pairs are mirror images, and so no novel ones; and
    the differences of classes, which its shares of logits are measured by.
    """
    table = task.table
    mirror, differences = (
        of(task.operation, task.size) for of in (tasks.mirror, tasks.differences)
    )
    digest = hashlib.sha256(str(table.num_symbols).encode())
    for column in (table.left, table.right, table.answer, mirror, differences):
        held = b"none" if column is None else np.ascontiguousarray(column, dtype="<i8").tobytes()
        digest.update(len(held).to_bytes(8, "little") + held)
    return digest.hexdigest()[:32]


@functools.lru_cache(maxsize=256)
def network_probe(task: TaskSettings, network: NetworkSettings) -> tuple[float, ...]:
    """Return some logits of a freshly drawn network of one seed, in float64.

    They depend on its architecture, on how its weights are drawn and on what it is told to read.
    """
    wide = network.model_copy(update={"precision": "float64"})
    one = networks.network(task, wide).to(torch.float64)
    one.initialise(torch.Generator().manual_seed(0))
    weights = {name: p.detach().unsqueeze(0) for name, p in one.named_parameters()}
    table = task.table
    chosen = np.linspace(0, table.num_pairs - 1, _PROBED).astype(int)
    program = networks.program(task, wide)
    left, right = (torch.as_tensor(side[chosen])[None] for side in (table.left, table.right))
    logits = program.logits(weights, program.prepare(left, right))[0]
    return tuple(float(value) for value in logits[:, :2].flatten())


def definition(run: RunSettings) -> dict[str, Any]:
    """Return what a run's operation and network are now, as JSON types."""
    return {
        "table": table_digest(run.task),
        "network": list(network_probe(run.task, run.network)),
    }


def changed_since(run: RunSettings, held: Mapping[str, Any] | None) -> str | None:
    """Return what has changed since a run was trained, ``None`` if nothing has.

    Args:
        run: Its settings.
        held: Its ``definition`` when it was trained; ``None`` of a run from before these were
            kept, which is taken as it is.

    Raises:
        InvalidInputError: The operation is now none: the run is not to blame.
    """
    if held is None:
        return None
    if held["table"] != table_digest(run.task):
        return f"the table of {run.task.operation!r} was another one when it was trained"
    now = network_probe(run.task, run.network)
    if len(now) != len(held["network"]) or not np.allclose(
        now, held["network"], rtol=_TOLERANCE, atol=_TOLERANCE
    ):
        return f"the network {run.network.architecture!r} was another one when it was trained"
    return None
