"""What training will cost on this machine: operations, time and memory.

Each engine knows its own, see ``efficiency.engines.costs``.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from efficiency import engines
from efficiency.engines import compiling
from efficiency.engines.costs.base import num_parameters
from efficiency.settings import (
    OneLayerTransformerSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
)
from efficiency.training.loop import Training

_SAVED_AT_ONCE = 16 * 2**20
"""Memory that numpy takes to write one array of a checkpoint."""


def flops_per_step(run: RunSettings, engine: str = "compiled") -> float:
    """Return the floating-point operations of the matrix products of one network-step."""
    return engines.ENGINES.find(engine).COST.flops_per_step(run)


def seconds(group: Sequence[RunSettings], engine: str = "compiled", device: str = "cpu") -> float:
    """Return the time to train a group of runs as one ensemble.

    Args:
        group: Runs that share a ``shape_key``.
        engine: What trains them.
        device: ``cpu`` is one core of an EPYC (Zen 4), ``cuda`` an H100.
    """
    return engines.ENGINES.find(engine).cost(device).seconds(group)


@functools.lru_cache(maxsize=1)
def slowness() -> float:
    """Return how much longer this machine takes than the one that the times were fitted on.

    Its processor is measured, not its GPU: in a third of a second, on a small network of the
    compiled engine. The shortest time that this processor was ever seen to take is kept: something
    else may run beside any one measurement. 1 where there is no compiled engine.
    """
    run = RunSettings(
        task=TaskSettings(operation="addition", size=31),
        network=OneLayerTransformerSettings(d_model=32, num_heads=4, d_mlp=128),
        optimiser=OptimiserSettings(),
        dataset_size=192,
        data_seed=0,
        init_seed=0,
        num_steps=1000,
    )
    if engines.choose("auto", run, "cpu") != "compiled":
        return 1.0
    engine = Training([run], [None], "cpu").engine
    assert isinstance(engine, engines.CompiledEngine)
    times = []
    for _ in range(30):
        began = time.perf_counter()
        engine.advance(0, 100)
        times.append((time.perf_counter() - began) / 100)
    return compiling.least_ever(engine.CODE.source, min(times)) / engine.COST.step_seconds(run)


def member_bytes(
    run: RunSettings,
    engine: str = "compiled",
    device: str = "cpu",
    *,
    examples: int | None = None,
) -> int:
    """Return the memory of one member of an ensemble in training.

    Args:
        run: The member.
        engine: What trains it.
        device: ``cpu`` or ``cuda``.
        examples: D of the ensemble's largest member, to which the stacked engine pads.
    """
    one = engines.ENGINES.find(engine).cost(device)
    return one.member_bytes(run, examples or run.dataset_size)


def group_bytes(group: Sequence[RunSettings], engine: str = "compiled", device: str = "cpu") -> int:
    """Return the memory that training a group takes, on one thread, apart from the interpreter.

    The largest dataset counts for all, whatever the engine: a bound must hold for the worst.
    """
    largest = max(group, key=lambda member: member.dataset_size)
    each = member_bytes(largest, engine, device, examples=largest.dataset_size)
    return len(group) * each + shared_bytes(largest, len(group), engine, device)


def shared_bytes(
    run: RunSettings, num_members: int, engine: str = "compiled", device: str = "cpu"
) -> int:
    """Return the memory of an ensemble that its members share: for computing and for saving."""
    saving = min(num_members * run.network.dtype.itemsize * num_parameters(run), _SAVED_AT_ONCE)
    return engines.ENGINES.find(engine).cost(device).computing_bytes(run, num_members) + saving
