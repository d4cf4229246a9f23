"""A network's circuit while it is trained, seen through the key frequencies of its end."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from efficiency import networks
from efficiency.analysis import progress
from efficiency.settings import NetworkSettings, TaskBase
from efficiency.statistics.intervals import FloatArray
from efficiency.training.ensemble import trained_on
from predictions.cells import Run
from predictions.phase_changes.falls import first_below

RESTRICTED, EXCLUDED = "restricted loss", "excluded loss"

LEAST_POWER = 0.05
"""Share of all that depends on the answer from which on a frequency is a key."""

Course = Mapping[str, FloatArray]
"""Steps at which weights were kept, as ``step``, and both losses there, in nats."""


def keys_of(run: Run) -> tuple[int, ...]:
    """Return the key frequencies of a network as it ended."""
    snapshots = run.snapshots()
    return _by_answer(run, snapshots[max(snapshots)])[1].keys_by_power(LEAST_POWER)


def course(run: Run, keys: Collection[int]) -> Course:
    """Return a network's losses along its training by some frequencies.

    See ``efficiency.analysis.progress``: restricted to them on all pairs, without them on training
    examples.
    """
    table = run.table.table
    trained = np.flatnonzero(trained_on(run.settings))
    found: dict[str, list[float]] = {"step": [], RESTRICTED: [], EXCLUDED: []}
    for step, weights in run.snapshots().items():
        logits, by_answer = _by_answer(run, weights)
        found["step"].append(step)
        found[RESTRICTED].append(by_answer.restricted_loss(keys))
        found[EXCLUDED].append(
            progress.excluded_loss(logits, table.answer, trained, by_answer, keys)
        )
    return {name: np.array(values) for name, values in found.items()}


def foreign(own: Collection[int], other: Run) -> tuple[int, ...]:
    """Return as many frequencies of another network as there are own ones, and none of those.

    The strongest of its end: its own keys first.
    """
    snapshots = other.snapshots()
    power_F = _by_answer(other, snapshots[max(snapshots)])[1].powers
    left = [int(k) + 1 for k in np.argsort(-power_F) if int(k) + 1 not in own]
    return tuple(sorted(left[: len(own)]))


def step_restricted(some: Course, level: float) -> float:
    """Return the step from which the restricted loss is below a level, infinite if none."""
    return first_below(some["step"], some[RESTRICTED], level)


def rises_again(some: Course, until: float, level: float) -> bool:
    """Return whether the excluded loss, having fallen, at least doubles and passes a level.

    Args:
        some: The course.
        until: The last step that counts.
        level: In nats.
    """
    losses = some[EXCLUDED][some["step"] <= until]
    if len(losses) < 2:
        return False
    lowest = int(np.argmin(losses))
    highest = float(losses[lowest:].max())
    return highest > level and highest >= 2 * float(losses[lowest])


def half_plateau(run: Run) -> float:
    """Return ½ ln p, in nats."""
    return math.log(run.task.num_classes) / 2


def _by_answer(
    run: Run, weights: Mapping[str, np.ndarray]
) -> tuple[torch.Tensor, progress.ByAnswer]:
    program, examples = _prepared(run.settings.task, run.settings.network)
    stacked = {name: torch.as_tensor(value).unsqueeze(0) for name, value in weights.items()}
    logits = program.logits(stacked, examples)[0]
    return logits, progress.ByAnswer.of(logits, run.table.table.answer)


@functools.lru_cache(maxsize=4)
def _prepared(task: TaskBase, network: NetworkSettings) -> tuple[networks.Program, Any]:
    program = networks.program(task, network)
    return program, program.prepare(networks.inputs(task, network).unsqueeze(0))
