"""Engines train ensembles: compiled code on a CPU, batched tensor operations everywhere else.

Another package registers its own by ``register``, or has it named ``mymodule:MyEngine``.
"""

from __future__ import annotations

from typing import Any

from efficiency.engines.base import Engine
from efficiency.engines.compiled import CompiledEngine
from efficiency.engines.exact import ExactEngine
from efficiency.engines.layered import LayeredEngine
from efficiency.engines.stacked import StackedEngine
from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.registry import Registry
from efficiency.settings import RunSettings

__all__ = [
    "ENGINES",
    "CompiledEngine",
    "Engine",
    "ExactEngine",
    "LayeredEngine",
    "StackedEngine",
    "choose",
    "register",
    "require",
    "without_compiled_code",
]


def _of_module(name: str, thing: Any) -> type[Engine]:
    if not (isinstance(thing, type) and issubclass(thing, Engine)):
        raise InvalidInputError(
            f"the engine {name!r} is {thing!r}; it must be a class that inherits from "
            "efficiency.engines.Engine"
        )
    if left := sorted(thing.__abstractmethods__):
        raise InvalidInputError(f"the engine {name!r} has no {' and no '.join(left)}")
    if said := [one for one in ("SUPPORT", "COST") if not hasattr(thing, one)]:
        raise InvalidInputError(
            f"the engine {name!r} does not say its {' and '.join(said)}, see "
            "efficiency.engines.Engine"
        )
    return thing


ENGINES: Registry[type[Engine]] = Registry("engine", _of_module)

AUTO = ("compiled", "layered", "stacked", "exact")
"""What ``auto`` tries, the faster ones first: one of another package trains what asks for it."""


def register(name: str, engine: type[Engine]) -> type[Engine]:
    """Give a name to an engine; return it.

    Raises:
        InvalidInputError: Something else has this name, or it is no engine.
    """
    if name == "auto":
        raise InvalidInputError("an engine cannot be called 'auto', which takes the first of ours")
    return ENGINES.register(name, _of_module(name, engine))


register("compiled", CompiledEngine)
register("layered", LayeredEngine)
register("stacked", StackedEngine)
register("exact", ExactEngine)


def _find(name: str) -> type[Engine]:
    if not isinstance(name, str):
        raise InvalidInputError(
            f"the engine {name!r} is given by itself; give its name, 'mymodule:MyEngine' say, or "
            "that under which efficiency.engines.register has it"
        )
    if name not in ENGINES and ":" not in name:
        there = ("auto", *ENGINES)
        raise InvalidInputError(
            f"unknown engine {name!r}; {did_you_mean(name, there)}choose from {', '.join(there)}, "
            "or a name of your own, module:Engine"
        )
    return ENGINES.find(name)


def choose(name: str, run: RunSettings, device: str) -> str:
    """Return the name of the engine that trains a run, and all that share its ``shape_key``.

    Args:
        name: ``auto`` takes the first of ``AUTO`` that can; the name of one insists.
        run: The run.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: The name is not known, or no such engine can train the run here.
    """
    reasons = {}
    for candidate in AUTO if name == "auto" else [name]:
        reason = _find(candidate).unfit(run, device)
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
    if name != "auto" and (why := _find(name).missing(device)) is not None:
        raise InvalidInputError(f"the {name} engine cannot train: {why}{_others(name)}")


def _others(name: str) -> str:
    others = ["auto", *(one for one in ENGINES if one != name)]
    return "" if name == "auto" else f"; choose another of {others}"


def without_compiled_code(run: RunSettings) -> str | None:
    """Return why a run that compiled code could train on a CPU has none, ``None`` if it has."""
    for engine in map(ENGINES.find, AUTO):
        reason = engine.unfit(run, "cpu")
        if reason is None:
            return None
        if reason == engine.missing("cpu"):
            return reason
    return None
