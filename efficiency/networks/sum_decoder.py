"""The toy of Liu et al. (2022): a decoder that reads the sum of two embeddings.

Shapes: D examples, V operands, M = d_model, L = d_mlp, O outputs, S classes.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from efficiency.networks.base import Drop, Network, keep_all
from efficiency.networks.mlp import Hidden

TARGET_SEED = 0
"""Of the targets: the same of every network, so that they are no part of what a seed decides."""


class SumDecoder(Network):
    """Dec(E_a + E_b) (section 2), a perceptron with tanh on the sum of two embeddings.

    Its outputs are the logits, or are compared with a target for each class: a logit is then minus
    the mean squared distance to it, so that the nearest class is the answer.

    Args:
        num_operands: V.
        num_classes: S.
        num_layers: Hidden layers.
        d_model: M.
        d_mlp: L.
        num_outputs: O numbers that are compared with targets, drawn from N(0, 1); ``None`` for
            logits.
    """

    def __init__(
        self,
        *,
        num_operands: int,
        num_classes: int,
        num_layers: int,
        d_model: int,
        d_mlp: int,
        num_outputs: int | None,
    ) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.zeros(num_operands, d_model))
        widths = [d_model, *[d_mlp] * num_layers]
        self.hidden = nn.ModuleList(
            Hidden(before, after, torch.tanh) for before, after in itertools.pairwise(widths)
        )
        outputs = num_classes if num_outputs is None else num_outputs
        self.W_U = nn.Parameter(torch.zeros(d_mlp, outputs))
        self.b_U = nn.Parameter(torch.zeros(outputs))
        if num_outputs is not None:
            drawn = torch.Generator().manual_seed(TARGET_SEED)
            targets = torch.randn((num_classes, num_outputs), generator=drawn)
            self.register_buffer("targets_SO", targets)
        self._has_targets = num_outputs is not None

    def initialise(self, generator: torch.Generator) -> None:
        """Draw embeddings uniformly from ±½, and what follows as ``torch.nn.Linear`` does.

        That is uniformly from ±1/√fan-in, biases too (their code).
        """
        bound = 0.5
        with torch.no_grad():
            for path, parameter in self.named_parameters():
                if path != "W_E" and parameter.dim() == 2:
                    bound = 1 / math.sqrt(parameter.shape[0])  # and of the biases that follow it
                drawn = torch.rand(parameter.shape, generator=generator)
                parameter.copy_((2 * drawn - 1) * bound)

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``; only the first two tokens, a and b, are read."""
        activations = self.W_E[tokens[:, :2]].sum(1)
        for layer in self.hidden:
            activations = layer(activations)
        outputs = activations @ self.W_U + self.b_U
        if not self._has_targets:
            return outputs
        targets_SO = self.get_buffer("targets_SO").to(outputs.dtype)
        return -(outputs[:, None, :] - targets_SO).square().mean(-1)
