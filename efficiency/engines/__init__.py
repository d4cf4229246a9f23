"""Engines train ensembles: compiled code on a CPU, batched tensor operations everywhere else."""

from __future__ import annotations

from efficiency.engines.base import Engine
from efficiency.engines.compiled import CompiledEngine
from efficiency.engines.layered import LayeredEngine
from efficiency.engines.stacked import StackedEngine
from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings

__all__ = ["ENGINES", "CompiledEngine", "Engine", "LayeredEngine", "StackedEngine", "choose"]

ENGINES: dict[str, type[Engine]] = {
    "compiled": CompiledEngine,
    "layered": LayeredEngine,
    "stacked": StackedEngine,
}
"""The faster ones first."""


def choose(name: str, run: RunSettings, device: str) -> str:
    """Return the name of the engine that trains a run, and all that share its ``shape_key``.

    Args:
        name: ``auto`` takes the first that can; the name of one insists.
        run: The run.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: The name is not known, or no such engine can train the run here.
    """
    if name not in ("auto", *ENGINES):
        raise InvalidInputError(f"unknown engine {name!r}; choose from {['auto', *ENGINES]}")
    reasons = {}
    for candidate, engine in ENGINES.items():
        if name in ("auto", candidate):
            reason = engine.unfit(run, device)
            if reason is None:
                return candidate
            reasons[candidate] = reason
    refused = "; ".join(
        f"the {one} engine cannot train this: {why}" for one, why in reasons.items()
    )
    others = "" if name == "auto" else f"; choose another of {['auto', *ENGINES]}"
    raise InvalidInputError(refused + others)
