"""Engines train ensembles: compiled code on a CPU, batched tensor operations everywhere else."""

from __future__ import annotations

from efficiency.engines.base import Engine
from efficiency.engines.compiled import CompiledEngine
from efficiency.engines.layered import LayeredEngine
from efficiency.engines.stacked import StackedEngine
from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings

__all__ = [
    "ENGINES",
    "CompiledEngine",
    "Engine",
    "LayeredEngine",
    "StackedEngine",
    "choose",
    "require",
    "without_compiled_code",
]

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
    _known(name)
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
    raise InvalidInputError(refused + _others(name))


def require(name: str, device: str) -> None:
    """Find out before anything is planned that an engine is not to be had.

    Args:
        name: See ``choose``.
        device: See ``choose``.

    Raises:
        ValueError: The name is not known, or the engine can train nothing here.
    """
    _known(name)
    if name != "auto" and (why := ENGINES[name].missing(device)) is not None:
        raise InvalidInputError(f"the {name} engine cannot train: {why}{_others(name)}")


def _known(name: str) -> None:
    if name not in ("auto", *ENGINES):
        raise InvalidInputError(f"unknown engine {name!r}; choose from {['auto', *ENGINES]}")


def _others(name: str) -> str:
    others = ["auto", *(one for one in ENGINES if one != name)]
    return "" if name == "auto" else f"; choose another of {others}"


def without_compiled_code(run: RunSettings) -> str | None:
    """Return why a run that compiled code could train on a CPU has none, ``None`` if it has."""
    for engine in ENGINES.values():
        reason = engine.unfit(run, "cpu")
        if reason is None:
            return None
        if reason == engine.missing("cpu"):
            return reason
    return None
