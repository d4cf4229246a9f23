"""The one-layer transformer on a CPU: each member by itself, in compiled code.

A network of these sizes fits into a core's own cache, while stacked members do not; so members take
turns, many updates each, and threads share out the members. What a member becomes depends on
nothing but its settings, to the last bit.

Shapes: K members, N pairs of the table, Q quantities.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency import tasks
from efficiency.engines import compiling
from efficiency.engines.base import Engine
from efficiency.ensemble import Stack, labels, part_masks
from efficiency.measurements import PARTS
from efficiency.optimiser import learning_rate_factor
from efficiency.settings import OneLayerTransformerSettings, OptimiserSettings, RunSettings

# The order in which the C code numbers them.
_PARAMETERS = (
    *("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O"),
    *("W_in", "b_in", "W_out", "b_out", "W_U"),
)
_READINGS = ("loss", "accuracy", "log_odds", "margin", "centred_logit")

_UPDATES_AT_ONCE = 256
"""Updates in one call: enough to make calls free, few enough for an interrupt to be heard."""

_Pointers = ctypes.c_void_p * len(_PARAMETERS)
_Integers = npt.NDArray[np.int32]


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("symbols", "d_model", "heads", "d_mlp")]


class _Examples(ctypes.Structure):
    _fields_ = [
        ("count", ctypes.c_int32),
        ("left", ctypes.c_void_p),
        ("right", ctypes.c_void_p),
        ("labels", ctypes.c_void_p),
    ]


class _Member(ctypes.Structure):
    _fields_ = [("weights", _Pointers), ("first", _Pointers), ("second", _Pointers)]


class _AdamW(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_float) for name in ("beta2", "epsilon", "one_minus_1", "one_minus_2")
    ]


def _code() -> ctypes.CDLL:
    code = compiling.library()
    code.gradient.restype = code.advance.restype = ctypes.c_double
    code.memory_floats.restype = ctypes.c_size_t
    code.measure.restype = None
    return code


def _pointers(stack: Stack, member: int) -> ctypes.Array[ctypes.c_void_p]:
    return _Pointers(*[stack.views[name][member].data_ptr() for name in _PARAMETERS])


def _address(array: npt.NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@final
class _ExampleSet:
    """Examples for the C code, sorted by its first operand, and the memory that they lie in."""

    def __init__(self, left: _Integers, right: _Integers, labels: _Integers) -> None:
        # The C code indexes without looking.
        assert len(left) == len(right) == len(labels)
        assert left.dtype == right.dtype == labels.dtype == np.int32
        self._held = (left, right, labels)
        self.argument = _Examples(len(left), *(column.ctypes.data for column in self._held))


def memory_bytes(run: RunSettings) -> int:
    """Return what one thread works in, apart from the members themselves."""
    return 4 * int(_code().memory_floats(ctypes.byref(_shape(run))))


def _shape(run: RunSettings) -> _Shape:
    n = run.network
    assert isinstance(n, OneLayerTransformerSettings)
    num_symbols = tasks.num_symbols(run.task.operation, run.task.size)
    return _Shape(num_symbols, n.d_model, n.num_heads, n.d_mlp)


def updates(settings: OptimiserSettings, first_step: int, num_steps: int, length: int) -> Tensor:
    """Return (num_steps, 3) numbers of AdamW: 1 − ηλ, η / (1 − β₁ᵗ), √(1 − β₂ᵗ); float32.

    Args:
        settings: The optimiser.
        first_step: First update, counted from 0.
        num_steps: How many.
        length: Length of the run, which the schedule refers to.
    """
    steps = np.arange(first_step, first_step + num_steps)
    rate = settings.learning_rate * learning_rate_factor(
        steps,
        num_steps=length,
        warmup_steps=settings.warmup_steps,
        decay_fraction=settings.decay_fraction,
    )
    keep = 1 - rate * settings.weight_decay
    step = rate / (1 - settings.beta1 ** (steps + 1))
    root = np.sqrt(1 - settings.beta2 ** (steps + 1))
    return torch.as_tensor(np.stack([keep, step, root], axis=1), dtype=torch.float32)


@final
class CompiledEngine(Engine):
    """See the module; arguments as ``Engine``. As many threads as torch has for the caller.

    Raises:
        compiling.CompilerError: There is no compiled code to be had here.
    """

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Iterable[Mapping[str, Tensor]],
        device: torch.device,
    ) -> None:
        super().__init__(members, starts, device)
        self._code = _code()
        self._shape = _shape(members[0])
        adamw = members[0].optimiser
        self._adamw = _AdamW(adamw.beta2, adamw.epsilon, 1 - adamw.beta1, 1 - adamw.beta2)
        task = members[0].task
        table = tasks.table(task.operation, task.size)
        order_N = np.lexsort((table.right, table.left))
        left_N, right_N = (side[order_N].astype(np.int32) for side in (table.left, table.right))
        # Members with true labels, as almost all are, share them.
        true_N = table.answer[order_N].astype(np.int32)
        self._stacked = [
            _Member(*(_pointers(stack, k) for stack in self._stacks)) for k in range(len(members))
        ]
        self._train, self._table, self._parts, self._sizes = [], [], [], []
        for run in members:
            natural = run.regime == "natural"
            labels_N = true_N if natural else labels(run)[order_N].astype(np.int32)
            masks = {part: mask[order_N] for part, mask in part_masks(run, len(order_N)).items()}
            trained = masks["train"]
            self._train.append(_ExampleSet(left_N[trained], right_N[trained], labels_N[trained]))
            self._table.append(_ExampleSet(left_N, right_N, labels_N))
            bits = [masks[part].astype(np.uint8) << i for i, part in enumerate(PARTS)]
            self._parts.append(np.bitwise_or.reduce(bits))
            # An empty part has no mean: NaN instead of a division by zero.
            self._sizes.append(np.array([masks[part].sum() or np.nan for part in PARTS]))
        # Where each quantity stands in the answer of the C code; plain readings are of "train".
        answered = [f"{part}_{reading}" for part in PARTS for reading in _READINGS]
        answered += [*(f"norm_{name}" for name in _PARAMETERS), "norm"]
        self._positions = [
            answered.index(name if name in answered else f"train_{name}")
            for name in self.quantities
        ]
        threads = min(torch.get_num_threads(), len(members))
        needed = self._code.memory_floats(ctypes.byref(self._shape))
        self._pool: ThreadPoolExecutor | None = None
        self._memories = [np.empty(needed, dtype=np.float32) for _ in range(threads)]

    @property
    def _stacks(self) -> tuple[Stack, Stack, Stack]:
        return self.weights, self.first_moment, self.second_moment

    def _share_out(self, work: Callable[[int, npt.NDArray[np.float32]], None]) -> None:
        """Call ``work`` for every member, with memory to work in, on all threads."""
        waiting = deque(range(len(self.members)))

        def take_turns(memory: npt.NDArray[np.float32]) -> None:
            while True:
                try:
                    member = waiting.popleft()
                except IndexError:
                    return
                work(member, memory)

        if len(self._memories) == 1:
            take_turns(self._memories[0])
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(len(self._memories))
        list(self._pool.map(take_turns, self._memories))

    def _arguments(self, member: int, examples: _ExampleSet) -> Iterable[object]:
        arguments = (self._shape, self._stacked[member], examples.argument)
        return map(ctypes.byref, arguments)

    def advance(self, first_step: int, num_steps: int) -> None:
        """See ``Engine.advance``."""
        end = first_step + num_steps
        for begin in range(first_step, end, _UPDATES_AT_ONCE):
            self._advance(begin, min(_UPDATES_AT_ONCE, end - begin))

    def _advance(self, first_step: int, num_steps: int) -> None:
        held_K = self.held_norms_K

        def advance(k: int, memory: npt.NDArray[np.float32]) -> None:
            run = self.members[k]
            numbers = updates(run.optimiser, first_step, num_steps, run.num_steps)
            peak = self._code.advance(
                *self._arguments(k, self._train[k]),
                ctypes.byref(self._adamw),
                ctypes.c_void_p(numbers.data_ptr()),
                ctypes.c_int64(num_steps),
                ctypes.c_double(0.0 if held_K is None else float(held_K[k])),
                _address(memory),
            )
            self.loss_peak_K[k] = max(float(self.loss_peak_K[k]), peak)

        self._share_out(advance)

    def gradient(self) -> tuple[Tensor, Stack]:
        """Return the (K,) mean losses, float64, and their gradients by the weights."""
        shapes = {name: tuple(view.shape[1:]) for name, view in self.weights.views.items()}
        gradients = Stack.zeros(shapes, len(self.members), self.weights.flat)
        losses_K = torch.zeros_like(self.loss_peak_K)

        def differentiate(k: int, memory: npt.NDArray[np.float32]) -> None:
            losses_K[k] = self._code.gradient(
                *self._arguments(k, self._train[k]), _pointers(gradients, k), _address(memory)
            )

        self._share_out(differentiate)
        return losses_K, gradients

    def measure(self) -> Tensor:
        """See ``Engine.measure``."""
        found_QK = torch.full(
            (len(self.quantities), len(self.members)), torch.nan, dtype=torch.float64
        )

        def measure(k: int, memory: npt.NDArray[np.float32]) -> None:
            sums = np.zeros((len(PARTS), len(_READINGS)))
            squares = np.zeros(len(_PARAMETERS))
            self._code.measure(
                *self._arguments(k, self._table[k]),
                _address(self._parts[k]),
                _address(sums),
                _address(squares),
                _address(memory),
            )
            means = (sums / self._sizes[k][:, None]).ravel()
            found = np.concatenate([means, np.sqrt(squares), np.sqrt(squares.sum(keepdims=True))])
            found_QK[:, k] = torch.from_numpy(found[self._positions])

        self._share_out(measure)
        return found_QK
