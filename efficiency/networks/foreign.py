"""Weights of one-layer transformers that others trained, in the form that this project has them.

A state does not say which activation, normalisation or attention scale its network had, nor which
vocabulary stands for what: where in doubt compare logits with those of the original. Of weights
that are left out (the answer =, positions beyond the third) the norm is left out too.

Shapes: M = d_model, H heads of F = M / H, L = d_mlp, S symbols, V ≥ S tokens, C ≥ 3 positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor

from efficiency.errors import InvalidInputError
from efficiency.settings import OneLayerTransformerSettings

State = Mapping[str, npt.ArrayLike | Tensor]
"""Arrays by name, as ``module.state_dict()`` has them."""

Converted = tuple[OneLayerTransformerSettings, dict[str, np.ndarray]]
"""Settings of a network, and its weights by name."""

_BLOCK = "blocks.0"
_BUFFERS = ("mask", "IGNORE")
_POSITIONS = 3


def from_transformer_lens(state: State, num_symbols: int) -> Converted:
    """Convert the state of a one-layer ``HookedTransformer`` of TransformerLens.

    It must have ReLU, no normalisation (``normalization_type=None``), and read ``a b =`` with = as
    token S. Biases of attention and unembedding must be zero, as they are unless they were trained:
    this project's network has none. What it answers for = is left out: the answer is one of S.

    Args:
        state: (V, M) ``embed.W_E``, (C, M) ``pos_embed.W_pos``, (H, M, F) ``W_Q`` …, (H, F, M)
            ``W_O``, (M, L) ``W_in``, (L, M) ``W_out``, (M, V) ``unembed.W_U``, biases.
        num_symbols: S.

    Raises:
        InvalidInputError: It is not of such a network.
    """
    held = _Held(state, num_symbols)
    H, M, F = held.shape(f"{_BLOCK}.attn.W_Q", 3)
    for name in ("b_Q", "b_K", "b_V", "b_O"):
        held.require_zero(f"{_BLOCK}.attn.{name}")
    held.require_zero("unembed.b_U")

    def side_by_side(name: str) -> np.ndarray:
        return held.take(f"{_BLOCK}.attn.{name}", (H, M, F)).transpose(1, 0, 2).reshape(M, H * F)

    weights = {
        "W_E": held.tokens("embed.W_E", lambda W: W),
        "W_pos": held.positions("pos_embed.W_pos"),
        **{name: side_by_side(name) for name in ("W_Q", "W_K", "W_V")},
        "W_O": held.take(f"{_BLOCK}.attn.W_O", (H, F, M)).reshape(H * F, M),
        **held.mlp(lambda W: W),
        "W_U": held.answers("unembed.W_U"),
    }
    return held.finish(weights, H)


def from_progress_measures(state: State, num_symbols: int) -> Converted:
    """Convert the state of the transformer of Nanda et al. (2023, *Progress measures*).

    One layer, ReLU, without LayerNorm (``use_ln=False``), = as token p. What it answers for = is
    left out: the answer is one of S.

    Args:
        state: (M, V) ``embed.W_E``, (C, M) ``pos_embed.W_pos``, (H, F, M) ``W_Q``, ``W_K``,
            ``W_V``, (M, H·F) ``W_O``, (L, M) ``W_in``, (M, L) ``W_out``, (M, V) ``unembed.W_U``.
        num_symbols: S = p.

    Raises:
        InvalidInputError: It is not of such a network.
    """
    held = _Held(state, num_symbols)
    H, F, M = held.shape(f"{_BLOCK}.attn.W_Q", 3)

    def side_by_side(name: str) -> np.ndarray:
        return held.take(f"{_BLOCK}.attn.{name}", (H, F, M)).reshape(H * F, M).T

    weights = {
        "W_E": held.tokens("embed.W_E", lambda W: W.T),
        "W_pos": held.positions("pos_embed.W_pos"),
        **{name: side_by_side(name) for name in ("W_Q", "W_K", "W_V")},
        "W_O": held.take(f"{_BLOCK}.attn.W_O", (M, H * F)).T,
        **held.mlp(lambda W: W.T),
        "W_U": held.answers("unembed.W_U"),
    }
    return held.finish(weights, H)


class _Held:
    """Arrays of a state, each to be taken once: what is left over is not understood."""

    def __init__(self, state: State, num_symbols: int) -> None:
        arrays = {name: np.asarray(_on_cpu(value)) for name, value in state.items()}
        self._left = {
            name: array for name, array in arrays.items() if name.rpartition(".")[2] not in _BUFFERS
        }
        self._num_symbols = num_symbols

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        if name not in self._left or self._left[name].ndim != dimensions:
            there = ", ".join(sorted(self._left)) or "nothing"
            raise InvalidInputError(
                f"the state has no {name} of {dimensions} dimensions; it has {there}"
            )
        return self._left[name].shape

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        found = self.shape(name, len(shape))
        if found != shape:
            raise InvalidInputError(f"{name} has the shape {found}, and {shape} was expected")
        return self._left.pop(name)

    def require_zero(self, name: str) -> None:
        array = self._left.pop(name, None)
        if array is not None and np.any(array != 0):
            raise InvalidInputError(
                f"{name} is not zero, and this project's network has no such bias; measure the "
                "module itself, with efficiency.measure"
            )

    def tokens(self, name: str, turned: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        embedding = turned(self._left[name]) if name in self._left else np.zeros((0, 0))
        self.shape(name, 2)
        if embedding.shape[0] != self._num_symbols + 1:
            raise InvalidInputError(
                f"{name} is of {embedding.shape[0]} tokens, and {self._num_symbols} symbols and = "
                "were expected"
            )
        del self._left[name]
        return embedding

    def positions(self, name: str) -> np.ndarray:
        C, M = self.shape(name, 2)
        if C < _POSITIONS:
            raise InvalidInputError(f"{name} has {C} positions, and a b = takes {_POSITIONS}")
        return self.take(name, (C, M))[:_POSITIONS]

    def answers(self, name: str) -> np.ndarray:
        M, V = self.shape(name, 2)
        if self._num_symbols > V:
            raise InvalidInputError(f"{name} answers {V} tokens, fewer than {self._num_symbols}")
        return self.take(name, (M, V))[:, : self._num_symbols]

    def mlp(self, turned: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
        found = {}
        for name in ("W_in", "W_out", "b_in", "b_out"):
            dimensions = 2 if name.startswith("W") else 1
            array = self.take(
                f"{_BLOCK}.mlp.{name}", self.shape(f"{_BLOCK}.mlp.{name}", dimensions)
            )
            found[name] = turned(array) if dimensions == 2 else array
        return found

    def finish(self, weights: dict[str, np.ndarray], num_heads: int) -> Converted:
        if self._left:
            raise InvalidInputError(
                f"the state also has {', '.join(sorted(self._left))}, which a one-layer "
                "transformer without normalisation has not; measure the module itself, with "
                "efficiency.measure"
            )
        settings = OneLayerTransformerSettings(
            d_model=weights["W_E"].shape[1],
            num_heads=num_heads,
            d_mlp=weights["W_in"].shape[1],
            precision="float64" if weights["W_E"].dtype == np.float64 else "float32",
        )
        return settings, {name: np.ascontiguousarray(value) for name, value in weights.items()}


def _on_cpu(value: npt.ArrayLike | Tensor) -> npt.ArrayLike:
    """Return a tensor as numpy takes it."""
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    return value
