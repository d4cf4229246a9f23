"""The seam between networks and training: a program computes many networks of one shape at once.

A network is written for one member, as a ``Network`` from tokens to (D, S) logits;
``StackedProgram`` runs K of them, vectorised by ``torch.func``. A network may bring a program of
its own where speed matters; tests hold it to the stacked one.

Shapes: K members, D examples, S symbols.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from efficiency.networks.base import Network, keep_all, tokens
from efficiency.networks.traced import Passes, passes
from efficiency.training import counter_random

Parameters = Mapping[str, Tensor]
"""Each parameter of the network with a leading axis for the K members."""

Backward = Callable[[Tensor, Parameters], None]
"""(∂loss/∂logits (K, D, S), gradients): writes ∂loss/∂parameter into every ``gradients`` entry.

To be called at most once, right after the forward pass that made it: it may overwrite what the
forward pass left behind.
"""


class Program(ABC):
    """K networks of one shape as one computation."""

    @abstractmethod
    def prepare(self, inputs_KDI: Tensor, last: Any = None) -> Any:
        """Return what the program wants to know about examples before it computes on them.

        Args:
            inputs_KDI: What is read of them: two operands, tokens or features.
            last: Examples prepared before and not needed any more, whose memory may be used.
        """

    @abstractmethod
    def logits(self, parameters: Parameters, examples: Any) -> Tensor:
        """Return (K, D, S) logits for prepared examples, without a gradient.

        For a task with several answers, (K, D, A, S).
        """

    @abstractmethod
    def logits_and_backward(
        self, parameters: Parameters, examples: Any, keys_K: Tensor | None = None
    ) -> tuple[Tensor, Backward]:
        """Return (K, D, S) logits, which the caller may overwrite, and their backward pass.

        Args:
            parameters: The networks.
            examples: Prepared examples.
            keys_K: Keys of the members' streams for dropout, see
                ``efficiency.training.counter_random``; ``None`` drops nothing.
        """


@final
class PassesByShape:
    """The traced passes of a network by the shapes that it was traced for, the last few of them."""

    MOST: ClassVar[int] = 16

    def __init__(self) -> None:
        self._held: dict[Any, Passes] = {}

    def get(self, key: object) -> Passes | None:
        """Return those of a shape, if they are held."""
        return self._held.get(key)

    def keep(self, key: object, found: Passes) -> None:
        """Hold those of a shape, and let go of the oldest: an ensemble may never come again."""
        self._held[key] = found
        # Other threads do the same.
        for oldest in list(self._held)[: -self.MOST]:
            self._held.pop(oldest, None)


@final
class StackedProgram(Program):
    """Any ``Network``, vectorised over members by ``torch.func.vmap``.

    Attributes:
        passes: What was traced of it; of a network of the same task and settings it may be shared.

    Args:
        module: The network; only its structure is used, never its weights.
        prompt: The tokens that it reads: ``"a"``, ``"b"`` and the numbers of constant ones;
            ``None`` if it reads what the task gives.
        dropout: Share of activations that dropout sets to 0.
    """

    def __init__(
        self, module: Network, prompt: Sequence[str | int] | None, dropout: float = 0.0
    ) -> None:
        self._prompt, self._dropout = prompt, dropout
        self._constants = dict(module.named_buffers())

        def call(parameters: Parameters, tokens: Tensor, key: Tensor | None) -> Tensor:
            drop = keep_all if key is None else Dropout(key, dropout)
            held = (dict(parameters), self._constants)
            result: Tensor = torch.func.functional_call(module, held, (tokens, drop))
            return result

        self._plain = torch.func.vmap(lambda parameters, tokens: call(parameters, tokens, None))
        self._dropping = torch.func.vmap(call)
        self.passes = PassesByShape()

    def prepare(self, inputs_KDI: Tensor, last: Any = None) -> Tensor:
        """Return (K, D, positions) tokens, or (K, D, F) features."""
        self._constants = {n: c.to(inputs_KDI.device) for n, c in self._constants.items()}
        if self._prompt is None:
            return inputs_KDI
        return tokens(self._prompt, *inputs_KDI.unbind(-1))

    def logits(self, parameters: Parameters, examples: Any) -> Tensor:
        """See ``Program.logits``."""
        with torch.no_grad():
            result: Tensor = self._plain(dict(parameters), examples)
        return result

    def logits_and_backward(
        self, parameters: Parameters, examples: Any, keys_K: Tensor | None = None
    ) -> tuple[Tensor, Backward]:
        """See ``Program.logits_and_backward``."""
        drops = keys_K is not None and self._dropout > 0
        inputs = [*parameters.values(), examples, *([keys_K] if drops else [])]
        kind = [(value.shape, value.stride(), value.dtype, value.device) for value in inputs]
        key = (tuple(parameters), tuple(kind))
        found = self.passes.get(key)
        if found is None:
            names = tuple(parameters)
            program = self._dropping if drops else self._plain

            def call(*inputs: Tensor) -> Tensor:
                held = dict(zip(names, inputs, strict=False))
                result: Tensor = program(held, *inputs[len(names) :])
                return result

            found = passes(call, inputs, len(names))
            self.passes.keep(key, found)
        forward, pullback = found
        logits_KDS, *kept = forward(*inputs)

        def backward(gradient_KDS: Tensor, gradients: Parameters) -> None:
            computed = pullback(*kept, gradient_KDS)
            kept.clear()
            for name, gradient in zip(parameters, computed, strict=True):
                gradients[name].copy_(gradient)

        return logits_KDS, backward


class Dropout:
    """Dropout of one member at one step: each call draws from a stream of its own.

    A row of numbers for each example in their order, so that examples that only pad a member to
    the size of another change nothing for those before them.

    Args:
        key: Of the member's stream at this step, see ``efficiency.training.counter_random``.
        rate: The share that is set to 0.
    """

    def __init__(self, key: Tensor, rate: float) -> None:
        self._key, self._rate, self._calls = key, rate, 0

    def __call__(self, activations: Tensor) -> Tensor:
        """Drop a share of activations, and scale up the rest."""
        key = counter_random.split(self._key, self._calls)
        self._calls += 1
        drawn = counter_random.uniform(key, activations.numel()).view(activations.shape)
        return torch.where(drawn < self._rate, 0.0, activations / (1 - self._rate))
