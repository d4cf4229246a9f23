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
    "network",
    "program",
    "register",
    "require_weights",
    "shapes",
    "tokens",
    "written_down",
]


def network(task: TaskBase, settings: NetworkSettings) -> Network:
    """Return one network with zero weights for a task."""
    architecture = ARCHITECTURES.find(settings.architecture)
    found = architecture.network(task, settings)
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
    if settings.architecture not in OURS or not isinstance(task, TaskSettings):
        _require_answers(one, task, settings)
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


def _require_answers(one: Network, task: TaskBase, settings: NetworkSettings) -> None:
    """Find out before anything is planned that a network cannot answer an example."""
    name = settings.architecture
    prompt = [0 if isinstance(token, str) else token for token in one.reads]
    example = torch.tensor([prompt]) if prompt else inputs(task, settings, [0])
    try:
        with torch.no_grad():
            answer = one.to(settings.dtype)(example, keep_all)
        found = tuple(answer.shape)
    except Exception as error:
        shown = f"the tokens {prompt}" if prompt else f"{tuple(example.shape)} {task.gives}"
        raise InvalidInputError(
            f"the network {name!r} fails on {shown} ({type(error).__name__}: {error}); its forward "
            "takes (D, T) tokens or (D, F) features, and drop, and returns (D, S) logits"
        ) from error
    S, A = task.num_classes, task.num_answers
    wanted = (1, S) if A == 1 else (1, A, S)
    if found != wanted:
        raise InvalidInputError(
            f"the network {name!r} answers one prompt with the shape {found}; logits of "
            f"{wanted} were expected"
        )
    _require_ensembles(one, example, name)
    _require_names(one, name)


def _require_ensembles(one: Network, example: Tensor, name: str) -> None:
    """Find out before anything is planned that a network cannot be vectorised over members."""
    two = {key: value.detach().expand(2, *value.shape) for key, value in one.named_parameters()}
    try:
        StackedProgram(one, None).logits(two, example.expand(2, *example.shape))
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise InvalidInputError(
            f"the network {name!r} answers alone, and not in an ensemble ({type(error).__name__}: "
            f"{first}); torch.func.vmap makes ensembles of it, which takes no recurrent layer, no "
            "`if` on values and no change in place of what was made in forward"
        ) from error


def _require_names(one: Network, name: str) -> None:
    """Refuse a network whose weights would be drawn as something else than they are."""
    wrong = [
        key
        for key, _ in one.named_parameters()
        if not key.rpartition(".")[2].startswith(("W_", "b_", "g_"))
    ]
    if wrong:
        raise InvalidInputError(
            f"the network {name!r} has parameters called {', '.join(wrong)}; weights are drawn by "
            "their names: call matrices W_… (inputs by outputs, and torch.nn.Linear has them the "
            "other way round), biases b_… and gains g_…"
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
    """Return the network as a list of layers, ``None`` if it does not write itself down."""
    prompt = ARCHITECTURES.find(settings.architecture).reads(task, settings)
    if prompt is None:
        return None  # compiled code makes a prompt of two operands
    layers = Layers(prompt)
    return layers.written() if network(task, settings).write_down(layers) else None
