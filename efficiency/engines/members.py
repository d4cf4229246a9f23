"""Members of an ensemble in compiled code on a CPU, one at a time on every thread.

Whole tables are measured by compiled code too; examples with several answers, and a part of many,
by tensor operations.

A network of these sizes fits into a core's own cache, while stacked members do not; so members take
turns, many updates each, and threads share out the members. What a member becomes depends on
nothing but its settings, to the last bit.

Shapes: K members, N examples of the task, D of a dataset, I numbers read of each, A answers, B
examples of a minibatch, Q quantities.
"""

from __future__ import annotations

import ctypes
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.engines import binding
from efficiency.engines.base import Engine
from efficiency.engines.binding import (
    READINGS,
    Code,
    ExampleSet,
    Floats,
    Integers,
    address,
    updates_at_once,
)
from efficiency.engines.measuring import Measuring, measured_by_tensors
from efficiency.measurements import PARTS
from efficiency.settings import RunSettings, TaskBase, TaskSettings
from efficiency.training import counter_random
from efficiency.training.ensemble import Stack, labels, part_masks
from efficiency.training.minibatches import MemberMinibatches
from efficiency.training.optimiser import learning_rate_factor


def updates(run: RunSettings, first_step: int, num_steps: int) -> npt.NDArray[np.void]:
    """Return (num_steps,) the numbers of updates, see ``binding.UPDATE``.

    1 − ηλ, η / (1 − β₁ᵗ) (of gradient descent η), √(1 − β₂ᵗ), η times the noise of updates, and
    keys of noise and dropout.

    Args:
        run: Whose.
        first_step: First update, counted from 0.
        num_steps: How many.
    """
    o = run.optimiser
    steps = np.arange(first_step, first_step + num_steps)
    rate = o.learning_rate * learning_rate_factor(
        steps,
        num_steps=run.num_steps,
        warmup_steps=o.warmup_steps,
        decay_fraction=o.decay_fraction,
    )
    found = np.zeros(num_steps, dtype=binding.UPDATE)
    found["keep"] = 1 if o.decay_form == "l2" else 1 - rate * o.weight_decay
    found["step"] = rate if o.method else rate / (1 - o.beta1 ** (steps + 1))
    found["root_bias2"] = np.sqrt(1 - o.beta2 ** (steps + 1))
    found["noise"] = rate * (o.update_noise or 0.0)
    if o.weight_noise or o.update_noise or run.network.dropout_rate > 0:
        seed = counter_random.seeds([run.noise_seed or 0], torch.device("cpu"))
        at = torch.from_numpy(steps)
        found["weight_key"] = counter_random.keys(seed, "weight noise", at).numpy()
        found["update_key"] = counter_random.keys(seed, "update noise", at).numpy()
        found["dropout_key"] = counter_random.keys(seed, "dropout", at).numpy()
    return found


def read_of(task: TaskBase) -> Integers:
    """Return (I, N) what is read of the examples: operands, or tokens."""
    if isinstance(task, TaskSettings):
        return np.stack([task.table.left, task.table.right]).astype(np.int32)
    return np.ascontiguousarray(task.inputs.T, dtype=np.int32)


class MemberEngine(Engine):
    """See the module; arguments as ``Engine``. As many threads as torch has for the caller.

    Attributes:
        CODE: The compiled code.
        SORTED: Whether it wants examples in the order of the table, or else in that of the dataset.

    Raises:
        compiling.CompilerError: There is no compiled code to be had here.
    """

    CODE: ClassVar[Code]
    SORTED: ClassVar[bool]

    @classmethod
    def missing(cls, device: str) -> str | None:
        """See ``Engine.missing``."""
        if device != "cpu":
            return f"it works on a CPU, the device is {device!r}"
        return cls.CODE.problem()

    @classmethod
    def unfit(cls, run: RunSettings, device: str) -> str | None:
        """See ``Engine.unfit``."""
        # Settings first: what they rule out needs no compiler.
        if device == "cpu" and (problem := super().unfit(run, device)) is not None:
            return problem
        return cls.missing(device)

    @classmethod
    def most_examples(cls, device: str) -> int:
        """See ``Engine.most_examples``; members take turns, so that it could be one."""
        return 1024

    @classmethod
    def compiled_by(cls) -> str | None:
        """See ``Engine.compiled_by``."""
        return cls.CODE.description()

    @classmethod
    def memory_bytes(cls, run: RunSettings) -> int:
        """Return what one thread works in, apart from the members themselves."""
        shape = cls.shape(run)
        return 4 * int(cls.CODE.library().memory_floats(ctypes.byref(shape)))

    @classmethod
    @abstractmethod
    def shape(cls, run: RunSettings) -> ctypes.Structure:
        """Return the network of a run as the code has it described."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the names of the network's parameters in the order of the code."""

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Iterable[Mapping[str, Tensor]],
        device: torch.device,
    ) -> None:
        super().__init__(members, starts, device)
        self._code = self.CODE.library()
        self._shape = self.shape(members[0])
        self._names = self.names()
        task = members[0].task
        read_IN = read_of(task)
        order_N = np.lexsort(read_IN[::-1]) if len(read_IN) == 2 else np.arange(task.num_examples)
        read_IN = np.ascontiguousarray(read_IN[:, order_N])
        # Members with true labels, as almost all are, share them.
        true_NA = np.ascontiguousarray(task.targets[order_N], dtype=np.int32)

        def example_set(read_ID: Integers, labels_DA: Integers) -> ExampleSet:
            return ExampleSet(read_ID, labels_DA, self.CODE, self._shape, task.num_classes)

        self._measuring: Measuring | None = None
        if measured_by_tensors(members[0]):
            self._measuring = Measuring(members, device)
        self._train, self._table, self._parts, self._sizes = [], [], [], []
        self._minibatches: list[MemberMinibatches | None] = []
        # Where each example of the task stands when they are sorted.
        place_N = np.empty(len(order_N), dtype=np.int64)
        place_N[order_N] = np.arange(len(order_N))
        for run in members:
            natural = run.regime == "natural"
            labels_NA = true_NA if natural else labels(run)[order_N].astype(np.int32)
            dataset_D, _ = run.task.split(run.dataset_size, run.data_seed)
            given_D = place_N[dataset_D]
            order_D = np.argsort(given_D) if self.SORTED else np.arange(len(given_D))
            given_D = given_D[order_D]
            # Where each example of the dataset stands among those that the code is given.
            place_D = np.empty(len(order_D), dtype=np.int32)
            place_D[order_D] = np.arange(len(order_D), dtype=np.int32)
            self._minibatches.append(
                None
                if run.optimiser.batch_size is None
                else MemberMinibatches(run, place_D, ascending=self.SORTED)
            )
            self._train.append(
                example_set(np.ascontiguousarray(read_IN[:, given_D]), labels_NA[given_D])
            )
            if self._measuring is not None:
                continue
            self._table.append(example_set(read_IN, labels_NA))
            masks = {part: mask[order_N] for part, mask in part_masks(run).items()}
            bits = [masks[part].astype(np.uint8) << i for i, part in enumerate(PARTS)]
            self._parts.append(np.bitwise_or.reduce(bits))
            # An empty part has no mean: NaN instead of a division by zero.
            self._sizes.append(np.array([masks[part].sum() or np.nan for part in PARTS]))
        decays_towards_start = any(r.optimiser.decay_target == "initial" for r in members)
        self._targets = self.weights.clone() if decays_towards_start else None
        self._parameters = [self._described(k) for k in range(len(members))]
        self._rules = [self._rule(k) for k in range(len(members))]
        # Where each quantity stands in the answer of the C code; plain readings are of "train".
        answered = [f"{part}_{reading}" for part in PARTS for reading in READINGS]
        answered += [*(f"norm_{name}" for name in self._names), "norm"]
        self._positions = [
            answered.index(name if name in answered else f"train_{name}")
            for name in (self.quantities if self._measuring is None else ())
        ]
        threads = min(torch.get_num_threads(), len(members))
        needed = self._code.memory_floats(ctypes.byref(self._shape))
        self._pool: ThreadPoolExecutor | None = None
        self._memories = [binding.memory(needed) for _ in range(threads)]

    def _described(self, member: int) -> ctypes.Array[binding.Parameter]:
        """Return where each parameter of a member and all that belongs to it lies."""
        stacks = (self.weights, self.first_moment, self.second_moment)
        towards = self._targets if self.members[member].optimiser.decay_target else None
        places = list(self.weights.views)

        def described(name: str) -> binding.Parameter:
            held = [stack.views[name][member] for stack in stacks]
            target = None if towards is None else towards.views[name][member].data_ptr()
            addresses = [tensor.data_ptr() for tensor in held]
            return binding.Parameter(held[0].numel(), *addresses, target, places.index(name))

        return (binding.Parameter * len(self._names))(*map(described, self._names))

    def _rule(self, member: int) -> binding.Rule:
        o = self.members[member].optimiser
        return binding.Rule(
            o.beta2,
            o.epsilon,
            1 - o.beta1,
            1 - o.beta2,
            o.weight_decay if o.decay_form == "l2" else 0.0,
            o.weight_noise or 0.0,
            binding.LOSSES.index(self.members[member].loss),
            binding.ORTHOGONAL.index(o.orthogonal_gradient),
            binding.METHODS.index(o.method),
            0.0 if self.held_norms_K is None else float(self.held_norms_K[member]),
        )

    def _share_out(self, work: Callable[[int, Floats], None]) -> None:
        """Call ``work`` for every member, with memory to work in, on all threads."""
        waiting = deque(range(len(self.members)))

        def take_turns(memory: Floats) -> None:
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

    def _arguments(self, member: int, examples: ExampleSet) -> Iterable[object]:
        arguments = (self._shape, self._parameters[member], examples.argument)
        return map(ctypes.byref, arguments)

    def advance(self, first_step: int, num_steps: int) -> None:
        """See ``Engine.advance``."""
        end, most = first_step + num_steps, updates_at_once(self.members[0].optimiser.batch_size)
        for begin in range(first_step, end, most):
            self._advance(begin, min(most, end - begin))

    def _advance(self, first_step: int, num_steps: int) -> None:
        def advance(k: int, memory: Floats) -> None:
            run = self.members[k]
            numbers = updates(run, first_step, num_steps)
            batches, held = binding.Minibatches(), []
            if (drawn := self._minibatches[k]) is not None:
                chosen = drawn.at(first_step, num_steps)
                given = self._train[k].argument
                numbers_of_each = given.num_read + given.num_asked
                held = [chosen, np.empty((numbers_of_each, chosen.shape[1]), dtype=np.int32)]
                batches = binding.Minibatches(chosen.shape[1], *(h.ctypes.data for h in held))
            peak = self._code.advance(
                *self._arguments(k, self._train[k]),
                ctypes.byref(self._rules[k]),
                ctypes.byref(batches),
                address(numbers),
                ctypes.c_int64(num_steps),
                address(memory),
            )
            self.loss_peak_K[k] = max(float(self.loss_peak_K[k]), peak)

        self._share_out(advance)

    def gradient(self) -> tuple[Tensor, Stack]:
        """Return the (K,) mean losses, float64, and their gradients by the weights."""
        shapes = {name: tuple(view.shape[1:]) for name, view in self.weights.views.items()}
        gradients = Stack.zeros(shapes, len(self.members), self.weights.flat)
        losses_K = torch.zeros_like(self.loss_peak_K)

        def differentiate(k: int, memory: Floats) -> None:
            pointers = [gradients.views[name][k].data_ptr() for name in self._names]
            losses_K[k] = self._code.gradient(
                *self._arguments(k, self._train[k]),
                ctypes.byref(self._rules[k]),
                (ctypes.c_void_p * len(pointers))(*pointers),
                address(memory),
            )

        self._share_out(differentiate)
        return losses_K, gradients

    def measure(self) -> Tensor:
        """See ``Engine.measure``."""
        if self._measuring is not None:
            return self._measuring(self.weights, self.quantities)
        found_QK = torch.full(
            (len(self.quantities), len(self.members)), torch.nan, dtype=torch.float64
        )

        def measure(k: int, memory: Floats) -> None:
            sums = np.zeros((len(PARTS), len(READINGS)))
            squares = np.zeros(len(self._names))
            self._code.measure(
                *self._arguments(k, self._table[k]),
                address(self._parts[k]),
                address(sums),
                address(squares),
                address(memory),
            )
            means = (sums / self._sizes[k][:, None]).ravel()
            found = np.concatenate([means, np.sqrt(squares), np.sqrt(squares.sum(keepdims=True))])
            found_QK[:, k] = torch.from_numpy(found[self._positions])

        self._share_out(measure)
        return found_QK
