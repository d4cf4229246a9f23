"""Where runs are trained: here, or by cluster software (``--on``)."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from efficiency.errors import InvalidInputError, did_you_mean
from efficiency.registry import Registry
from predictions import limits, plugins
from runs.execution.executors import THREADS, Executor
from runs.execution.processes import Processes
from runs.execution.ray_tasks import Ray, RayOptions
from runs.execution.slurm import Slurm, SlurmOptions

Options = TypeVar("Options", SlurmOptions, RayOptions)

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


def worker_command(options: dict[str, Any]) -> list[str]:
    """Return the command of a worker, without what it is to train.

    Args:
        options: Those of a profile; ``program``, which is taken out, is what runs the command line
            on a node: a container, for one. Default: this interpreter.
    """
    program = options.pop("program", None)
    words = [sys.executable, "-m", "predictions"] if program is None else _words(program)
    return [*words, *plugins.options(), "work"]


def _words(program: Any) -> list[str]:
    try:
        words = shlex.split(program) if isinstance(program, str) else []
    except ValueError:  # a quotation that does not end
        words = []
    if not words:
        raise InvalidInputError(
            f"program is {program!r}; give what runs predictions on a node as one string, "
            '"apptainer run /images/circuit-efficiency.sif" for one'
        )
    return words


def _threads(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    if options or detach:
        raise InvalidInputError(
            "--profile, --detach and options of jobs are for cluster software; name it with --on"
        )
    return THREADS


def _told(error: ValidationError) -> str:
    return "; ".join(": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors())


def _checked(
    kind: type[Options], who: str, options: Mapping[str, Any], *, more: str = ""
) -> Options:
    """Return the options of cluster software, as one of its kind."""
    known = [field.name for field in fields(kind)]
    for name in options:
        if name not in known:
            raise InvalidInputError(
                f"there is no option {name!r} of {who}; {did_you_mean(name, known)}choose from "
                f"{', '.join(known)}{more}"
            )
    checker: TypeAdapter[Options] = TypeAdapter(kind)
    try:
        return checker.validate_python(options)
    except ValidationError as error:
        raise InvalidInputError(f"the options of {who} cannot be used: {_told(error)}") from error


def _slurm(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    # One line is given as a string, in TOML, as easily as in a list.
    lines = {n: [options[n]] for n in ("setup", "more") if isinstance(options.get(n), str)}
    given = {**options, **lines}
    worker = worker_command(given)
    asked = _checked(SlurmOptions, "Slurm", given, more=", program, or any of sbatch under more")
    return Slurm(asked, worker, training, detach=detach)


def _ray(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    if detach:
        raise InvalidInputError(
            "tasks of Ray end with the command that began them; leave out --detach, and give the "
            "command to `ray job submit --no-wait -- predictions run …`"
        )
    given = dict(options)
    worker = worker_command(given)
    return Ray(_checked(RayOptions, "Ray", given, more=", program"), worker, training)


def _gpus(options: Mapping[str, Any], training: Mapping[str, Any], detach: bool) -> Executor:
    if detach:
        raise InvalidInputError("workers of --on gpus end with the command; leave out --detach")
    given = dict(options)
    worker = worker_command(given)
    if given:
        raise InvalidInputError(
            f"--on gpus takes program alone, and {', '.join(given)} was given; which GPUs there "
            "are is said by CUDA_VISIBLE_DEVICES"
        )
    if training["device"] != "cuda":
        raise InvalidInputError(
            "--on gpus is for machines with GPUs, and the device is 'cpu'; leave it out to train "
            "on all cores"
        )
    numbers = limits.visible_gpus()
    return Processes([{"CUDA_VISIBLE_DEVICES": one} for one in numbers], worker, training)


EXECUTORS.register("threads", _threads)
EXECUTORS.register("gpus", _gpus)
EXECUTORS.register("slurm", _slurm)
EXECUTORS.register("ray", _ray)


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
