"""Engines train ensembles: compiled code on a CPU, batched tensor operations everywhere else."""

from __future__ import annotations

from efficiency.engines import compiling
from efficiency.engines.base import Engine
from efficiency.engines.compiled import CompiledEngine
from efficiency.engines.stacked import StackedEngine
from efficiency.settings import RunSettings

__all__ = ["ENGINES", "CompiledEngine", "Engine", "StackedEngine", "choose"]

ENGINES: dict[str, type[Engine]] = {"compiled": CompiledEngine, "stacked": StackedEngine}


def choose(name: str, run: RunSettings, device: str) -> str:
    """Return the name of the engine that trains a run, and all that share its ``shape_key``.

    Args:
        name: ``auto`` takes the compiled engine where it can; its name or ``stacked`` insists.
        run: The run.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: The name is not known, or that engine cannot train the run here.
    """
    if name not in ("auto", *ENGINES):
        raise ValueError(f"unknown engine {name!r}; choose from {['auto', *ENGINES]}")
    if name == "stacked":
        return name
    reason = _unfit(run, device)
    if reason is None:
        return "compiled"
    if name == "compiled":
        raise ValueError(f"the compiled engine cannot train this: {reason}; choose 'stacked'")
    return "stacked"


def _unfit(run: RunSettings, device: str) -> str | None:
    """Return why the compiled engine cannot train a run, ``None`` if it can."""
    if device != "cpu":
        return f"it works on a CPU, the device is {device!r}"
    for setting, given, able in (
        ("network.architecture", run.network.architecture, "one-layer-transformer"),
        ("network.precision", run.network.precision, "float32"),
        ("loss", run.loss, "log-odds"),
        ("optimiser.decay_form", run.optimiser.decay_form, None),
        ("optimiser.decay_target", run.optimiser.decay_target, None),
        ("optimiser.batch_size", run.optimiser.batch_size, None),
        ("optimiser.update_noise", run.optimiser.update_noise, None),
        ("optimiser.weight_noise", run.optimiser.weight_noise, None),
    ):
        if given != able:
            return f"{setting} is {given!r}, it knows {able!r}"
    return compiling.problem()
