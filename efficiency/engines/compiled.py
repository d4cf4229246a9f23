"""One layer of attention and MLP on a CPU, in code of its own: ``one_layer_transformer.c``.

Its first layer is a weighted sum of rows that depend on one symbol each, so that an example costs a
fraction of what it would in a network of layers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np

from efficiency.engines.binding import LOSSES, Code
from efficiency.engines.costs.members import OneLayerCost
from efficiency.engines.members import MemberEngine
from efficiency.engines.support import ANY, EVERY_RUN, OPTIMISER, Support
from efficiency.engines.trial import wrong_numbers
from efficiency.networks import OneLayerTransformer
from efficiency.settings import RunSettings, TransformerSettings

VERSION = 4

PARAMETERS = (
    *("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O"),
    *("W_in", "b_in", "W_out", "b_out", "W_U"),
)


class Shape(ctypes.Structure):
    """S, M, H and L."""

    _fields_ = [(name, ctypes.c_int32) for name in ("symbols", "d_model", "heads", "d_mlp")]


def _sizes() -> list[int]:
    return [VERSION, ctypes.sizeof(Shape), len(PARAMETERS)]


def _wrong(code: ctypes.CDLL) -> str | None:
    """Several chunks of examples and whole squares of vectors."""
    S, M, H, L = 13, 32, 4, 20
    pairs = np.arange(S * S)[::2]
    network = OneLayerTransformer(num_symbols=S, d_model=M, num_heads=H, d_mlp=L)
    return wrong_numbers(
        code,
        Shape(S, M, H, L),
        network,
        names=PARAMETERS,
        prompt=("a", "b", S),
        columns=("a", "b"),
        read=np.stack([pairs // S, pairs % S], axis=1),
        labels=((pairs // S * (pairs % S) + 1) % S)[:, None],
    )


CODE = Code("one_layer_transformer.c", _sizes, lambda: PARAMETERS, _wrong)


@final
class CompiledEngine(MemberEngine):
    """See the module; arguments as ``Engine``."""

    CODE = CODE
    SORTED = True
    COST: ClassVar[OneLayerCost] = OneLayerCost(lambda run: CompiledEngine.memory_bytes(run))  # noqa: PLW0108 - later

    SUPPORT: ClassVar[Support] = {
        **EVERY_RUN,
        **OPTIMISER,
        "loss": LOSSES,
        "network.architecture": ("one-layer-transformer", "transformer"),
        "network.d_model": ANY,
        "network.d_mlp": ANY,
        "network.num_heads": ANY,
        "network.precision": ("float32",),
        "network.num_layers": (1,),
        "network.normalisation": ("none",),
        "network.biases": (True,),
        "network.positions": ("learned",),
        "network.prompt": ("a b =",),
        "network.dropout": (0.0,),
    }

    @classmethod
    def shape(cls, run: RunSettings) -> ctypes.Structure:
        """See ``MemberEngine.shape``."""
        n = run.network
        num_symbols = run.task.num_classes
        return Shape(num_symbols, n.d_model, getattr(n, "num_heads"), n.d_mlp)  # noqa: B009

    def names(self) -> Sequence[str]:
        """See ``MemberEngine.names``."""
        if not isinstance(self.members[0].network, TransformerSettings):
            return PARAMETERS
        outside = ("W_E", "W_pos", "W_U")
        return tuple(name if name in outside else f"layers.0.{name}" for name in PARAMETERS)
