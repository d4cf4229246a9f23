"""Random Fourier features (Rahimi and Recht 2007): waves as they were drawn, and linear outputs.

Shapes: D examples, F inputs, L = d_mlp features, S classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from efficiency.networks.base import Drop, Network, keep_all


class RandomFeatures(Network):
    """S outputs, linear in L features cos(x·W_in + b_in) of real numbers.

    Outputs are compared with 1 at the right class and 0 at the others: a logit is minus the mean
    squared distance to the answer that it stands for, so that the class of the largest output has
    the largest logit.

    Args:
        num_inputs: F.
        num_classes: S.
        d_mlp: L.
    """

    def __init__(self, *, num_inputs: int, num_classes: int, d_mlp: int) -> None:
        super().__init__()
        self.W_in = nn.Parameter(torch.zeros(num_inputs, d_mlp))
        self.b_in = nn.Parameter(torch.zeros(d_mlp))
        self.W_U = nn.Parameter(torch.zeros(d_mlp, num_classes))
        self.register_buffer("answers_SS", torch.eye(num_classes))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw W_in from N(0, 1/F) and phases evenly; outputs begin at 0, none of them by luck."""
        super().initialise(generator)
        with torch.no_grad():
            phases = torch.rand(self.b_in.shape, generator=generator)
            self.b_in.copy_(2 * math.pi * phases)
            self.W_U.zero_()

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``; it is given (D, F) real numbers, its inputs."""
        outputs = features(tokens, self.W_in, self.b_in) @ self.W_U
        answers_SS = self.get_buffer("answers_SS").to(outputs.dtype)
        return -(outputs[:, None, :] - answers_SS).square().mean(-1)


def features(inputs: Tensor, W_in: Tensor, b_in: Tensor) -> Tensor:
    """Return (D, L) features for (D, F) inputs, (F, L) weights and (L,) phases."""
    return torch.cos(inputs @ W_in + b_in)
