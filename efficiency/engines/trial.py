"""The test that compiled code must pass before it is used: a small network against torch's own."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from efficiency.engines.binding import (
    READINGS,
    UPDATE,
    Examples,
    Minibatches,
    Parameter,
    Rule,
    address,
    memory,
)
from efficiency.measurements import PARTS
from efficiency.networks.base import Drop, Network, keep_all
from efficiency.networks.program import Dropout
from efficiency.operations import IntArray
from efficiency.training import counter_random

EPSILON = 1e-2
"""Large, so that the rounding of small gradients is not divided by itself."""


class _AdamW:
    """AdamW with decay 1, β of 0.9 and 0.98 and ``EPSILON``, as its paper has it.

    The first step of torch's own imports a compiler, which takes longer than all else here.
    """

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self._weights = weights
        self._first, self._second = ([torch.zeros_like(w) for w in weights] for _ in range(2))

    @torch.no_grad()
    def step(self, rate: float, bias1: float, bias2: float) -> None:
        """Make an update, with what the averages of the gradient and of its square are short of."""
        for weight, first, second in zip(self._weights, self._first, self._second, strict=True):
            assert weight.grad is not None
            first.lerp_(weight.grad, 0.1)
            second.lerp_(weight.grad.square(), 0.02)
            weight.mul_(1 - rate)
            weight.sub_(rate * (first / bias1) / ((second / bias2).sqrt() + EPSILON))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: on busy cores two wait for each other, half as long again."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_one_thread()
def wrong_numbers(
    code: ctypes.CDLL,
    shape: ctypes.Structure,
    network: Network,
    *,
    names: Sequence[str],
    prompt: Sequence[str | int],
    columns: Sequence[str],
    read: IntArray,
    labels: IntArray,
    dropout: float = 0.0,
) -> str | None:
    """Return how what the code makes of a network differs from what torch does.

    Gradients, two updates (which drop what is to be dropped), measuring, and a weight that is not a
    number, which must be heard of.

    Args:
        code: A library.
        shape: Its description of the network.
        network: With zero weights; it is drawn here.
        names: Its parameters in the order of the code.
        prompt: Its tokens, those of ``columns`` for what examples consist of.
        columns: What examples consist of, in their order.
        read: (D, I) what is read.
        labels: (D, A) the answers.
        dropout: The share that its description says is dropped.
    """
    network.initialise(torch.Generator().manual_seed(0))
    weights = [network.get_parameter(name).detach().clone() for name in names]
    network.double()
    of_name = dict(zip(columns, torch.as_tensor(read).unbind(1), strict=True))
    tokens = torch.stack(
        [of_name[t] if isinstance(t, str) else torch.full((len(read),), t) for t in prompt], dim=-1
    )

    def loss(drop: Drop = keep_all) -> Tensor:
        network.zero_grad()
        logits = network(tokens, drop).flatten(0, -2)
        return F.cross_entropy(logits, torch.as_tensor(labels).flatten())

    held = [np.ascontiguousarray(each, dtype=np.int32) for each in (read.T, labels)]
    given = Examples.of(*held)
    found, first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(3))
    parameters = (Parameter * len(names))(
        *(
            Parameter(w.numel(), w.data_ptr(), m.data_ptr(), v.data_ptr(), None, i)
            for i, (w, m, v) in enumerate(zip(weights, first, second, strict=True))
        )
    )
    gradients = (ctypes.c_void_p * len(names))(*(gradient.data_ptr() for gradient in found))
    work = memory(code.memory_floats(ctypes.byref(shape)))
    arguments = [*map(ctypes.byref, (shape, parameters, given))]

    rule, batches = Rule(0.98, EPSILON, 0.1, 0.02), Minibatches()
    computed = code.gradient(*arguments, ctypes.byref(rule), gradients, address(work))
    expected_loss = loss()
    expected_loss.backward()  # type: ignore[no-untyped-call]
    if not abs(computed - expected_loss.item()) < 1e-5 * expected_loss.item():
        return f"the loss of a small network came out as {computed}, not {expected_loss.item()}"
    for name, gradient in zip(names, found, strict=True):
        expected = network.get_parameter(name).grad
        assert expected is not None
        if not torch.allclose(gradient.double(), expected, rtol=1e-3, atol=1e-5):
            return f"the gradient of {name} of a small network came out wrong"

    rate, adamw = 1e-2, _AdamW(list(network.parameters()))
    numbers, largest = np.zeros(2, dtype=UPDATE), 0.0
    for t in (1, 2):
        bias1, bias2 = 1 - 0.9**t, 1 - 0.98**t
        key = counter_random.keys(counter_random.seeds([0], tokens.device), "dropout", t)[0]
        numbers[t - 1] = (1 - rate, rate / bias1, bias2**0.5, 0, 0, 0, int(key))
        dropped = loss(Dropout(key, dropout) if dropout else keep_all)
        dropped.backward()  # type: ignore[no-untyped-call]
        largest = max(largest, dropped.item())
        adamw.step(rate, bias1, bias2)
    training = [*map(ctypes.byref, (rule, batches)), address(numbers)]
    peak = code.advance(*arguments, *training, ctypes.c_int64(2), address(work))
    if not abs(peak - largest) < 1e-4 * largest:
        return f"the largest loss of two updates came out as {peak}, not {largest}"
    for name, weight in zip(names, weights, strict=True):
        if not torch.allclose(weight.double(), network.get_parameter(name), rtol=1e-4, atol=1e-5):
            return f"{name} of a small network came out wrong after two updates"

    if labels.shape[1] == 1:  # it measures no others
        parts = np.ones(len(labels), dtype=np.uint8)
        sums, squares = np.zeros((len(PARTS), len(READINGS))), np.zeros(len(names))
        code.measure(*arguments, address(parts), address(sums), address(squares), address(work))
        measured, expected_loss = sums[0, 0] / len(labels), loss()
        if not abs(measured - expected_loss.item()) < 1e-4 * expected_loss.item():
            return f"a loss was measured as {measured}, not {expected_loss.item()}"

    weights[0][0, 0] = torch.nan
    if code.advance(*arguments, *training, ctypes.c_int64(1), address(work)) != float("inf"):
        return "a weight that is not a number was not noticed"
    return None
