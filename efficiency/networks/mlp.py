"""Networks without attention: hidden layers on embeddings of both operands, or on features.

Shapes: D examples, F features, M = d_model, L = d_mlp, S symbols.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from efficiency.networks.base import Drop, Network, keep_all
from efficiency.networks.layers import Layers


class MLP(Network):
    """Multi-layer perceptron (ReLU, biases) on (embedding of a, embedding of b).

    Both operands share one embedding; that a differs from b is the business of the first layer.

    Args:
        num_symbols: S.
        num_layers: Hidden layers.
        d_model: M.
        d_mlp: L.

    Attributes:
        hidden: The hidden layers; each is a point of its units, (D, L).
    """

    def __init__(self, *, num_symbols: int, num_layers: int, d_model: int, d_mlp: int) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.zeros(num_symbols, d_model))
        widths = [2 * d_model, *[d_mlp] * num_layers]
        self.hidden = nn.ModuleList(
            Hidden(before, after) for before, after in itertools.pairwise(widths)
        )
        self.W_U = nn.Parameter(torch.zeros(d_mlp, num_symbols))
        self.b_U = nn.Parameter(torch.zeros(num_symbols))

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``; only the first two tokens, a and b, are read."""
        activations = self.W_E[tokens[:, :2]].flatten(1)
        for layer in self.hidden:
            activations = drop(layer(activations))
        return activations @ self.W_U + self.b_U

    def write_down(self, layers: Layers) -> bool:
        """See ``Network.write_down``."""
        present = layers.embed("W_E", self.W_E.shape[1], flat=True)
        for number in range(len(self.hidden)):
            name = f"hidden.{number}"
            present = layers.linear(
                present, f"{name}.W_in", self.W_U.shape[0], bias=f"{name}.b_in", rectified=True
            )
            present = layers.drop(present)
        layers.linear(present, "W_U", self.W_U.shape[1], bias="b_U")
        return True


class FeaturesMLP(Network):
    """Multi-layer perceptron (ReLU, biases) on real numbers.

    Args:
        num_features: F.
        num_classes: S.
        num_answers: A; logits are (D, A, S), or (D, S) of one.
        num_layers: Hidden layers.
        d_mlp: L.
    """

    def __init__(
        self,
        *,
        num_features: int,
        num_classes: int,
        num_answers: int,
        num_layers: int,
        d_mlp: int,
    ) -> None:
        super().__init__()
        self._answers = (num_classes,) if num_answers == 1 else (num_answers, num_classes)
        widths = [num_features, *[d_mlp] * num_layers]
        self.hidden = nn.ModuleList(
            Hidden(before, after) for before, after in itertools.pairwise(widths)
        )
        self.W_U = nn.Parameter(torch.zeros(d_mlp, num_answers * num_classes))
        self.b_U = nn.Parameter(torch.zeros(num_answers * num_classes))

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``; it is given features."""
        activations = tokens
        for layer in self.hidden:
            activations = drop(layer(activations))
        logits = activations @ self.W_U + self.b_U
        return logits.view(*logits.shape[:-1], *self._answers)


class Hidden(nn.Module):
    """A hidden layer with biases.

    Args:
        before: Units that it reads.
        after: Units that it has.
        activation: What is applied to each.
    """

    def __init__(
        self, before: int, after: int, activation: Callable[[Tensor], Tensor] = torch.relu
    ) -> None:
        super().__init__()
        self.W_in = nn.Parameter(torch.zeros(before, after))
        self.b_in = nn.Parameter(torch.zeros(after))
        self._activation = activation

    def forward(self, activations: Tensor) -> Tensor:
        """Return (D, after) for (D, before)."""
        return self._activation(activations @ self.W_in + self.b_in)
