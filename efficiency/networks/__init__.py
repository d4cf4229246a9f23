"""Networks, and the programs that compute many of them at once.

To add a network: write it as a ``Network`` for one member, give it settings in
``efficiency.settings.networks`` and an entry in ``ARCHITECTURES``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from efficiency.networks.base import Network
from efficiency.networks.layers import Layers, Written
from efficiency.networks.mlp import MLP
from efficiency.networks.one_layer_transformer import OneLayerTransformer
from efficiency.networks.program import Program, StackedProgram
from efficiency.networks.table_form import TableForm
from efficiency.networks.transformer import Transformer

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
    "network",
    "program",
    "shapes",
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


ARCHITECTURES: dict[str, Architecture] = {
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


def network(task: TaskSettings, settings: NetworkSettings) -> Network:
    """Return one network with zero weights for a task."""
    num_symbols = task.num_classes
    return ARCHITECTURES[settings.architecture].network(num_symbols, settings)


@functools.lru_cache(maxsize=64)
def shapes(task: TaskSettings, settings: NetworkSettings) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of each parameter of one network."""
    parameters = network(task, settings).named_parameters()
    return MappingProxyType({name: tuple(parameter.shape) for name, parameter in parameters})


def program(task: TaskSettings, settings: NetworkSettings) -> Program:
    """Return the program that computes many such networks at once."""
    num_symbols = task.num_classes
    return ARCHITECTURES[settings.architecture].program(num_symbols, settings)


@functools.lru_cache(maxsize=64)
def written_down(task: TaskSettings, settings: NetworkSettings) -> Written | None:
    """Return the network as a list of layers, ``None`` if it does not write itself down."""
    num_symbols = task.num_classes
    layers = Layers(ARCHITECTURES[settings.architecture].prompt(num_symbols, settings))
    return layers.written() if network(task, settings).write_down(layers) else None
