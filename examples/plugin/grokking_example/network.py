"""A network: the product of both embeddings, through a hidden layer."""

import torch
from pydantic import Field
from torch import Tensor, nn

from efficiency import networks
from efficiency.networks import Network
from efficiency.networks.base import Drop, keep_all
from efficiency.settings import NetworkBase


class Product(Network):
    """Logits are W_U · relu(W_in · (gain · E[a] ⊙ E[b])); D examples, M = d_model, S symbols."""

    class Settings(NetworkBase):
        """What it has beside ``d_model``, ``d_mlp`` and ``precision``."""

        gain: float = Field(default=1.0, gt=0)

    def __init__(self, num_symbols: int, settings: Settings) -> None:
        super().__init__()
        self.gain = settings.gain
        self.W_E = nn.Parameter(torch.zeros(num_symbols, settings.d_model))
        self.W_in = nn.Parameter(torch.zeros(settings.d_model, settings.d_mlp))
        self.W_U = nn.Parameter(torch.zeros(settings.d_mlp, num_symbols))

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """Return (D, S) logits for (D, 2) tokens, a and b."""
        product_DM = self.gain * self.W_E[tokens[:, 0]] * self.W_E[tokens[:, 1]]
        return torch.relu(product_DM @ self.W_in) @ self.W_U


networks.register("product", Product)
