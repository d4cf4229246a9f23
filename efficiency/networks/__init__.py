"""Networks, and the programs that compute many of them at once.

To add a network here: write it as a ``Network`` for one member, give it settings in
``efficiency.settings.networks`` and an entry in ``ARCHITECTURES``. From another package:
``register``; or name it ``mymodule:MyNetwork`` and register nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from efficiency.errors import InvalidInputError
from efficiency.networks.base import Network, keep_all, tokens
from efficiency.networks.layers import Layers, Written
from efficiency.networks.mlp import MLP
from efficiency.networks.one_layer_transformer import OneLayerTransformer
from efficiency.networks.program import Program, StackedProgram
from efficiency.networks.table_form import TableForm
from efficiency.networks.transformer import Transformer
from efficiency.registry import Registry
from efficiency.settings.networks import NETWORK_SETTINGS, NetworkBase, of_kind

if TYPE_CHECKING:
    from efficiency.settings import MLPSettings, NetworkSettings, TaskSettings, TransformerSettings

__all__ = [
    "ARCHITECTURES",
    "MLP",
    "Architecture",
    "Layers",
    "Network",
    "OneLayerTransformer",
    "Program",
    "StackedProgram",
    "TableForm",
    "Transformer",
    "Written",
    "architecture_of",
    "network",
    "program",
    "register",
    "require_weights",
    "shapes",
    "tokens",
    "written_down",
]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How a network is made and computed.

    Attributes:
        network: One network with zero weights, for a number of symbols and its settings.
        program: The program that computes K of them.
        prompt: The tokens that it reads: ``"a"``, ``"b"`` and the numbers of constant ones.
        knows: Its settings, apart from ``d_model``, ``d_mlp`` and ``precision`` that all have.
        products: Multiplications of the matrix products of an example's forward pass.
        activations: Numbers that a forward pass leaves behind for each example.
    """

    network: Callable[[int, Any], Network]
    program: Callable[[int, Any], Program]
    prompt: Callable[[int, Any], Sequence[str | int]]
    knows: tuple[str, ...]
    products: Callable[[int, Any], float]
    activations: Callable[[int, Any], float]


def _prompt(S: int, settings: TransformerSettings) -> list[str | int]:
    """Return the tokens that a transformer reads: = is S, o is S + 1."""
    constants: dict[str, str | int] = {"=": S, "o": S + 1}
    return [constants.get(token, token) for token in settings.prompt.split()]


_OPERANDS = ("a", "b")


def _mlp(S: int, n: MLPSettings) -> MLP:
    return MLP(num_symbols=S, num_layers=n.num_layers, d_model=n.d_model, d_mlp=n.d_mlp)


def _transformer(S: int, n: TransformerSettings) -> Transformer:
    return Transformer(
        num_symbols=S,
        num_positions=len(_prompt(S, n)),
        num_layers=n.num_layers,
        d_model=n.d_model,
        num_heads=n.num_heads,
        d_mlp=n.d_mlp,
        biases=n.biases,
        normalisation=n.normalisation,
        learned_positions=n.positions == "learned",
    )


def _transformer_products(S: int, n: TransformerSettings) -> float:
    """Every layer at every position, but for the last: its answers at the last position alone."""
    T, M, L = len(_prompt(S, n)), n.d_model, n.d_mlp
    whole, last = T * (4 * M * M + 2 * M * L), (2 * T + 2) * M * M + 2 * M * L
    return (n.num_layers - 1) * whole + last + M * S


_OURS: dict[str, Architecture] = {
    "one-layer-transformer": Architecture(
        network=lambda S, n: OneLayerTransformer(
            num_symbols=S, d_model=n.d_model, num_heads=n.num_heads, d_mlp=n.d_mlp
        ),
        program=lambda S, n: TableForm(num_symbols=S, num_heads=n.num_heads),
        prompt=lambda S, n: [*_OPERANDS, S],
        knows=("num_heads",),
        products=lambda S, n: n.d_model * n.d_mlp + (n.d_model + n.d_mlp) * S,
        activations=lambda S, n: 5 * n.d_model + 3 * n.d_mlp + 5 * S,
    ),
    "transformer": Architecture(
        network=_transformer,
        program=lambda S, n: StackedProgram(_transformer(S, n), _prompt(S, n), n.dropout),
        prompt=_prompt,
        knows=(
            *("num_heads", "num_layers", "normalisation", "biases"),
            *("positions", "prompt", "dropout"),
        ),
        products=_transformer_products,
        activations=lambda S, n: n.num_layers * 4 * (10 * n.d_model + 3 * n.d_mlp) + 3 * S,
    ),
    "mlp": Architecture(
        network=_mlp,
        program=lambda S, n: StackedProgram(_mlp(S, n), _OPERANDS, n.dropout),
        prompt=lambda S, n: _OPERANDS,
        knows=("num_layers", "dropout"),
        products=lambda S, n: (
            2 * n.d_model * n.d_mlp + (n.num_layers - 1) * n.d_mlp**2 + n.d_mlp * S
        ),
        activations=lambda S, n: 2 * n.d_model + 3 * n.num_layers * n.d_mlp + 3 * S,
    ),
}


def architecture_of(name: str, kind: type[Network]) -> Architecture:
    """Return how a class makes and computes networks, with nothing known of it but that.

    Args:
        name: The architecture.
        kind: The class.

    Raises:
        InvalidInputError: It is no class of networks.
    """
    _require_network(name, kind)
    settings = NETWORK_SETTINGS.find(name)
    return Architecture(
        network=kind.of,
        program=lambda S, n: StackedProgram(kind.of(S, n), kind.prompt(S, n), n.dropout_rate),
        prompt=kind.prompt,
        knows=tuple(field for field in settings.model_fields if field not in _OF_ALL),
        # Each matrix once for an example, each row of it read and written a few times.
        products=lambda S, n: float(sum(p.numel() for p in kind.of(S, n).parameters())),
        activations=lambda S, n: 4.0 * (n.d_model + n.d_mlp) + 3.0 * S,
    )


_OF_ALL = ("architecture", *(name for name in NetworkBase.model_fields))

ARCHITECTURES: Registry[Architecture] = Registry("architecture", architecture_of)
"""How each is made and computed."""

for _name, _architecture in _OURS.items():
    ARCHITECTURES.register(_name, _architecture)


def _require_network(name: str, kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Network)):
        raise InvalidInputError(
            f"{name!r} is no network; it must be a class like efficiency.networks.Network"
        )


_REGISTERED: dict[str, type[Network]] = {}


def register(name: str, kind: type[Network]) -> None:
    """Register a class of networks under a name of its own.

    Raises:
        InvalidInputError: It is no class of networks, or another has this name.
    """
    if _REGISTERED.get(name) is kind:
        return
    _require_network(name, kind)
    NETWORK_SETTINGS.register(name, of_kind(name, getattr(kind, "Settings", NetworkBase)))
    ARCHITECTURES.register(name, architecture_of(name, kind))
    _REGISTERED[name] = kind


def network(task: TaskSettings, settings: NetworkSettings) -> Network:
    """Return one network with zero weights for a task."""
    architecture, S = ARCHITECTURES.find(settings.architecture), task.num_classes
    found = architecture.network(S, settings)
    found.reads = architecture.prompt(S, settings)
    return found


@functools.lru_cache(maxsize=64)
def shapes(task: TaskSettings, settings: NetworkSettings) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of each parameter of one network.

    Raises:
        InvalidInputError: A network of another package does not answer as it should.
    """
    one = network(task, settings)
    if settings.architecture not in _OURS:
        _require_answers(one, task.num_classes, settings.architecture)
    return MappingProxyType({name: tuple(p.shape) for name, p in one.named_parameters()})


def require_weights(
    task: TaskSettings, settings: NetworkSettings, weights: Mapping[str, npt.ArrayLike]
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
            f"these weights do not fit {settings.architecture} on {task.operation} at size "
            f"{task.size}: of {wrong} the shapes are {[found.get(n) for n in wrong]}, needed are "
            f"{[wanted.get(n) for n in wrong]}; give the weights of an equal network on an equal "
            "task"
        )


def _require_answers(one: Network, num_symbols: int, name: str) -> None:
    """Find out before anything is planned that a network cannot answer a prompt."""
    prompt = [0 if isinstance(token, str) else token for token in one.reads]
    try:
        with torch.no_grad():
            answer = one(torch.tensor([prompt]), keep_all)
        found = tuple(answer.shape)
    except Exception as error:
        raise InvalidInputError(
            f"the network {name!r} fails on the tokens {prompt} ({type(error).__name__}: {error}); "
            "its forward takes (D, T) tokens and drop, and returns (D, S) logits"
        ) from error
    if found != (1, num_symbols):
        raise InvalidInputError(
            f"the network {name!r} answers one prompt with the shape {found}; logits of "
            f"(1, {num_symbols}) were expected"
        )


def program(task: TaskSettings, settings: NetworkSettings) -> Program:
    """Return the program that computes many such networks at once."""
    num_symbols = task.num_classes
    return ARCHITECTURES.find(settings.architecture).program(num_symbols, settings)


@functools.lru_cache(maxsize=64)
def written_down(task: TaskSettings, settings: NetworkSettings) -> Written | None:
    """Return the network as a list of layers, ``None`` if it does not write itself down."""
    num_symbols = task.num_classes
    layers = Layers(ARCHITECTURES.find(settings.architecture).prompt(num_symbols, settings))
    return layers.written() if network(task, settings).write_down(layers) else None
