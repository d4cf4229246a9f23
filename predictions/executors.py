"""Where runs are trained: here, or by cluster software (``--on``)."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.registry import Registry
from predictions import plugins
from runs.execution.executors import THREADS, Executor
from runs.execution.slurm import Slurm, SlurmOptions

Maker = Callable[[Mapping[str, Any], Mapping[str, Any], bool], Executor]
"""From the options of a profile, what workers need to know of training and whether to detach."""


def _of_module(name: str, thing: Any) -> Maker:
    if not callable(thing):
        raise InvalidInputError(
            f"the executor {name!r} is {thing!r}; it must be a function from options, what workers "
            "need to know and whether to detach to a runs.execution.executors.Executor"
        )
    made: Maker = thing
    return made


EXECUTORS: Registry[Maker] = Registry("executor", _of_module)


def worker_command() -> list[str]:
    """Return the command of a worker, without what it is to train."""
    return [sys.executable, "-m", "predictions", *plugins.options(), "work"]


def _threads(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    if options or detach:
        raise InvalidInputError(
            "--profile, --detach and options of jobs are for cluster software; name it with --on"
        )
    return THREADS


def _slurm(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    known = [field.name for field in fields(SlurmOptions)]
    for name in options:
        if name not in known:
            raise InvalidInputError(
                f"there is no option {name!r} of Slurm; {did_you_mean(name, known)}choose from "
                f"{', '.join(known)}, or give any of sbatch under more"
            )
    # One line is given as a string, in TOML, as easily as in a list.
    lines = {n: [options[n]] for n in ("setup", "more") if isinstance(options.get(n), str)}
    try:
        asked = TypeAdapter(SlurmOptions).validate_python({**options, **lines})
    except ValidationError as error:
        told = "; ".join(": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors())
        raise InvalidInputError(f"the options of Slurm cannot be used: {told}") from error
    return Slurm(asked, worker_command(), training, detach=detach)


EXECUTORS.register("threads", _threads)
EXECUTORS.register("slurm", _slurm)


def profile(path: Path | None, name: str) -> dict[str, Any]:
    """Return the options that a TOML file has for an executor, in the table of its name.

    Raises:
        InvalidInputError: It cannot be read, or has no such table.
    """
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"the profile {path} cannot be read: {error}") from error
    if not isinstance(tables.get(name), dict):
        raise InvalidInputError(
            f"the profile {path} has no table [{name}]; it has {', '.join(tables) or 'none'}"
        )
    found: dict[str, Any] = tables[name]
    return found
