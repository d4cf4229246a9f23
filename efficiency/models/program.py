"""The seam between networks and training: a program computes many networks of one shape at once.

A network is written for one member, as an ``nn.Module`` from (D, 3) tokens to (D, S) logits;
``StackedProgram`` runs K of them through ``torch.func``. A network may bring a program of its own
where speed matters; tests hold it to the stacked one.

Shapes: K members, D examples, S symbols.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

Parameters = Mapping[str, Tensor]
"""Each parameter of the network with a leading axis for the K members."""

Backward = Callable[[Tensor, Parameters], None]
"""(∂loss/∂logits (K, D, S), gradients): writes ∂loss/∂parameter into every ``gradients`` entry.

To be called at most once, right after the forward pass that made it: it may overwrite what the
forward pass left behind.
"""


class Program(ABC):
    """K networks of one shape as one computation."""

    @abstractmethod
    def prepare(self, left_KD: Tensor, right_KD: Tensor) -> Any:
        """Return what the program wants to know about fixed examples before it sees them often."""

    @abstractmethod
    def logits(self, parameters: Parameters, examples: Any) -> Tensor:
        """Return (K, D, S) logits for prepared examples, without a gradient."""

    @abstractmethod
    def logits_and_backward(self, parameters: Parameters, examples: Any) -> tuple[Tensor, Backward]:
        """Return (K, D, S) logits, which the caller may overwrite, and their backward pass."""


@final
class StackedProgram(Program):
    """Any ``nn.Module`` from tokens to logits, vectorised over members by ``torch.func.vmap``.

    Args:
        module: The network; only its structure is used, never its weights.
        equals_token: The token that stands for ``=``.
    """

    def __init__(self, module: nn.Module, equals_token: int) -> None:
        self._equals_token = equals_token

        def call(parameters: Parameters, tokens_D3: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(module, dict(parameters), (tokens_D3,))
            return result

        self._call = torch.func.vmap(call)

    def prepare(self, left_KD: Tensor, right_KD: Tensor) -> Tensor:
        """Return (K, D, 3) tokens ``a b =``."""
        equals_KD = torch.full_like(left_KD, self._equals_token)
        return torch.stack([left_KD, right_KD, equals_KD], dim=-1)

    def logits(self, parameters: Parameters, examples: Any) -> Tensor:
        """See ``Program.logits``."""
        with torch.no_grad():
            result: Tensor = self._call(parameters, examples)
        return result

    def logits_and_backward(self, parameters: Parameters, examples: Any) -> tuple[Tensor, Backward]:
        """See ``Program.logits_and_backward``."""
        held = dict(parameters)
        # Without auxiliary outputs vjp returns two values; its annotation allows a third.
        logits_KDS, pullback = torch.func.vjp(lambda p: self._call(p, examples), held)[:2]

        def backward(gradient_KDS: Tensor, gradients: Parameters) -> None:
            (computed,) = pullback(gradient_KDS)
            for name, gradient in gradients.items():
                gradient.copy_(computed[name])

        return logits_KDS.clone(), backward
