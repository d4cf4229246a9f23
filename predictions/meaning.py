"""What the names in a run's settings stood for when it was trained, and whether they still do.

Settings name an operation and a network; their code is no part of a run's identity. So a digest of
the operation's table and what the network computes on a probe go into the provenance of every run,
and are compared whenever a run is used: what has changed is never mixed with what it was.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from efficiency import networks
from efficiency.measures import MEASURES, Reading, value_of
from efficiency.settings import NetworkSettings, RunSettings, TaskBase, usual_training
from efficiency.training.ensemble import initial_weights

_PROBED = 5
"""Pairs that a network is probed on."""

_SPREAD = 0.3
"""Standard deviation of parameters that are drawn to see how each bears on the logits."""

_TOLERANCE = 1e-6
"""Relative difference of logits in float64 that other processors and versions of torch may make."""


@functools.lru_cache(maxsize=256)
def task_digest(task: TaskBase) -> str:
    """Return a digest of all that a task says of itself.

    Of an operation every pair and answer of its table; which pairs are mirror images, and so no
    novel ones; and the differences of classes, which its shares of logits are measured by.
    """
    digest = hashlib.sha256(str(task.num_classes).encode())
    for column in task.meaning().values():
        kind = "<f8" if column is not None and column.dtype.kind == "f" else "<i8"
        held = b"none" if column is None else np.ascontiguousarray(column, dtype=kind).tobytes()
        digest.update(len(held).to_bytes(8, "little") + held)
    return digest.hexdigest()[:32]


@functools.lru_cache(maxsize=256)
def network_probe(task: TaskBase, network: NetworkSettings) -> tuple[float, ...]:
    """Return some logits of a freshly drawn network of one seed, in float64.

    They depend on its architecture, on how its weights are drawn and on what it is told to read.
    """
    one = _wide(task, network)
    one.initialise(torch.Generator().manual_seed(0))
    return _some_logits(task, network, {n: p.detach() for n, p in one.named_parameters()})


@functools.lru_cache(maxsize=256)
def every_parameter(task: TaskBase, network: NetworkSettings) -> dict[str, tuple[float, ...]]:
    """Return the shape of each parameter of a network, and some logits with all of them drawn.

    The probe above draws weights as training does, and biases that begin at 0 say nothing there.
    """
    generator = torch.Generator().manual_seed(1)
    weights = {
        name: _SPREAD * torch.randn(p.shape, generator=generator, dtype=torch.float64)
        for name, p in _wide(task, network).named_parameters()
    }
    shapes = {name: tuple(map(float, value.shape)) for name, value in weights.items()}
    return shapes | {"logits": _some_logits(task, network, weights)}


def _wide(task: TaskBase, network: NetworkSettings) -> networks.Network:
    return networks.network(task, network).to(torch.float64)


def _some_logits(
    task: TaskBase, network: NetworkSettings, weights: Mapping[str, torch.Tensor]
) -> tuple[float, ...]:
    """Return two logits of a few pairs, in float64."""
    chosen = np.linspace(0, task.num_examples - 1, _PROBED).astype(int)
    exact = network.model_copy(update={"precision": "float64"})
    program = networks.program(task, exact)
    examples = program.prepare(networks.inputs(task, exact, chosen)[None])
    stacked = {name: value.unsqueeze(0) for name, value in weights.items()}
    logits = program.logits(stacked, examples)[0]
    return tuple(float(value) for value in logits[..., :2].flatten())


@functools.lru_cache(maxsize=256)
def measure_probe(task: TaskBase, network: NetworkSettings, name: str) -> float | None:
    """Return what a measure says of a freshly drawn network, ``None`` if it is not defined there.

    Raises:
        InvalidInputError: There is no such measure any more.
    """
    run = RunSettings(
        task=task,
        network=network,
        **usual_training(network),
        dataset_size=max(1, task.num_examples // 2),
        data_seed=0,
        init_seed=0,
        noise_seed=0 if network.dropout_rate > 0 else None,
        num_steps=1,
    )
    value = value_of(MEASURES.find(name), Reading(run, initial_weights(run)))
    return value if math.isfinite(value) else None


def definition(run: RunSettings) -> dict[str, Any]:
    """Return what a run's operation, network and measures are now, as JSON types."""
    parameters = every_parameter(run.task, run.network)
    found = {
        "table": task_digest(run.task),
        "network": list(network_probe(run.task, run.network)),
        "parameters": {name: list(value) for name, value in parameters.items()},
    }
    if run.recording.measures is not None:
        found["measures"] = {
            name: measure_probe(run.task, run.network, name) for name in run.recording.measures
        }
    return found


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
    if held["table"] != task_digest(run.task):
        return f"what {run.task.words} stands for was another thing when it was trained"
    drawn = network_probe(run.task, run.network)
    # Runs from before each parameter was looked at have no more than the first.
    every = every_parameter(run.task, run.network) if "parameters" in held else {}
    if not _alike({"": held["network"]}, {"": drawn}) or not _alike(
        held.get("parameters", {}), every
    ):
        return f"the network {run.network.architecture!r} was another one when it was trained"
    for name, value in held.get("measures", {}).items():
        if not _same(value, measure_probe(run.task, run.network, name)):
            return f"the measure {name!r} was another one when it was trained"
    return None


def _alike(held: Mapping[str, Any], now: Mapping[str, tuple[float, ...]]) -> bool:
    return held.keys() == now.keys() and all(
        len(held[name]) == len(now[name])
        and np.allclose(held[name], now[name], rtol=_TOLERANCE, atol=_TOLERANCE)
        for name in now
    )


def _same(held: float | None, now: float | None) -> bool:
    # In float32, whose last bits are those of a processor.
    if held is None or now is None:
        return held is now
    return math.isclose(held, now, rel_tol=1e-3, abs_tol=1e-5)
