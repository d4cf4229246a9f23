"""Networks written down as layers on a CPU, in compiled code: ``layers.c``.

Any network with a ``write_down``: transformers of every depth and MLPs, with dropout.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, ClassVar, final, get_args

import torch

from efficiency import models, tasks
from efficiency.engines.binding import Code
from efficiency.engines.members import MemberEngine
from efficiency.engines.support import ADAMW, ANY, EVERY_RUN, Support, unsupported
from efficiency.engines.trial import wrong_numbers
from efficiency.models.layers import Kind, Layers
from efficiency.models.transformer import Transformer
from efficiency.settings import RunSettings

VERSION = 1

_NONE = -1
_OPERANDS = {"a": -1, "b": -2}


class Array(ctypes.Structure):
    """Rows and columns of every example."""

    _fields_ = [("rows", ctypes.c_int32), ("width", ctypes.c_int32)]


class Layer(ctypes.Structure):
    """One layer, see ``models.layers.Layer``; everything by number."""

    _fields_ = [
        ("kind", ctypes.c_int32),
        ("reads", ctypes.c_int32 * 3),
        ("writes", ctypes.c_int32),
        ("weight", ctypes.c_int32),
        ("bias", ctypes.c_int32),
        ("option", ctypes.c_int32),
    ]


class Shape(ctypes.Structure):
    """A network, see the C code."""

    _fields_ = [
        ("num_symbols", ctypes.c_int32),
        ("num_tokens", ctypes.c_int32),
        ("tokens", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("num_arrays", ctypes.c_int32),
        ("num_layers", ctypes.c_int32),
        ("num_parameters", ctypes.c_int32),
        ("arrays", ctypes.c_void_p),
        ("layers", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("dropped", ctypes.c_float),
    ]


def described(layers: Layers, sizes: dict[str, int], num_symbols: int, dropout: float) -> Shape:
    """Return a network as the code has it described.

    Args:
        layers: The network.
        sizes: How many numbers each parameter has.
        num_symbols: S.
        dropout: The share that is dropped.
    """
    names, kinds = list(sizes), get_args(Kind)
    tokens = [_OPERANDS[t] if isinstance(t, str) else t for t in layers.tokens]
    arrays = [Array(layer.writes.rows, layer.writes.width) for layer in layers.layers]

    def number(name: str | None) -> int:
        return _NONE if name is None else names.index(name)

    def by_number(layer: Any) -> Layer:
        reads = [read.place for read in layer.reads] + [_NONE] * 3
        return Layer(
            kinds.index(layer.kind),
            (ctypes.c_int32 * 3)(*reads[:3]),
            layer.writes.place,
            number(layer.weight),
            number(layer.bias),
            layer.option,
        )

    held = (
        (ctypes.c_int32 * len(tokens))(*tokens),
        (Array * len(arrays))(*arrays),
        (Layer * len(arrays))(*map(by_number, layers.layers)),
        (ctypes.c_int64 * len(names))(*sizes.values()),
        layers.positions,
    )
    addresses = [ctypes.cast(array, ctypes.c_void_p) for array in held[:4]]
    shape = Shape(
        num_symbols,
        len(tokens),
        addresses[0],
        None if layers.positions is None else layers.positions.data_ptr(),
        len(arrays),
        len(arrays),
        len(names),
        *addresses[1:],
        dropout,
    )
    shape.held = held  # lives as long as the addresses
    return shape


def _sizes() -> list[int]:
    sizes = map(ctypes.sizeof, (Shape, Array, Layer))
    return [VERSION, *sizes, len(get_args(Kind))]


def _wrong(code: ctypes.CDLL) -> str | None:
    """Every kind of layer but dropout, which tests hold to the other engine."""
    S = 7
    for place, learned in (("pre", True), ("post", False)):
        network = Transformer(
            num_symbols=S,
            num_positions=4,
            num_layers=2,
            d_model=12,
            num_heads=3,
            d_mlp=20,
            biases=learned,
            normalisation=place,  # type: ignore[arg-type]
            learned_positions=learned,
        )
        layers = Layers(("a", S + 1, "b", S))
        network.write_down(layers)
        sizes = {name: value.numel() for name, value in network.named_parameters()}
        shape = described(layers, sizes, S, 0.0)
        problem = wrong_numbers(
            code, shape, network, names=list(sizes), prompt=layers.tokens, num_symbols=S
        )
        if problem:
            return problem
    return None


CODE = Code("layers.c", _sizes, lambda: get_args(Kind), _wrong)


@final
class LayeredEngine(MemberEngine):
    """See the module; arguments as ``Engine``."""

    CODE = CODE
    SORTED = False

    SUPPORT: ClassVar[Support] = {
        **EVERY_RUN,
        **ADAMW,
        "loss": ("log-odds",),
        "network.architecture": tuple(models.ARCHITECTURES),
        "network.d_model": ANY,
        "network.d_mlp": ANY,
        "network.precision": ("float32",),
    }

    @classmethod
    def unfit(cls, run: RunSettings, device: str) -> str | None:
        """See ``Engine.unfit``; of its own settings an architecture says which it knows."""
        if device != "cpu":
            return f"it works on a CPU, the device is {device!r}"
        architecture = models.ARCHITECTURES.get(run.network.architecture)
        own = () if architecture is None else architecture.knows
        known = {**cls.SUPPORT, **{f"network.{name}": ANY for name in own}}
        if problem := unsupported(run, known):
            return problem
        if models.layers(run.task, run.network) is None:
            return (
                f"network.architecture {run.network.architecture!r} is not written down as layers"
            )
        return cls.CODE.problem()

    @classmethod
    def shape(cls, run: RunSettings) -> ctypes.Structure:
        """See ``MemberEngine.shape``."""
        layers = models.layers(run.task, run.network)
        assert layers is not None
        shapes = models.shapes(run.task, run.network)
        sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
        num_symbols = tasks.num_symbols(run.task.operation, run.task.size)
        return described(layers, sizes, num_symbols, run.network.dropout_rate)

    def names(self) -> Sequence[str]:
        """See ``MemberEngine.names``."""
        return list(self.weights.views)
