"""Networks, and the programs that compute many of them at once.

To add a network here: write it as a ``Network`` for one member, give it settings in
``efficiency.settings.networks`` and an entry in ``ARCHITECTURES``. From another package:
``register``; or name it ``mymodule:MyNetwork`` and register nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.errors import InvalidInputError
from efficiency.networks.architectures import (
    ARCHITECTURES,
    OURS,
    Architecture,
    architecture_of,
    register,
)
from efficiency.networks.base import Network, Point, keep_all, tokens
from efficiency.networks.layers import Layers, Written
from efficiency.networks.mlp import MLP, FeaturesMLP
from efficiency.networks.one_layer_transformer import OneLayerTransformer
from efficiency.networks.program import PassesByShape, Program, StackedProgram
from efficiency.networks.random_features import RandomFeatures
from efficiency.networks.sum_decoder import SumDecoder
from efficiency.networks.table_form import TableForm
from efficiency.networks.transformer import Transformer
from efficiency.networks.trial import require_answers, try_out
from efficiency.settings.task import TaskSettings

if TYPE_CHECKING:
    from efficiency.settings import NetworkSettings, TaskBase

__all__ = [
    "ARCHITECTURES",
    "MLP",
    "Architecture",
    "FeaturesMLP",
    "Layers",
    "Network",
    "OneLayerTransformer",
    "Point",
    "Program",
    "RandomFeatures",
    "StackedProgram",
    "SumDecoder",
    "TableForm",
    "Transformer",
    "Written",
    "architecture_of",
    "inputs",
    "keep_all",
    "network",
    "program",
    "register",
    "require_weights",
    "shapes",
    "tokens",
    "written_down",
]


def network(task: TaskBase, settings: NetworkSettings) -> Network:
    """Return one network with zero weights for a task.

    Raises:
        InvalidInputError: One of another package cannot be made.
    """
    architecture = ARCHITECTURES.find(settings.architecture)
    try:
        found = architecture.network(task, settings)
    except InvalidInputError:
        raise
    except Exception as error:  # somebody else's code
        raise InvalidInputError(
            f"the network {settings.architecture!r} cannot be made ({type(error).__name__}: "
            f"{error}); its class is called with the number of symbols and its settings, or has a "
            "for_task of its own"
        ) from error
    found.reads = architecture.reads(task, settings) or ()
    return found


def inputs(
    task: TaskBase,
    settings: NetworkSettings,
    chosen: npt.NDArray[np.int64] | list[int] | slice = slice(None),
) -> Tensor:
    """Return (N, I) what is read of a task's examples: whole numbers, or features of the network's.

    Args:
        task: The task.
        settings: The network.
        chosen: Indices of examples; default: all.
    """
    found = torch.as_tensor(task.inputs[chosen])
    return found.to(settings.dtype) if task.gives == "features" else found


@functools.lru_cache(maxsize=64)
def shapes(task: TaskBase, settings: NetworkSettings) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of each parameter of one network.

    Raises:
        InvalidInputError: A network of another package does not answer as it should.
    """
    one = network(task, settings)
    if settings.architecture not in OURS:
        try_out(one, task, settings, functools.partial(inputs, task, settings))
    elif not isinstance(task, TaskSettings):
        require_answers(one, task, settings, functools.partial(inputs, task, settings))
    return MappingProxyType({name: tuple(p.shape) for name, p in one.named_parameters()})


def require_weights(
    task: TaskBase, settings: NetworkSettings, weights: Mapping[str, npt.ArrayLike]
) -> None:
    """Refuse weights that are not those of a network.

    Raises:
        InvalidInputError: A parameter is missing, too many, or of another shape.
    """
    wanted = dict(shapes(task, settings))
    found = {name: tuple(np.shape(value)) for name, value in weights.items()}
    if found != wanted:
        wrong = sorted(n for n in wanted | found if wanted.get(n) != found.get(n))
        raise InvalidInputError(
            f"these weights do not fit {settings.architecture} on {task.words}: of {wrong} the "
            f"shapes are {[found.get(n) for n in wrong]}, needed are "
            f"{[wanted.get(n) for n in wrong]}; give the weights of an equal network on an equal "
            "task"
        )


def program(task: TaskBase, settings: NetworkSettings) -> Program:
    """Return the program that computes many such networks at once."""
    make = ARCHITECTURES.find(settings.architecture).program
    made = make(task, settings)
    if isinstance(made, StackedProgram):
        made.passes = _passes(make, task, settings)
    return made


@functools.lru_cache(maxsize=32)
def _passes(make: object, task: TaskBase, settings: NetworkSettings) -> PassesByShape:
    """Return what was traced of a network before: tracing takes as long as hundreds of steps.

    Args:
        make: What makes its program: an architecture that is registered anew is another one.
        task: The task.
        settings: The network.
    """
    return PassesByShape()


@functools.lru_cache(maxsize=64)
def written_down(task: TaskBase, settings: NetworkSettings) -> Written | None:
    """Return the network as a list of layers, ``None`` if it does not write itself down.

    Raises:
        InvalidInputError: What it writes down cannot be, or it fails at it.
    """
    prompt = ARCHITECTURES.find(settings.architecture).reads(task, settings)
    if prompt is not None:
        layers = Layers(prompt)
    elif task.gives == "tokens":
        columns = [f"token {k}" for k in range(task.num_inputs)]
        layers = Layers(columns, columns)
    else:
        return None  # compiled code reads operands or tokens
    try:
        return layers.written() if network(task, settings).write_down(layers) else None
    except InvalidInputError:
        raise
    except Exception as error:  # of a network of others, whose forward may be right
        raise InvalidInputError(
            f"{settings.architecture!r} fails as it writes itself down ({type(error).__name__}: "
            f"{error})"
        ) from error
