"""The decoder-only transformer of any depth, as in a textbook: tokens in, logits of the answer out.

Shapes: D examples, T positions, M = d_model, H heads of F = M / H, L = d_mlp, S symbols. The last
layer is computed at the last A positions alone, where answers are read; nothing after it looks
elsewhere, so that this is exact.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efficiency.networks.base import Drop, Network, Point, keep_all
from efficiency.networks.layers import Array, Layers

Normalisation = Literal["none", "pre", "post"]

_FEW_POSITIONS = 8
"""Up to so many, sums of products are several times as fast as thousands of small matrix products:
of 4 × 32 numbers in a table's prompt, say."""


class _Normed(nn.Module):
    """LayerNorm with gain and bias."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.g_norm = nn.Parameter(torch.zeros(d_model))
        self.b_norm = nn.Parameter(torch.zeros(d_model))

    def forward(self, residual: Tensor) -> Tensor:
        return F.layer_norm(residual, residual.shape[-1:], self.g_norm, self.b_norm)


class Layer(nn.Module):
    """A block: causal attention, then an MLP; each adds to the residual stream.

    Args:
        d_model: M.
        num_heads: H. Head h owns columns hF … (h+1)F − 1 of W_Q, W_K, W_V.
        d_mlp: L; 0 for a block without an MLP.
        biases: Whether the MLP has them.
        normalisation: Where LayerNorms are: nowhere, before each part or after each sum.

    Attributes:
        attention: Point of how much each of the last R positions reads of each, (D, R, T, H).
        hidden: Of the hidden units, (D, R, L).
    """

    def __init__(
        self,
        *,
        d_model: int,
        num_heads: int,
        d_mlp: int,
        biases: bool,
        normalisation: Normalisation,
    ) -> None:
        super().__init__()
        self.num_heads, self._place = num_heads, normalisation
        self.W_Q = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_K = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_V = nn.Parameter(torch.zeros(d_model, d_model))
        self.W_O = nn.Parameter(torch.zeros(d_model, d_model))
        normed = normalisation != "none"
        self.norm_attention = _Normed(d_model) if normed else nn.Identity()
        self.has_mlp = d_mlp > 0
        if self.has_mlp:
            self.W_in = nn.Parameter(torch.zeros(d_model, d_mlp))
            self.b_in = nn.Parameter(torch.zeros(d_mlp)) if biases else None
            self.W_out = nn.Parameter(torch.zeros(d_mlp, d_model))
            self.b_out = nn.Parameter(torch.zeros(d_model)) if biases else None
            self.norm_mlp = _Normed(d_model) if normed else nn.Identity()
        self.attention, self.hidden = Point(), Point()

    def forward(self, residual_DTM: Tensor, num_answers: int, drop: Drop) -> Tensor:
        """Return the residual stream after the layer, (D, R, M) at the last R = num_answers."""
        kept_DRM: Tensor = residual_DTM[:, -num_answers:]
        if self._place == "pre":
            read_DTM = self.norm_attention(residual_DTM)
            kept_DRM = kept_DRM + self._attention(read_DTM, num_answers)
            if not self.has_mlp:
                return kept_DRM
            return kept_DRM + drop(self._mlp(self.norm_mlp(kept_DRM)))
        kept_DRM = self.norm_attention(kept_DRM + self._attention(residual_DTM, num_answers))
        if not self.has_mlp:
            return kept_DRM
        result: Tensor = self.norm_mlp(kept_DRM + drop(self._mlp(kept_DRM)))
        return result

    def write_down(self, layers: Layers, name: str, residual: Array, last: int) -> Array:
        """Write the layer down, see ``Network.write_down``; return the residual stream after it.

        Args:
            layers: The list.
            name: What its parameters' names begin with.
            residual: The residual stream before it.
            last: At how many of the last positions it answers, if not at all.
        """

        def norm(read: Array, which: str) -> Array:
            return layers.norm(read, f"{name}.{which}.g_norm", f"{name}.{which}.b_norm")

        def attention(read: Array) -> Array:
            M = read.width
            query = layers.linear(read, f"{name}.W_Q", M, last=last)
            key, value = (layers.linear(read, f"{name}.{which}", M) for which in ("W_K", "W_V"))
            mixed = layers.attend(query, key, value, self.num_heads)
            return layers.linear(mixed, f"{name}.W_O", M)

        def mlp(read: Array) -> Array:
            b_in, b_out = (
                None if self.b_in is None else f"{name}.{which}" for which in ("b_in", "b_out")
            )
            L = self.W_in.shape[1]
            hidden = layers.linear(read, f"{name}.W_in", L, bias=b_in, rectified=True)
            return layers.drop(layers.linear(hidden, f"{name}.W_out", read.width, bias=b_out))

        if self._place == "pre":
            kept = layers.add(residual, attention(norm(residual, "norm_attention")))
            if not self.has_mlp:
                return kept
            return layers.add(kept, mlp(norm(kept, "norm_mlp")))
        kept = layers.add(residual, attention(residual))
        if self._place == "post":
            kept = norm(kept, "norm_attention")
        if not self.has_mlp:
            return kept
        if self._place == "none":
            return layers.add(kept, mlp(kept))
        return norm(layers.add(kept, mlp(kept)), "norm_mlp")

    def _attention(self, read_DTM: Tensor, num_answers: int) -> Tensor:
        width = read_DTM.shape[2] // self.num_heads

        def heads(read: Tensor, weights_MM: Tensor) -> Tensor:
            return _product(read, weights_MM).view(*read.shape[:2], self.num_heads, width)

        query_DRHF = heads(read_DTM[:, -num_answers:], self.W_Q)
        key_DTHF, value_DTHF = heads(read_DTM, self.W_K), heads(read_DTM, self.W_V)
        mixed_DRHF = self._mixed(query_DRHF, key_DTHF, value_DTHF)
        return _product(mixed_DRHF.flatten(2), self.W_O)

    def _mixed(self, query_DRHF: Tensor, key_DTHF: Tensor, value_DTHF: Tensor) -> Tensor:
        """Return (D, R, H, F) values, each weighted by how much is read of it."""
        R, T, root = query_DRHF.shape[1], key_DTHF.shape[1], math.sqrt(key_DTHF.shape[-1])
        # Of the last R positions, each may look at what stands before it; the very last at all.
        future_RT = torch.ones(R, T, device=key_DTHF.device).triu(T - R + 1) > 0
        if T > _FEW_POSITIONS:
            scores_DHRT = (query_DRHF / root).transpose(1, 2) @ key_DTHF.permute(0, 2, 3, 1)
            if R > 1:
                allowed_RT = torch.zeros(R, T, dtype=key_DTHF.dtype, device=key_DTHF.device)
                scores_DHRT = scores_DHRT + allowed_RT.masked_fill(future_RT, -math.inf)
            attention_DRTH: Tensor = self.attention(scores_DHRT.softmax(-1).permute(0, 2, 3, 1))
            mixed_DHRF = attention_DRTH.permute(0, 3, 1, 2) @ value_DTHF.transpose(1, 2)
            return mixed_DHRF.transpose(1, 2)
        scores_DRTH = (query_DRHF.unsqueeze(2) * key_DTHF.unsqueeze(1)).sum(-1) / root
        if R > 1:
            scores_DRTH = scores_DRTH.masked_fill(future_RT.unsqueeze(-1), -math.inf)
        attention_DRTH = self.attention(scores_DRTH.softmax(2))
        mixed_DRHF: Tensor = (attention_DRTH.unsqueeze(-1) * value_DTHF.unsqueeze(1)).sum(2)
        return mixed_DRHF

    def _mlp(self, read_DRM: Tensor) -> Tensor:
        hidden_DRL = _product(read_DRM, self.W_in)
        if self.b_in is not None:
            hidden_DRL = hidden_DRL + self.b_in
        result_DRM = _product(self.hidden(torch.relu(hidden_DRL)), self.W_out)
        return result_DRM if self.b_out is None else result_DRM + self.b_out


def _product(rows: Tensor, weights: Tensor) -> Tensor:
    """Return rows (D, R, …) times a matrix, as one product of matrices.

    Vectorised over members, a product of three axes with two would be one for every example.
    """
    return (rows.flatten(0, 1) @ weights).view(*rows.shape[:2], weights.shape[1])


def sinusoids(num_positions: int, d_model: int) -> Tensor:
    """Return (T, M) fixed positions: sin and cos of t / 10000^(i/M), as in Power et al.'s code."""
    position_T1 = torch.arange(num_positions, dtype=torch.float64).unsqueeze(1)
    column_M = torch.arange(d_model)
    even_M = column_M - column_M % 2
    angle_TM = position_T1 / 10000 ** (even_M / d_model)
    return torch.where(column_M % 2 == 0, angle_TM.sin(), angle_TM.cos())


class Transformer(Network):
    """Decoder-only transformer; untied embedding and unembedding.

    Args:
        num_symbols: S, possible answers.
        num_positions: T, tokens that it reads.
        num_layers: Blocks.
        d_model: See ``Layer``.
        num_heads: See ``Layer``.
        d_mlp: See ``Layer``.
        biases: See ``Layer``.
        normalisation: See ``Layer``; ``pre`` has one LayerNorm more, before the unembedding.
        learned_positions: Whether positions are learned; else they are ``sinusoids``.
        num_tokens: V; default: S and the constants of a prompt of T tokens with two operands, of
            which ``=`` and ``o`` are S and S + 1.
        num_answers: A, read at the last A positions; logits are (D, A, S), or (D, S) of one.

    Attributes:
        layers: The blocks; each is a point of the residual stream after it.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        num_positions: int,
        num_layers: int,
        d_model: int,
        num_heads: int,
        d_mlp: int,
        biases: bool,
        normalisation: Normalisation,
        learned_positions: bool,
        num_tokens: int | None = None,
        num_answers: int = 1,
    ) -> None:
        super().__init__()
        self._num_answers = num_answers
        V = num_symbols + num_positions - 2 if num_tokens is None else num_tokens
        self.W_E = nn.Parameter(torch.zeros(V, d_model))
        if learned_positions:
            self.W_pos = nn.Parameter(torch.zeros(num_positions, d_model))
        else:
            self.register_buffer("W_pos", sinusoids(num_positions, d_model))
        self.layers = nn.ModuleList(
            Layer(
                d_model=d_model,
                num_heads=num_heads,
                d_mlp=d_mlp,
                biases=biases,
                normalisation=normalisation,
            )
            for _ in range(num_layers)
        )
        self.norm_last = _Normed(d_model) if normalisation == "pre" else nn.Identity()
        self.W_U = nn.Parameter(torch.zeros(d_model, num_symbols))

    def forward(self, tokens: Tensor, drop: Drop = keep_all) -> Tensor:
        """See ``Network.forward``."""
        num_positions, A = tokens.shape[-1], self._num_answers
        residual = self.W_E[tokens] + self.W_pos.to(self.W_E.dtype)
        for number, layer in enumerate(self.layers, start=1):
            residual = layer(residual, A if number == len(self.layers) else num_positions, drop)
        read = residual[:, -1] if A == 1 else residual[:, -A:]
        logits: Tensor = self.norm_last(read) @ self.W_U
        return logits

    def write_down(self, layers: Layers) -> bool:
        """See ``Network.write_down``."""
        learned = isinstance(self.W_pos, nn.Parameter)
        residual = layers.embed(
            "W_E", self.W_E.shape[1], positions="W_pos" if learned else self.W_pos
        )
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, Layer)
            last = self._num_answers if number == len(self.layers) else 0
            residual = layer.write_down(layers, f"layers.{number - 1}", residual, last)
        if isinstance(self.norm_last, _Normed):
            residual = layers.norm(residual, "norm_last.g_norm", "norm_last.b_norm")
        layers.linear(residual, "W_U", self.W_U.shape[1])
        return True
