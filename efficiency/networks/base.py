"""What every network can do: be initialised, and turn tokens into logits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, final

import torch
from torch import Tensor, nn

from efficiency.errors import InvalidInputError
from efficiency.networks.layers import Layers

if TYPE_CHECKING:
    from efficiency.settings import TaskBase

Drop = Callable[[Tensor], Tensor]
"""Dropout: (D, …) activations, a row for each example, to the same with some of them 0."""


def keep_all(activations: Tensor) -> Tensor:
    """Drop nothing, as when a network is measured."""
    return activations


def tokens(prompt: Sequence[str | int], left: Tensor, right: Tensor) -> Tensor:
    """Return (…, T) the tokens of a prompt for (…,) operands.

    Args:
        prompt: ``"a"``, ``"b"`` and the numbers of constant tokens.
        left: First operands.
        right: Second operands.

    Raises:
        InvalidInputError: The prompt has another word.
    """
    operands = {"a": left, "b": right}
    if words := [t for t in prompt if isinstance(t, str) and t not in operands]:
        raise InvalidInputError(
            f"the prompt has {words[0]!r}; write 'a', 'b', and other tokens as numbers"
        )
    columns = [operands[t] if isinstance(t, str) else torch.full_like(left, t) for t in prompt]
    return torch.stack(columns, dim=-1)


@final
class Point(nn.Identity):
    """A place in a network where what passes can be read, or replaced by a forward hook."""


class Network(nn.Module, ABC):
    """One network, from (D, positions) tokens to (D, S) logits of the answer.

    What it reads, tokens of two operands, of a sequence or features, its settings say.

    Parameters are named W_…, b_… and, for the gain of a LayerNorm, g_….

    Attributes:
        EMBEDDINGS: Names of parameters whose rows are looked up.
        reads: The tokens that it reads, see ``prompt``.
    """

    EMBEDDINGS: ClassVar[tuple[str, ...]] = ("W_E", "W_pos")
    reads: Sequence[str | int] = ("a", "b")

    @classmethod
    def of(cls, num_symbols: int, settings: Any) -> Network:
        """Return one with zero weights, of a network that reads operands.

        Args:
            num_symbols: S.
            settings: Its settings: ``Settings`` of this class, or what every network has
                (``efficiency.settings.NetworkBase``).
        """
        return cls(num_symbols, settings)

    @classmethod
    def for_task(cls, task: TaskBase, settings: Any) -> Network:
        """Return one with zero weights for a task; by default what ``of`` returns.

        Args:
            task: Its ``num_classes``, ``num_answers``, ``num_inputs`` and ``num_tokens`` count.
            settings: See ``of``.
        """
        return cls.of(task.num_classes, settings)

    @classmethod
    def prompt(cls, num_symbols: int, settings: Any) -> Sequence[str | int]:
        """Return the tokens that it reads: ``"a"``, ``"b"`` and the numbers of constant ones."""
        return ("a", "b")

    def initialise(self, generator: torch.Generator) -> None:
        """Draw every weight from N(0, 1/fan-in), embeddings from N(0, 1/M); biases 0, gains 1.

        Assumed: the papers do not state their initialisation. Weights are drawn in float32 whatever
        the precision of the network, so that the precision of a run does not change its draws.
        """
        with torch.no_grad():
            for path, parameter in self.named_parameters():
                name = path.rsplit(".", 1)[-1]
                if parameter.dim() == 1:
                    parameter.fill_(1.0 if name.startswith("g_") else 0.0)
                    continue
                fan_in = parameter.shape[1] if name in self.EMBEDDINGS else parameter.shape[0]
                drawn = torch.randn(parameter.shape, generator=generator) / math.sqrt(fan_in)
                parameter.copy_(drawn)

    @abstractmethod
    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """Return (D, S) logits for (D, positions) tokens or (D, F) features.

        For a task with several answers, (D, A, S).
        """

    def write_down(self, layers: Layers) -> bool:
        """Write the network down as a list of layers; return whether it can be.

        What is written down is trained by compiled code, everything else by tensor operations.

        Args:
            layers: The list, empty.
        """
        return False
