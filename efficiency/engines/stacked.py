"""Any network on any device: K members as batched tensor operations.

On a GPU the whole update, optimiser included, is recorded once as a CUDA graph and replayed: dozens
of small kernels then cost one launch, and nothing in the loop waits for the device.

Shapes: K members, D examples of the largest member, B of a minibatch, I numbers read of each, A
answers, S classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from efficiency import networks
from efficiency.engines.base import Engine
from efficiency.engines.costs.base import Cost
from efficiency.engines.costs.stacked import StackedCost
from efficiency.engines.measuring import Measuring
from efficiency.engines.subnormals import flushed
from efficiency.engines.support import ANY, EVERY_RUN, OPTIMISER, Support, unsupported_by_network
from efficiency.settings import RunSettings
from efficiency.training import counter_random
from efficiency.training.ensemble import Stack, stack_data
from efficiency.training.losses import LOSSES
from efficiency.training.minibatches import Minibatches
from efficiency.training.optimiser import StackedOptimiser, add_noise

_WARM_UP = 3


@final
class StackedEngine(Engine):
    """See the module; arguments as ``Engine``."""

    COST: ClassVar[Cost] = StackedCost("cpu")
    SUPPORT: ClassVar[Support] = {
        **EVERY_RUN,
        **OPTIMISER,
        "optimiser.embedding_learning_rate": ANY,
        "optimiser.embedding_weight_decay": ANY,
        "loss": tuple(LOSSES),
        "recording.most_examples": ANY,
        "network.architecture": ANY,
        "network.d_model": ANY,
        "network.d_mlp": ANY,
        "network.dropout": ANY,
        "network.precision": ("float32", "tf32", "float64"),
    }

    @classmethod
    def unsupported(cls, run: RunSettings) -> str | None:
        """See ``Engine.unsupported``; of its own settings an architecture says which it knows.

        A task is asked for its examples, and knows its settings.
        """
        of_task = {f"task.{name}": ANY for name in type(run.task).model_fields}
        return unsupported_by_network(run, {**cls.SUPPORT, **of_task})

    @classmethod
    def cost(cls, device: str) -> Cost:
        """See ``Engine.cost``."""
        return StackedCost(device)

    @classmethod
    def most_examples(cls, device: str) -> int:
        """See ``Engine.most_examples``; a GPU wants to be filled."""
        return 2**20 if device == "cuda" else super().most_examples(device)

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Iterable[Mapping[str, Tensor]],
        device: torch.device,
    ) -> None:
        super().__init__(members, starts, device)
        first = members[0]
        self._tf32 = first.network.precision == "tf32"
        shapes = {name: tuple(view.shape[1:]) for name, view in self.weights.views.items()}
        self._gradient = Stack.zeros(shapes, len(members), self.weights.flat)
        self._optimiser = StackedOptimiser(
            self.weights,
            self.first_moment,
            self.second_moment,
            [run.optimiser for run in members],
            first.num_steps,
            norms_K=self.held_norms_K,
            seeds_K=(
                seeds_K := counter_random.seeds([run.noise_seed or 0 for run in members], device)
            ),
        )
        self._seeds_K = seeds_K
        self._data = stack_data(members, device)
        self._minibatches = (
            None if first.optimiser.batch_size is None else Minibatches(members, seeds_K)
        )
        noises = [run.optimiser.weight_noise or 0.0 for run in members]
        self._noise_K = torch.tensor(noises, dtype=torch.float64, device=device)
        self._noisy = self.weights.clone() if any(noises) else None
        self._program = networks.program(first.task, first.network)
        self._examples = self._program.prepare(self._data.inputs_KDI)
        self._order_KD: Tensor | None = None
        self._drops = first.network.dropout_rate > 0
        self._loss = LOSSES[first.loss]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._measuring = Measuring(members, device)

    @torch.no_grad()
    def advance(self, first_step: int, num_steps: int) -> None:
        """See ``Engine.advance``."""
        with flushed():
            self._advance(first_step, num_steps)

    def _advance(self, first_step: int, num_steps: int) -> None:
        self._choose_precision()
        on_gpu = self.weights.flat.device.type == "cuda"
        if on_gpu and self._graph is None:
            self._graph = self._recorded()
        self._optimiser.go_to(first_step)
        for step in range(first_step, first_step + num_steps):
            if self._minibatches is not None and not on_gpu:
                self._order_KD = self._minibatches.order_at(step)
            if self._graph is None:
                self.update()
            else:
                self._graph.replay()
        if on_gpu:
            # Once a call, so that whoever times it times the updates and not their launch.
            torch.cuda.current_stream().synchronize()

    def update(self) -> None:
        """Make one update; every number that it needs is on the device and stays there."""
        step = self._optimiser.step.long()
        examples, labels_KBA, weight_KB = self._at(step)
        weights = self.weights
        if self._noisy is not None:
            weights, keys_K = self._noisy, counter_random.keys(self._seeds_K, "weight noise", step)
            add_noise(weights, self.weights, self._noise_K, keys_K)
        dropout_K = counter_random.keys(self._seeds_K, "dropout", step) if self._drops else None
        logits, backward = self._program.logits_and_backward(weights.views, examples, dropout_K)
        shape, weight_KBA = logits.shape, weight_KB.unsqueeze(-1)
        losses_KBA, gradient_KBAS = self._loss(logits.view(*labels_KBA.shape, -1), labels_KBA)
        loss_K = (losses_KBA * weight_KBA).flatten(1).sum(-1).double()
        torch.maximum(
            self.loss_peak_K,
            torch.nan_to_num(loss_K, nan=torch.inf, posinf=torch.inf),
            out=self.loss_peak_K,
        )
        gradient = gradient_KBAS.mul_(weight_KBA.unsqueeze(-1)).view(shape)
        backward(gradient, self._gradient.views)
        self._optimiser.update(self._gradient.flat)

    def _at(self, step: Tensor) -> tuple[Any, Tensor, Tensor]:
        """Return the examples of an update, their labels and their weights in the loss."""
        data = self._data
        if self._minibatches is None:
            return self._examples, data.labels_KDA, data.weight_KD
        chosen_KB, weight_KB = self._minibatches.at(step, self._order_KD)
        inputs_KBI, labels_KBA = (
            of_KDX.gather(1, chosen_KB.unsqueeze(-1).expand(-1, -1, of_KDX.shape[-1]))
            for of_KDX in (data.inputs_KDI, data.labels_KDA)
        )
        self._examples = self._program.prepare(inputs_KBI, self._examples)
        weight_KB = (weight_KB / labels_KBA.shape[-1]).to(data.weight_KD.dtype)
        return self._examples, labels_KBA, weight_KB

    def _recorded(self) -> torch.cuda.CUDAGraph:
        """Return the update as a CUDA graph; the warm-up that recording needs is undone."""
        before = {name: tensor.clone() for name, tensor in self.state().items()}
        present = torch.cuda.current_stream()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        graph = torch.cuda.CUDAGraph()
        try:
            stream.wait_stream(present)
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UP):
                    self.update()
            present.wait_stream(stream)
            with torch.cuda.graph(graph):
                self.update()
        finally:
            for name, tensor in self.state().items():
                tensor.copy_(before[name])
        return graph

    def measure(self) -> Tensor:
        """See ``Engine.measure``."""
        self._choose_precision()
        return self._measuring(self.weights, self.quantities)

    def _choose_precision(self) -> None:
        # A switch of the whole process; ensembles of different precision may take turns.
        torch.backends.cuda.matmul.allow_tf32 = self._tf32
