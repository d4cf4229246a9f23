"""The kinds of networks: how each is made, computed and counted.

Shapes: S symbols or classes, T positions, A answers, M = d_model, L = d_mlp.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from efficiency.errors import InvalidInputError
from efficiency.networks.base import Network
from efficiency.networks.mlp import MLP, FeaturesMLP
from efficiency.networks.one_layer_transformer import OneLayerTransformer
from efficiency.networks.program import Program, StackedProgram
from efficiency.networks.random_features import RandomFeatures
from efficiency.networks.sum_decoder import SumDecoder
from efficiency.networks.table_form import TableForm
from efficiency.networks.transformer import Transformer
from efficiency.registry import Registry
from efficiency.settings.networks import (
    NETWORK_SETTINGS,
    Decoder,
    NetworkBase,
    TransformerSettings,
    of_kind,
)

if TYPE_CHECKING:
    from efficiency.settings import (
        FeaturesMLPSettings,
        MLPSettings,
        NetworkSettings,
        RandomFeaturesSettings,
        SumDecoderSettings,
        TaskBase,
    )


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How a network is made and computed.

    Attributes:
        network: One network with zero weights, for a task and its settings.
        program: The program that computes K of them.
        prompt: The tokens that it reads of two operands, for S symbols: ``"a"``, ``"b"`` and the
            numbers of constant ones; ``None`` if it reads what the task gives.
        knows: Its settings, apart from ``d_model``, ``d_mlp`` and ``precision`` that all have.
        products: Multiplications of the matrix products of an example's forward pass.
        activations: Numbers that a forward pass leaves behind for each example.
    """

    network: Callable[[TaskBase, Any], Network]
    program: Callable[[TaskBase, Any], Program]
    prompt: Callable[[int, Any], Sequence[str | int]] | None
    knows: tuple[str, ...]
    products: Callable[[TaskBase, Any], float]
    activations: Callable[[TaskBase, Any], float]

    def reads(self, task: TaskBase, settings: NetworkSettings) -> Sequence[str | int] | None:
        """Return its prompt on a task, ``None`` if it reads what the task gives."""
        return None if self.prompt is None else self.prompt(task.num_classes, settings)


def _prompt(S: int, settings: TransformerSettings) -> list[str | int]:
    """Return the tokens that a transformer reads: = is S, o is S + 1."""
    constants: dict[str, str | int] = {"=": S, "o": S + 1}
    return [constants.get(token, token) for token in settings.prompt.split()]


_OPERANDS = ("a", "b")


def _mlp(task: TaskBase, n: MLPSettings) -> MLP:
    return MLP(
        num_symbols=task.num_classes, num_layers=n.num_layers, d_model=n.d_model, d_mlp=n.d_mlp
    )


def _sum_decoder(task: TaskBase, n: SumDecoderSettings) -> SumDecoder:
    return SumDecoder(
        num_operands=task.num_tokens,
        num_classes=task.num_classes,
        num_layers=n.num_layers,
        d_model=n.d_model,
        d_mlp=n.d_mlp,
        num_outputs=n.num_outputs,
    )


def _features_mlp(task: TaskBase, n: FeaturesMLPSettings) -> FeaturesMLP:
    return FeaturesMLP(
        num_features=task.num_inputs,
        num_classes=task.num_classes,
        num_answers=task.num_answers,
        num_layers=n.num_layers,
        d_mlp=n.d_mlp,
    )


def _random_features(task: TaskBase, n: RandomFeaturesSettings) -> RandomFeatures:
    return RandomFeatures(num_inputs=task.num_inputs, num_classes=task.num_classes, d_mlp=n.d_mlp)


def _positions(task: TaskBase, n: Decoder) -> int:
    if isinstance(n, TransformerSettings):
        return len(_prompt(task.num_classes, n))
    return task.num_inputs


def _transformer(task: TaskBase, n: Decoder) -> Transformer:
    return Transformer(
        num_symbols=task.num_classes,
        num_positions=_positions(task, n),
        num_layers=n.num_layers,
        d_model=n.d_model,
        num_heads=n.num_heads,
        d_mlp=n.d_mlp,
        biases=n.biases,
        normalisation=n.normalisation,
        learned_positions=n.positions == "learned",
        num_tokens=task.num_tokens if task.gives == "tokens" else None,
        num_answers=task.num_answers,
    )


def _transformer_products(task: TaskBase, n: Decoder) -> float:
    """Every layer at every position, but for the last: it answers at the last A alone."""
    T, A, M, L = _positions(task, n), task.num_answers, n.d_model, n.d_mlp
    whole, last = T * (4 * M * M + 2 * M * L), (2 * T + 2 * A) * M * M + 2 * A * M * L
    return (n.num_layers - 1) * whole + last + A * M * task.num_classes


def _transformer_activations(task: TaskBase, n: Decoder) -> float:
    # Fitted to prompts of four tokens, see ``efficiency.cost``.
    T = task.num_inputs if task.gives == "tokens" else 4
    logits = task.num_answers * task.num_classes
    return n.num_layers * T * (10 * n.d_model + 3 * n.d_mlp) + 3 * logits


def _hidden_products(inputs: int, task: TaskBase, n: MLPSettings | FeaturesMLPSettings) -> float:
    logits = task.num_answers * task.num_classes
    return inputs * n.d_mlp + (n.num_layers - 1) * n.d_mlp**2 + n.d_mlp * logits


_DECODER = ("num_heads", "num_layers", "normalisation", "biases", "positions", "dropout")

OURS: dict[str, Architecture] = {
    "one-layer-transformer": Architecture(
        network=lambda task, n: OneLayerTransformer(
            num_symbols=task.num_classes, d_model=n.d_model, num_heads=n.num_heads, d_mlp=n.d_mlp
        ),
        program=lambda task, n: TableForm(num_symbols=task.num_classes, num_heads=n.num_heads),
        prompt=lambda S, n: [*_OPERANDS, S],
        knows=("num_heads",),
        products=lambda task, n: n.d_model * n.d_mlp + (n.d_model + n.d_mlp) * task.num_classes,
        activations=lambda task, n: 5 * n.d_model + 3 * n.d_mlp + 5 * task.num_classes,
    ),
    "transformer": Architecture(
        network=_transformer,
        program=lambda task, n: StackedProgram(
            _transformer(task, n), _prompt(task.num_classes, n), n.dropout
        ),
        prompt=_prompt,
        knows=(*_DECODER, "prompt"),
        products=_transformer_products,
        activations=_transformer_activations,
    ),
    "sequence-transformer": Architecture(
        network=_transformer,
        program=lambda task, n: StackedProgram(_transformer(task, n), None, n.dropout),
        prompt=None,
        knows=_DECODER,
        products=_transformer_products,
        activations=_transformer_activations,
    ),
    "mlp": Architecture(
        network=_mlp,
        program=lambda task, n: StackedProgram(_mlp(task, n), _OPERANDS, n.dropout),
        prompt=lambda S, n: _OPERANDS,
        knows=("num_layers", "dropout"),
        products=lambda task, n: _hidden_products(2 * n.d_model, task, n),
        activations=lambda task, n: (
            2 * n.d_model + 3 * n.num_layers * n.d_mlp + 3 * task.num_classes
        ),
    ),
    "sum-decoder": Architecture(
        network=_sum_decoder,
        program=lambda task, n: StackedProgram(_sum_decoder(task, n), _OPERANDS),
        prompt=lambda S, n: _OPERANDS,
        knows=("num_layers", "num_outputs"),
        products=lambda task, n: (
            n.d_model * n.d_mlp
            + (n.num_layers - 1) * n.d_mlp**2
            + n.d_mlp * (n.num_outputs or task.num_classes)
            + (n.num_outputs or 0) * task.num_classes
        ),
        activations=lambda task, n: (
            3 * n.d_model + 3 * n.num_layers * n.d_mlp + 3 * task.num_classes * (n.num_outputs or 1)
        ),
    ),
    "features-mlp": Architecture(
        network=_features_mlp,
        program=lambda task, n: StackedProgram(_features_mlp(task, n), None, n.dropout),
        prompt=None,
        knows=("num_layers", "dropout"),
        products=lambda task, n: _hidden_products(task.num_inputs, task, n),
        activations=lambda task, n: (
            task.num_inputs + 3 * n.num_layers * n.d_mlp + 3 * task.num_answers * task.num_classes
        ),
    ),
    "random-features": Architecture(
        network=_random_features,
        program=lambda task, n: StackedProgram(_random_features(task, n), None),
        prompt=None,
        knows=(),
        products=lambda task, n: float((task.num_inputs + task.num_classes) * n.d_mlp),
        activations=lambda task, n: task.num_inputs + 2 * n.d_mlp + 3.0 * task.num_classes**2,
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
    operands = settings.takes == "operands"
    return Architecture(
        network=kind.for_task,
        program=lambda task, n: StackedProgram(
            kind.for_task(task, n),
            kind.prompt(task.num_classes, n) if operands else None,
            n.dropout_rate,
        ),
        prompt=kind.prompt if operands else None,
        knows=tuple(field for field in settings.model_fields if field not in _OF_ALL),
        # Each matrix once for an example, each row of it read and written a few times.
        products=lambda task, n: float(sum(p.numel() for p in kind.for_task(task, n).parameters())),
        activations=lambda task, n: (
            4.0 * (n.d_model + n.d_mlp) + 3.0 * task.num_answers * task.num_classes
        ),
    )


_OF_ALL = ("architecture", *(name for name in NetworkBase.model_fields))

ARCHITECTURES: Registry[Architecture] = Registry("architecture", architecture_of)
"""How each is made and computed."""

for _name, _architecture in OURS.items():
    ARCHITECTURES.register(_name, _architecture)


def _require_network(name: str, kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Network)):
        raise InvalidInputError(
            f"{name!r} is no network; it must be a class like efficiency.networks.Network"
        )


REGISTERED: dict[str, type[Network]] = {}
"""Classes that were registered by name."""


def register(name: str, kind: type[Network]) -> None:
    """Register a class of networks under a name of its own.

    Raises:
        InvalidInputError: It is no class of networks, or another has this name.
    """
    if REGISTERED.get(name) is kind:
        return
    _require_network(name, kind)
    NETWORK_SETTINGS.register(name, of_kind(name, getattr(kind, "Settings", NetworkBase)))
    ARCHITECTURES.register(name, architecture_of(name, kind))
    REGISTERED[name] = kind
