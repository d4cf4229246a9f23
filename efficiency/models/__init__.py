"""Networks, and the programs that compute many of them at once.

To add a network: write it as an ``nn.Module`` for one member, with an ``initialise(generator)``,
name it in ``NetworkSettings`` and give it an entry in ``ARCHITECTURES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from efficiency import tasks
from efficiency.models.one_layer_transformer import OneLayerTransformer
from efficiency.models.program import Program, StackedProgram
from efficiency.models.table_form import TableForm

if TYPE_CHECKING:
    from efficiency.settings import NetworkSettings, TaskSettings

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "OneLayerTransformer",
    "Program",
    "StackedProgram",
    "TableForm",
    "network",
    "program",
    "shapes",
]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How a network is made and computed.

    Attributes:
        network: One network with zero weights, for a number of symbols and settings.
        program: The program that computes K of them.
    """

    network: Callable[[int, NetworkSettings], OneLayerTransformer]
    program: Callable[[int, NetworkSettings], Program]


ARCHITECTURES: dict[str, Architecture] = {
    "one-layer-transformer": Architecture(
        network=lambda S, n: OneLayerTransformer(
            num_symbols=S, d_model=n.d_model, num_heads=n.num_heads, d_mlp=n.d_mlp
        ),
        program=lambda S, n: TableForm(num_symbols=S, num_heads=n.num_heads),
    ),
}


def network(task: TaskSettings, settings: NetworkSettings) -> OneLayerTransformer:
    """Return one network with zero weights for a task."""
    num_symbols = tasks.num_symbols(task.operation, task.size)
    return ARCHITECTURES[settings.architecture].network(num_symbols, settings)


def shapes(task: TaskSettings, settings: NetworkSettings) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of one network."""
    parameters = network(task, settings).named_parameters()
    return {name: tuple(parameter.shape) for name, parameter in parameters}


def program(task: TaskSettings, settings: NetworkSettings) -> Program:
    """Return the program that computes many such networks at once."""
    num_symbols = tasks.num_symbols(task.operation, task.size)
    return ARCHITECTURES[settings.architecture].program(num_symbols, settings)
