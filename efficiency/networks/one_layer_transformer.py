"""The one-layer decoder-only transformer, as in a textbook: tokens in, logits of the answer out.

Shapes: D examples, 3 positions (a, b, =), M = d_model, H heads of F = M / H, L = d_mlp, S symbols.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from efficiency.networks.base import Drop, Network, Point, keep_all


class OneLayerTransformer(Network):
    """Decoder-only transformer with one layer, written for one network.

    Learned positional embeddings, untied embedding and unembedding, ReLU, no LayerNorm; biases in
    the MLP only. Input ``a b =``; the answer is read at the last position (paper, section 4; the
    activation, the missing LayerNorm, the biases and the initialisation are assumed).

    Args:
        num_symbols: S; the token of ``=`` is S.
        d_model: M, width of the residual stream.
        num_heads: H, divides M. Head h owns columns hF … (h+1)F − 1 of W_Q, W_K, W_V.
        d_mlp: L, hidden units.

    Attributes:
        embedded: Point of the residual stream before attention, (D, 3, M).
        attention: Of how much each position reads of each, (D, H, 3, 3).
        attended: Of the residual stream between attention and MLP, (D, 3, M).
        hidden: Of the hidden units, (D, 3, L).
        residual: Of the residual stream after the MLP, (D, 3, M).
    """

    def __init__(self, *, num_symbols: int, d_model: int, num_heads: int, d_mlp: int) -> None:
        super().__init__()
        self.num_symbols, self.num_heads = num_symbols, num_heads
        self.W_E = nn.Parameter(torch.zeros(num_symbols + 1, d_model))
        self.W_pos = nn.Parameter(torch.zeros(3, d_model))
        self.W_Q = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_K = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_V = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_O = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_in = nn.Parameter(torch.zeros(d_model, d_mlp))
        self.b_in = nn.Parameter(torch.zeros(d_mlp))
        self.W_out = nn.Parameter(torch.zeros(d_mlp, d_model))
        self.b_out = nn.Parameter(torch.zeros(d_model))
        self.W_U = nn.Parameter(torch.zeros(d_model, num_symbols))
        self.embedded, self.attention, self.attended = Point(), Point(), Point()
        self.hidden, self.residual = Point(), Point()

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``; tokens are (D, 3), ``a b =``, and nothing is dropped."""
        tokens_D3 = tokens
        num_positions = tokens_D3.shape[-1]
        residual_D3M: Tensor = self.embedded(self.W_E[tokens_D3] + self.W_pos)

        def heads(weights_MM: Tensor) -> Tensor:
            projected = residual_D3M @ weights_MM
            width = projected.shape[-1] // self.num_heads
            return projected.view(-1, num_positions, self.num_heads, width).transpose(1, 2)

        query_DH3F, key_DH3F, value_DH3F = heads(self.W_Q), heads(self.W_K), heads(self.W_V)
        scores_DH33 = query_DH3F @ key_DH3F.mT / math.sqrt(query_DH3F.shape[-1])
        future_33 = torch.ones(num_positions, num_positions, device=tokens_D3.device).triu(1) > 0
        attention_DH33 = self.attention(scores_DH33.masked_fill(future_33, -math.inf).softmax(-1))
        mixed_D3M = (attention_DH33 @ value_DH3F).transpose(1, 2).flatten(2)
        residual_D3M = self.attended(residual_D3M + mixed_D3M @ self.W_O)
        hidden_D3L = self.hidden(torch.relu(residual_D3M @ self.W_in + self.b_in))
        residual_D3M = self.residual(residual_D3M + hidden_D3L @ self.W_out + self.b_out)
        return residual_D3M[:, -1] @ self.W_U
