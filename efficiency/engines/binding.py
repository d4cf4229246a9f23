"""What Python hands over to the C code, whatever its networks, and how that is loaded.

Everything here stands in ``training.h`` and ``losses.h`` too. Sizes and names are compared when a
library is loaded, and what it computes with a textbook network: nothing is handed to code that
means something else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from efficiency.engines import compiling
from efficiency.errors import InvalidInputError
from efficiency.measurements import PARTS

LOSSES = ("log-odds", "stablemax")
"""The losses that the C code has, by their number."""

ORTHOGONAL = (None, "each", "whole")
"""What a gradient may be made orthogonal to, likewise."""

METHODS = (None, "gradient-descent")
"""How weights follow from gradients, likewise."""

READINGS = ("loss", "accuracy", "log_odds", "margin", "centred_logit")

UPDATES_AT_ONCE = 256
"""Updates in one call: enough to make calls free, few enough for an interrupt to be heard."""

DRAWN_AT_ONCE = 2**21
"""Examples of the minibatches of one call, which are held with what they are ordered by."""


def updates_at_once(batch_size: int | None) -> int:
    """Return how many updates are made in one call."""
    return max(1, min(UPDATES_AT_ONCE, DRAWN_AT_ONCE // (batch_size or 1)))


Integers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


class Examples(ctypes.Structure):
    """Examples with labels, see the C code."""

    _fields_ = [
        ("count", ctypes.c_int32),
        ("num_read", ctypes.c_int32),
        ("num_asked", ctypes.c_int32),
        ("step", ctypes.c_int32),
        ("read", ctypes.c_void_p),
        ("labels", ctypes.c_void_p),
    ]

    @classmethod
    def of(cls, read_ID: Integers, labels_DA: Integers) -> Examples:
        """Return examples that lie in these arrays, which must live as long.

        Args:
            read_ID: What is read: both operands, or every token of a sequence, a row for each.
            labels_DA: The answers.
        """
        # The C code indexes without looking.
        assert read_ID.dtype == labels_DA.dtype == np.int32
        assert read_ID.flags.c_contiguous
        assert labels_DA.flags.c_contiguous
        (num_read, count), (same, num_asked) = read_ID.shape, labels_DA.shape
        assert count == same
        addresses = (read_ID.ctypes.data, labels_DA.ctypes.data)
        return cls(count, num_read, num_asked, count, *addresses)


class Parameter(ctypes.Structure):
    """One array of a member's weights, its moments, and what decay goes towards."""

    _fields_ = [
        ("count", ctypes.c_int64),
        ("weight", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("stream", ctypes.c_int64),
    ]


class Rule(ctypes.Structure):
    """How a member is trained, the same at every update."""

    _fields_ = [
        ("beta2", ctypes.c_float),
        ("epsilon", ctypes.c_float),
        ("one_minus_1", ctypes.c_float),
        ("one_minus_2", ctypes.c_float),
        ("penalty", ctypes.c_float),
        ("weight_noise", ctypes.c_float),
        ("loss", ctypes.c_int32),
        ("orthogonal", ctypes.c_int32),
        ("method", ctypes.c_int32),
        ("norm", ctypes.c_double),
    ]


class Minibatches(ctypes.Structure):
    """Which examples each update takes."""

    _fields_ = [
        ("size", ctypes.c_int32),
        ("chosen", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
    ]


UPDATE = np.dtype(
    [
        *((name, np.float32) for name in ("keep", "step", "root_bias2", "noise")),
        *((name, np.int64) for name in ("weight_key", "update_key", "dropout_key")),
    ]
)
"""The numbers of one update."""


def address(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    """Return where an array lies, which must live as long as the address is used."""
    return ctypes.c_void_p(array.ctypes.data)


def memory(num_floats: int) -> Floats:
    """Return memory that begins at a whole line of the cache, as the C code wants it."""
    held = np.empty(num_floats + 16, dtype=np.float32)
    begin = -held.ctypes.data % 64 // held.itemsize
    return held[begin : begin + num_floats]


class Code:
    """A library of compiled code for one kind of networks.

    Args:
        source: The name of its C file.
        sizes: Returns its version and the sizes that it alone has, as ``layout`` of the C code.
        names: Returns what it numbers, in its order, before the readings.
        wrong: Says what is wrong with the numbers that a library computes.
    """

    def __init__(
        self,
        source: str,
        sizes: Callable[[], Sequence[int]],
        names: Callable[[], Sequence[str]],
        wrong: Callable[[ctypes.CDLL], str | None],
    ) -> None:
        self.source: Path = compiling.FOLDER / source
        self._sizes, self._names, self._wrong = sizes, names, wrong
        self._held: compiling.Library | compiling.CompilerError | None = None

    def compiled(self) -> compiling.Library:
        """Return the compiled library and what made it; it is looked for once.

        Raises:
            compiling.CompilerError: There is none to be had here.
        """
        if self._held is None:
            try:
                self._held = compiling.load(self.source, self.problem_of)
            except compiling.CompilerError as error:
                self._held = error
        if isinstance(self._held, compiling.CompilerError):
            raise self._held
        return self._held

    def forget(self) -> None:
        """Look for the library anew the next time."""
        self._held = None

    def library(self) -> ctypes.CDLL:
        """Return the library, whose functions may be called; raises like ``compiled``."""
        return _declared(self.compiled().code)

    def problem(self) -> str | None:
        """Return why there is no compiled library, ``None`` if there is one."""
        try:
            self.compiled()
        except compiling.CompilerError as error:
            return str(error)
        return None

    def description(self) -> str:
        """Return with what the library was compiled, or why there is none, for the provenance."""
        return self.problem() or str(self.compiled())

    def problem_of(self, code: ctypes.CDLL) -> str | None:
        """Return why a library must not be used, ``None`` if it does what it should."""
        return self.other_meaning(_declared(code)) or self._wrong(code)

    def other_meaning(self, code: ctypes.CDLL) -> str | None:
        """Return how sizes or names of a library differ from those here."""
        expected = [
            *self._sizes(),
            *map(ctypes.sizeof, (Examples, Parameter, Rule)),
            UPDATE.itemsize,
            ctypes.sizeof(Minibatches),
            *map(len, (READINGS, PARTS, LOSSES)),
        ]
        found = (ctypes.c_int32 * max(code.layout(None), 1))()
        code.layout(found)
        if list(found) != expected:
            return f"its sizes are {list(found)}, those of this package {expected}"
        losses = [name.replace("-", "_") for name in LOSSES]
        names = [*self._names(), "/", *READINGS, "/", *losses]
        if (held := (code.names() or b"").decode("ascii", "replace").split()) != names:
            return f"it numbers {held}, this package {names}"
        return None


def _declared(code: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the types of what its functions return."""
    code.gradient.restype = code.advance.restype = ctypes.c_double
    code.memory_floats.restype = ctypes.c_size_t
    code.measure.restype = None
    code.names.restype = ctypes.c_char_p
    code.layout.restype = code.first_unfit.restype = ctypes.c_int32
    return code


class ExampleSet:
    """Examples for the C code, and the memory that they lie in.

    Args:
        read_ID: See ``Examples.of``.
        labels_DA: Likewise.
        code: Of the networks that will see them.
        shape: Of these networks.
        num_symbols: S.

    Raises:
        InvalidInputError: A label is no class, what is read no token, or they are not in the order
            that is wanted.
    """

    def __init__(
        self,
        read_ID: Integers,
        labels_DA: Integers,
        code: Code,
        shape: ctypes.Structure,
        num_symbols: int,
    ) -> None:
        self._held = (read_ID, labels_DA)
        self.argument = Examples.of(read_ID, labels_DA)
        at = code.library().first_unfit(ctypes.byref(shape), ctypes.byref(self.argument))
        if at >= 0:
            raise InvalidInputError(
                f"example {at} reads {read_ID[:, at].tolist()} and has the label "
                f"{labels_DA[at].tolist()}; labels must be among the symbols 0 … "
                f"{num_symbols - 1}, what is read among the tokens of the network, and, where "
                "examples are sorted, the first number not below that of the example before"
            )
