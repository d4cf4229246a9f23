"""What Python hands over to the C code, and the tests that a compiled library must pass first.

Everything here stands in ``one_layer_transformer.c`` too. Sizes and names are compared when the
library is loaded, and what it computes with the textbook network: nothing is handed to code that
means something else.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from efficiency.engines import compiling
from efficiency.errors import InvalidInputError
from efficiency.measurements import PARTS
from efficiency.models import OneLayerTransformer

VERSION = 2

PARAMETERS = (
    *("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O"),
    *("W_in", "b_in", "W_out", "b_out", "W_U"),
)
READINGS = ("loss", "accuracy", "log_odds", "margin", "centred_logit")

Integers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

Pointers = ctypes.c_void_p * len(PARAMETERS)


class Shape(ctypes.Structure):
    """S, M, H and L."""

    _fields_ = [(name, ctypes.c_int32) for name in ("symbols", "d_model", "heads", "d_mlp")]


class Examples(ctypes.Structure):
    """Pairs with labels, sorted by the first operand."""

    _fields_ = [
        ("count", ctypes.c_int32),
        ("left", ctypes.c_void_p),
        ("right", ctypes.c_void_p),
        ("labels", ctypes.c_void_p),
    ]


class Member(ctypes.Structure):
    """Weights and moments of one network."""

    _fields_ = [("weights", Pointers), ("first", Pointers), ("second", Pointers)]


class Rule(ctypes.Structure):
    """How a member is trained, the same at every update."""

    _fields_ = [
        ("beta2", ctypes.c_float),
        ("epsilon", ctypes.c_float),
        ("one_minus_1", ctypes.c_float),
        ("one_minus_2", ctypes.c_float),
        ("penalty", ctypes.c_float),
        ("weight_noise", ctypes.c_float),
        ("norm", ctypes.c_double),
        ("target", Pointers),
        ("stream", ctypes.c_int32 * len(PARAMETERS)),
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
        *((name, np.int64) for name in ("weight_key", "update_key")),
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


class ExampleSet:
    """Examples for the C code, sorted by their first operand, and the memory that they lie in.

    Args:
        columns: First operands, second operands, labels.
        shape: Of the network that will see them.

    Raises:
        InvalidInputError: One of them is no symbol, or they are not sorted.
    """

    def __init__(self, columns: Sequence[Integers], shape: Shape) -> None:
        left, right, labels = columns
        # The C code indexes without looking.
        assert len(left) == len(right) == len(labels)
        assert left.dtype == right.dtype == labels.dtype == np.int32
        self._held = (left, right, labels)
        self.argument = Examples(len(left), *(column.ctypes.data for column in self._held))
        at = library().first_unfit(ctypes.byref(shape), ctypes.byref(self.argument))
        if at >= 0:
            raise InvalidInputError(
                f"example {at} is a = {left[at]}, b = {right[at]} with label {labels[at]}; "
                f"all three must be among the symbols 0 … {shape.symbols - 1}, and a not below "
                "that of the example before"
            )


@functools.lru_cache(maxsize=1)
def compiled() -> compiling.Library:
    """Return the compiled library and what made it.

    Raises:
        compiling.CompilerError: There is none to be had here.
    """
    return compiling.load(problem_of)


def library() -> ctypes.CDLL:
    """Return the compiled library, whose functions may be called; raises like ``compiled``."""
    return _declared(compiled().code)


@functools.lru_cache(maxsize=1)
def problem() -> str | None:
    """Return why there is no compiled library, ``None`` if there is one."""
    try:
        compiled()
    except compiling.CompilerError as error:
        return str(error)
    return None


def description() -> str:
    """Return with what the library was compiled, or why there is none, for the provenance."""
    return problem() or str(compiled())


def _declared(code: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library with the types of what its functions return."""
    code.gradient.restype = code.advance.restype = ctypes.c_double
    code.memory_floats.restype = ctypes.c_size_t
    code.measure.restype = None
    code.names.restype = ctypes.c_char_p
    code.layout.restype = code.first_unfit.restype = ctypes.c_int32
    return code


def problem_of(code: ctypes.CDLL) -> str | None:
    """Return why a library must not be used, ``None`` if it does what it should."""
    _declared(code)
    return _other_meaning(code) or _wrong_numbers(code)


def _other_meaning(code: ctypes.CDLL) -> str | None:
    expected = [
        VERSION,
        *map(ctypes.sizeof, (Shape, Examples, Member, Rule)),
        UPDATE.itemsize,
        ctypes.sizeof(Minibatches),
        *map(len, (PARAMETERS, READINGS, PARTS)),
    ]
    found = (ctypes.c_int32 * max(code.layout(None), 1))()
    code.layout(found)
    if list(found) != expected:
        return f"its sizes are {list(found)}, those of this package {expected}"
    names = " / ".join(" ".join(some) for some in (PARAMETERS, READINGS)).split()
    if (held := (code.names() or b"").decode("ascii", "replace").split()) != names:
        return f"it numbers {held}, this package {names}"
    return None


def _wrong_numbers(code: ctypes.CDLL) -> str | None:
    """Return how what the code makes of a small network differs from the textbook network.

    Several chunks of examples and whole squares of vectors; gradients, two updates, measuring, and
    a weight that is not a number, which must be heard of.
    """
    S, M, H, L = 13, 32, 4, 20
    network = OneLayerTransformer(num_symbols=S, d_model=M, num_heads=H, d_mlp=L)
    network.initialise(torch.Generator().manual_seed(0))
    pairs_D = torch.arange(S * S)[::2]
    left_D, right_D = pairs_D // S, pairs_D % S
    labels_D = (left_D * right_D + 1) % S
    weights = [network.get_parameter(name).detach().clone() for name in PARAMETERS]
    network.double()
    tokens = torch.stack([left_D, right_D, torch.full_like(left_D, S)], dim=-1)

    shape = Shape(S, M, H, L)
    columns = [column.numpy().astype(np.int32) for column in (left_D, right_D, labels_D)]
    examples = Examples(len(pairs_D), *(column.ctypes.data for column in columns))
    found, first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(3))
    stacks = (weights, first, second)
    member = Member(*(Pointers(*[tensor.data_ptr() for tensor in some]) for some in stacks))
    gradients = Pointers(*[tensor.data_ptr() for tensor in found])
    work = memory(code.memory_floats(ctypes.byref(shape)))
    arguments = [*map(ctypes.byref, (shape, member, examples))]

    computed = code.gradient(*arguments, gradients, address(work))
    loss = F.cross_entropy(network(tokens), labels_D)
    loss.backward()  # type: ignore[no-untyped-call]
    if not abs(computed - loss.item()) < 1e-5 * loss.item():
        return f"the loss of a small network came out as {computed}, not {loss.item()}"
    for name, gradient in zip(PARAMETERS, found, strict=True):
        expected = network.get_parameter(name).grad
        assert expected is not None
        if not torch.allclose(gradient.double(), expected, rtol=1e-3, atol=1e-5):
            return f"the gradient of {name} of a small network came out wrong"

    # A large epsilon, so that the rounding of small gradients is not divided by itself.
    rate, epsilon = 1e-2, 1e-2
    adamw = torch.optim.AdamW(
        network.parameters(), lr=rate, betas=(0.9, 0.98), eps=epsilon, weight_decay=1.0
    )
    numbers = np.zeros(2, dtype=UPDATE)
    for t in (1, 2):
        bias1, bias2 = 1 - 0.9**t, 1 - 0.98**t
        numbers[t - 1] = (1 - rate, rate / bias1, bias2**0.5, 0, 0, 0)
        adamw.zero_grad()
        F.cross_entropy(network(tokens), labels_D).backward()  # type: ignore[no-untyped-call]
        adamw.step()
    rule, batches = Rule(0.98, epsilon, 0.1, 0.02), Minibatches()
    training = [*map(ctypes.byref, (rule, batches)), address(numbers)]
    peak = code.advance(*arguments, *training, ctypes.c_int64(2), address(work))
    if not peak >= 0.999 * computed:
        return f"the largest loss came out as {peak}, below the first, {computed}"
    for name, weight in zip(PARAMETERS, weights, strict=True):
        if not torch.allclose(weight.double(), network.get_parameter(name), rtol=1e-4, atol=1e-5):
            return f"{name} of a small network came out wrong after two updates"

    parts = np.ones(len(pairs_D), dtype=np.uint8)
    sums, squares = np.zeros((len(PARTS), len(READINGS))), np.zeros(len(PARAMETERS))
    code.measure(*arguments, address(parts), address(sums), address(squares), address(work))
    loss = F.cross_entropy(network(tokens), labels_D)
    if not abs(sums[0, 0] / len(pairs_D) - loss.item()) < 1e-4 * loss.item():
        return f"a loss was measured as {sums[0, 0] / len(pairs_D)}, not {loss.item()}"

    weights[0][0, 0] = torch.nan
    if code.advance(*arguments, *training, ctypes.c_int64(1), address(work)) != float("inf"):
        return "a weight that is not a number was not noticed"
    return None
