"""Networks written down as layers on a CPU, in compiled code: ``layers.c``.

Any network with a ``write_down``: transformers of every depth and MLPs, with dropout, on tables
and on sequences.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, final, get_args

import numpy as np

from efficiency import networks
from efficiency.engines.binding import LOSSES, Code
from efficiency.engines.costs.base import Cost
from efficiency.engines.costs.members import LayeredCost
from efficiency.engines.members import MemberEngine, read_of
from efficiency.engines.support import ANY, EVERY_RUN, OPTIMISER, Support, unsupported_by_network
from efficiency.engines.trial import wrong_numbers
from efficiency.errors import InvalidInputError
from efficiency.networks import Network, Transformer
from efficiency.networks.layers import Kind, Layers, Written
from efficiency.networks.layers import Layer as WrittenLayer
from efficiency.operations import IntArray
from efficiency.settings import NetworkSettings, RunSettings, TaskBase, TaskSettings

VERSION = 4

_PROBED = 24
"""Examples on which a network is compared with what it has written down."""

_LOG = logging.getLogger(__name__)

_NONE = -1


class Array(ctypes.Structure):
    """Rows and columns of every example."""

    _fields_ = [("rows", ctypes.c_int32), ("width", ctypes.c_int32)]


class Layer(ctypes.Structure):
    """One layer, see ``networks.layers.Layer``; everything by number."""

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
        ("num_words", ctypes.c_int32),
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


def described(
    written: Written,
    shapes: Mapping[str, tuple[int, ...]],
    num_symbols: int,
    dropout: float,
    *,
    num_words: int | None = None,
    num_answers: int = 1,
) -> Shape:
    """Return a network as the code has it described, which indexes without looking.

    Args:
        written: The network.
        shapes: The shape of each parameter.
        num_symbols: S.
        dropout: The share that is dropped.
        num_words: Tokens that examples may have; default: S.
        num_answers: A.

    Raises:
        InvalidInputError: What is written down does not go with the parameters.
    """
    num_words = num_symbols if num_words is None else num_words
    _require_fitting(written, shapes, num_symbols, num_words, num_answers)
    names, kinds = list(shapes), get_args(Kind)
    tokens = [-1 - written.columns.index(t) if isinstance(t, str) else t for t in written.tokens]
    arrays = [Array(layer.writes.rows, layer.writes.width) for layer in written.layers]

    def number(name: str | None) -> int:
        return _NONE if name is None else names.index(name)

    def by_number(layer: WrittenLayer) -> Layer:
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
        (Layer * len(arrays))(*map(by_number, written.layers)),
        (ctypes.c_int64 * len(names))(*map(math.prod, shapes.values())),
        written.positions,
    )
    addresses = [ctypes.cast(array, ctypes.c_void_p) for array in held[:4]]
    shape = Shape(
        num_symbols,
        num_words,
        len(tokens),
        addresses[0],
        None if written.positions is None else written.positions.data_ptr(),
        len(arrays),
        len(arrays),
        len(names),
        *addresses[1:],
        dropout,
    )
    shape.held = held  # lives as long as the addresses
    return shape


def _require_fitting(
    written: Written,
    shapes: Mapping[str, tuple[int, ...]],
    num_symbols: int,
    num_words: int,
    num_answers: int,
) -> None:
    """Compare every layer with its parameters, tokens with the table, the last with S."""

    def require(place: int, name: str | None, *expected: tuple[int, ...]) -> None:
        kind = written.layers[place].kind
        if name is not None and shapes.get(name) not in expected:
            held = f"is {shapes[name]}" if name in shapes else "is no parameter of the network"
            raise InvalidInputError(
                f"layer {place} ({kind}) needs {name} to be {' or '.join(map(str, expected))}; "
                f"it {held}"
            )

    if not written.layers or (end := written.layers[-1].writes).rows != num_answers:
        some = "one row" if num_answers == 1 else f"{num_answers} rows"
        raise InvalidInputError(f"a network ends with {some} of logits for each example")
    if end.width != num_symbols or written.layers[-1].kind != "linear":
        raise InvalidInputError(
            f"a network ends with a linear layer of {num_symbols} columns; the last one is "
            f"{written.layers[-1].kind!r} with {end.width}"
        )
    T = len(written.tokens)
    for place, layer in enumerate(written.layers):
        width = layer.writes.width
        if layer.kind == "embed":
            M = width * layer.writes.rows // T
            highest = max([num_words - 1, *(t for t in written.tokens if isinstance(t, int))])
            rows = shapes.get(layer.weight or "", (0,))[0]
            require(place, layer.weight, (max(rows, highest + 1), M))
            require(place, layer.bias, (T, M))
            if written.positions is not None and tuple(written.positions.shape) != (T, M):
                raise InvalidInputError(
                    f"positions are {tuple(written.positions.shape)}, they must be {(T, M)}"
                )
        elif layer.kind == "linear":
            require(place, layer.weight, (layer.reads[0].width, width))
            require(place, layer.bias, (width,))
        elif layer.kind == "norm":
            require(place, layer.weight, (width,))
            require(place, layer.bias, (width,))


def _sizes() -> list[int]:
    sizes = map(ctypes.sizeof, (Shape, Array, Layer))
    return [VERSION, *sizes, len(get_args(Kind))]


def _wrong(code: ctypes.CDLL) -> str | None:
    """Every kind of layer, several chunks of examples, one answer and several."""
    S, T = 17, 9
    rng = np.random.default_rng(0)
    pairs = np.arange(S * S)[::2]
    operands = np.stack([pairs // S, pairs % S], axis=1)
    products = (operands.prod(axis=1, keepdims=True) + 1) % S
    sequences = rng.integers(S + 2, size=(90, T))
    tokens = [f"token {k}" for k in range(T)]
    for place, learned, layers, read, labels in (
        ("pre", True, Layers(("a", S + 1, "b", S)), operands, products),
        ("post", False, Layers(("a", S + 1, "b", S)), operands, products),
        ("none", True, Layers(tokens, tokens), sequences, sequences[:, 1:4] % S),
    ):
        network = Transformer(
            num_symbols=S,
            num_positions=len(layers.tokens),
            num_layers=2,
            d_model=12,
            num_heads=3,
            d_mlp=20,
            biases=learned,
            normalisation=place,  # type: ignore[arg-type]
            learned_positions=learned,
            num_tokens=S + 2,
            num_answers=labels.shape[1],
        )
        network.write_down(layers)
        if problem := _unlike_torch(
            code,
            network,
            layers.written(),
            read=read,
            labels=labels,
            num_symbols=S,
            num_words=S + 2,
            dropout=0.3,
        ):
            return problem
    return None


def _unlike_torch(
    code: ctypes.CDLL,
    network: Network,
    written: Written,
    *,
    read: IntArray,
    labels: IntArray,
    num_symbols: int,
    num_words: int,
    dropout: float,
) -> str | None:
    """Return how what the code makes of a network differs from what torch makes of it."""
    shapes = {name: tuple(value.shape) for name, value in network.named_parameters()}
    return wrong_numbers(
        code,
        described(
            written,
            shapes,
            num_symbols,
            dropout,
            num_words=num_words,
            num_answers=labels.shape[1],
        ),
        network,
        names=list(shapes),
        prompt=written.tokens,
        columns=written.columns,
        read=read,
        labels=labels,
        dropout=dropout,
    )


@functools.lru_cache(maxsize=64)
def _wrongly_written(task: TaskBase, network: NetworkSettings) -> str | None:
    """Return how a network differs from what it has written down, on a few examples."""
    some = np.unique(np.linspace(0, task.num_examples - 1, _PROBED).astype(int))
    try:
        written = networks.written_down(task, network)
        assert written is not None
        problem = _unlike_torch(
            CODE.library(),
            networks.network(task, network),
            written,
            read=read_of(task)[:, some].T.astype(np.int64),
            labels=task.targets[some],
            num_symbols=task.num_classes,
            num_words=_words(task),
            dropout=network.dropout_rate,
        )
    except InvalidInputError as error:
        problem = str(error)
    if problem is not None:
        _LOG.warning(
            "what %r writes down is not what its forward computes (%s); it is trained by tensor "
            "operations",
            network.architecture,
            problem,
        )
    return problem


def _words(task: TaskBase) -> int:
    """Return how many tokens examples may have."""
    return task.num_tokens if task.gives == "tokens" else task.num_classes


CODE = Code("layers.c", _sizes, lambda: get_args(Kind), _wrong)


@final
class LayeredEngine(MemberEngine):
    """See the module; arguments as ``Engine``."""

    CODE = CODE
    SORTED = False
    COST: ClassVar[Cost] = LayeredCost(lambda run: LayeredEngine.memory_bytes(run))  # noqa: PLW0108 - later

    SUPPORT: ClassVar[Support] = {
        **EVERY_RUN,
        **OPTIMISER,
        "loss": LOSSES,
        "network.architecture": ANY,
        "network.d_model": ANY,
        "network.dropout": ANY,
        "network.d_mlp": ANY,
        "network.precision": ("float32",),
        "recording.most_examples": ANY,
    }

    @classmethod
    def unsupported(cls, run: RunSettings) -> str | None:
        """See ``Engine.unsupported``; of its own settings an architecture says which it knows."""
        of_task = {f"task.{name}": ANY for name in type(run.task).model_fields}
        known = cls.SUPPORT if isinstance(run.task, TaskSettings) else {**cls.SUPPORT, **of_task}
        if problem := unsupported_by_network(run, known):
            return problem
        try:
            written = networks.written_down(run.task, run.network)
        except InvalidInputError:
            return None  # what is wrong with it is told once, when it is tried
        return (
            f"{run.network.architecture!r} is not written down as layers"
            if written is None
            else None
        )

    @classmethod
    def unfit(cls, run: RunSettings, device: str) -> str | None:
        """See ``Engine.unfit``."""
        return super().unfit(run, device) or _wrongly_written(run.task, run.network)

    @classmethod
    def shape(cls, run: RunSettings) -> ctypes.Structure:
        """See ``MemberEngine.shape``."""
        written = networks.written_down(run.task, run.network)
        assert written is not None
        return described(
            written,
            networks.shapes(run.task, run.network),
            run.task.num_classes,
            run.network.dropout_rate,
            num_words=_words(run.task),
            num_answers=run.task.num_answers,
        )

    def names(self) -> Sequence[str]:
        """See ``MemberEngine.names``."""
        return list(self.weights.views)
