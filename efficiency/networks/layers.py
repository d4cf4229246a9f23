"""A network written down as a list of layers, for engines that compute it without torch.

Each layer reads arrays and writes a new one. An array has some rows for each example, positions of
a sequence or a single one, all of one width. Where a layer has fewer rows to write than an array
that it reads, it reads the last ones. The list says the same as the network's ``forward``: an
engine compares the gradients of both before it trains such a network.

Shapes: D examples, T positions, R rows, M = d_model, S symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from efficiency.errors import InvalidInputError

Kind = Literal["embed", "linear", "attend", "add", "norm", "drop"]

OPERANDS = ("a", "b")
"""What an example of a table consists of."""


@dataclass(frozen=True)
class Array:
    """Numbers of every example.

    Attributes:
        place: Its number among the arrays.
        rows: R.
        width: Columns.
    """

    place: int
    rows: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer.

    Attributes:
        kind: What it does.
        reads: The arrays that it reads.
        writes: The array that it writes.
        weight: Name of its first parameter.
        bias: Name of its second.
        option: ``linear``: whether rectified; ``attend``: heads; ``drop``: its number.
    """

    kind: Kind
    reads: tuple[Array, ...]
    writes: Array
    weight: str | None = None
    bias: str | None = None
    option: int = 0


@dataclass(frozen=True, kw_only=True)
class Written:
    """A network that has been written down.

    Attributes:
        tokens: What it reads of an example: ``columns`` of it, and the numbers of constants.
        columns: What an example consists of, in its order.
        positions: (T, M) added to the embeddings, if positions are not learned.
        layers: The layers, in their order; the last one writes the logits, (D, A, S).
    """

    tokens: tuple[str | int, ...]
    columns: tuple[str, ...]
    positions: Tensor | None
    layers: tuple[Layer, ...]


@final
class Layers:
    """A list of layers to be written; each method adds one and returns what that writes.

    Args:
        tokens: What the network reads of an example, see ``Written``.
        columns: Likewise; default: its operands.
    """

    def __init__(self, tokens: Sequence[str | int], columns: Sequence[str] = OPERANDS) -> None:
        self.tokens, self.columns = tuple(tokens), tuple(columns)
        self._positions: Tensor | None = None
        self._layers: list[Layer] = []

    def written(self) -> Written:
        """Return what has been written."""
        return Written(
            tokens=self.tokens,
            columns=self.columns,
            positions=self._positions,
            layers=tuple(self._layers),
        )

    def _add(
        self,
        kind: Kind,
        reads: Sequence[Array],
        *,
        rows: int,
        width: int,
        weight: str | None = None,
        bias: str | None = None,
        option: int = 0,
    ) -> Array:
        written = Array(len(self._layers), rows, width)
        # The C code knows the last rows of an array.
        given = reads[:1] if kind == "attend" else reads
        if unfit := [read.rows for read in given if not 1 <= rows <= read.rows]:
            raise InvalidInputError(f"{kind} reads {unfit[0]} rows and cannot write {rows}")
        self._layers.append(
            Layer(
                kind=kind,
                reads=tuple(reads),
                writes=written,
                weight=weight,
                bias=bias,
                option=option,
            )
        )
        return written

    def embed(
        self, weight: str, width: int, *, positions: str | Tensor | None = None, flat: bool = False
    ) -> Array:
        """Look up each token, and add its position.

        Args:
            weight: The table of embeddings, (tokens, width).
            width: M.
            positions: The name of learned ones, (T, M), or fixed ones.
            flat: Whether the T tokens stand side by side in one row, instead of a row each.

        Raises:
            InvalidInputError: Something was embedded before.
        """
        if self._layers:
            raise InvalidInputError("a network embeds its tokens once, before all else")
        if isinstance(positions, Tensor):
            self._positions = positions.detach().to(torch.float32).contiguous()
        T = len(self.tokens)
        rows, columns = (1, T * width) if flat else (T, width)
        name = positions if isinstance(positions, str) else None
        return self._add("embed", (), rows=rows, width=columns, weight=weight, bias=name)

    def linear(
        self,
        read: Array,
        weight: str,
        width: int,
        *,
        bias: str | None = None,
        rectified: bool = False,
        last: int = 0,
    ) -> Array:
        """Multiply rows by a matrix (columns read, width), add a bias, and cut off below 0 or not.

        Args:
            read: What is multiplied.
            weight: The matrix.
            width: Columns that are written.
            bias: A vector of so many.
            rectified: Whether a ReLU follows.
            last: How many of the last rows are read, if not all.
        """
        rows = int(last) or read.rows
        return self._add(
            "linear",
            (read,),
            rows=rows,
            width=width,
            weight=weight,
            bias=bias,
            option=int(rectified),
        )

    def attend(self, query: Array, key: Array, value: Array, num_heads: int) -> Array:
        """Attend to rows up to one's own, where queries are of the last rows that there are.

        Args:
            query: Of every head side by side.
            key: Likewise.
            value: Likewise.
            num_heads: Heads; scores are divided by the root of the columns of one.

        Raises:
            InvalidInputError: Widths, rows or heads do not go together.
        """
        reads = (query, key, value)
        if len({array.width for array in reads}) > 1 or key.rows != value.rows:
            raise InvalidInputError(
                "query, key and value must be of one width, key and value of as many rows"
            )
        if query.rows > key.rows:
            raise InvalidInputError(f"{query.rows} queries cannot attend to {key.rows} positions")
        if num_heads < 1 or query.width % num_heads:
            raise InvalidInputError(f"{num_heads} heads do not divide a width of {query.width}")
        return self._add("attend", reads, rows=query.rows, width=query.width, option=num_heads)

    def add(self, left: Array, right: Array) -> Array:
        """Add two arrays; of one with more rows its last ones.

        Raises:
            InvalidInputError: They are not of one width.
        """
        if left.width != right.width:
            raise InvalidInputError(
                f"arrays of {left.width} and {right.width} columns cannot be added"
            )
        rows = min(left.rows, right.rows)
        return self._add("add", (left, right), rows=rows, width=left.width)

    def norm(self, read: Array, gain: str, bias: str) -> Array:
        """Normalise each row to mean 0 and variance 1 (ε = 1e-5), times a gain, plus a bias."""
        return self._add("norm", (read,), rows=read.rows, width=read.width, weight=gain, bias=bias)

    def drop(self, read: Array) -> Array:
        """Set a share of the numbers to 0 in training, from a stream of its own."""
        number = sum(layer.kind == "drop" for layer in self._layers)
        return self._add("drop", (read,), rows=read.rows, width=read.width, option=number)
