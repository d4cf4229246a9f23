"""An engine: each network alone, by torch's own autograd."""

import torch
from torch.nn.functional import softplus

from efficiency import networks
from efficiency.engines import Engine, StackedEngine, register
from efficiency.engines.measuring import Measuring
from efficiency.engines.support import ANY, EVERY_RUN, unsupported_by_network
from efficiency.training.ensemble import stack_data
from efficiency.training.losses import relative_to_correct
from efficiency.training.optimiser import StackedOptimiser

ADAM = ("learning_rate", "weight_decay", "beta1", "beta2", "epsilon")
KNOWN = ("network.architecture", "network.d_model", "network.d_mlp", "network.precision")


class OneByOne(Engine):
    """AdamW on whole datasets of a table, and nothing else."""

    SUPPORT = (
        {**EVERY_RUN, "loss": ("log-odds",)}
        | dict.fromkeys(
            [f"optimiser.{name}" for name in (*ADAM, "warmup_steps", "decay_fraction")], ANY
        )
        | dict.fromkeys(KNOWN, ANY)
    )
    COST = StackedEngine.COST  # a guess

    @classmethod
    def unsupported(cls, run):
        """Leave an architecture's own settings to it."""
        return unsupported_by_network(run, cls.SUPPORT)

    def __init__(self, members, starts, device):
        super().__init__(members, starts, device)
        self._data = stack_data(members, device)
        self._measuring = Measuring(members, device)
        self._network = networks.network(members[0].task, members[0].network).to(device)
        self._gradient = self.weights.clone()
        each = [run.optimiser for run in members]
        moments = (self.first_moment, self.second_moment)
        self._adam = StackedOptimiser(self.weights, *moments, each, members[0].num_steps)

    def advance(self, first_step, num_steps):
        """See ``Engine``."""
        self._adam.go_to(first_step)
        for _ in range(num_steps):
            for k, run in enumerate(self.members):
                weights = {n: w[k].clone().requires_grad_() for n, w in self.weights.views.items()}
                D = slice(run.dataset_size)
                pairs, labels = self._data.inputs_KDI[k, D], self._data.labels_KDA[k, D]
                read = networks.tokens(self._network.reads, *pairs.unbind(-1))
                logits = torch.func.functional_call(self._network, weights, read)
                # As softplus of differences: exact where 1 − p would round to 0.
                loss = softplus(relative_to_correct(logits, labels[:, 0]).logsumexp(-1)).mean()
                seen = loss.detach().double().nan_to_num(nan=torch.inf)
                self.loss_peak_K[k] = max(self.loss_peak_K[k], seen)
                for name, gradient in zip(
                    weights, torch.autograd.grad(loss, [*weights.values()]), strict=True
                ):
                    self._gradient.views[name][k] = gradient
            self._adam.update(self._gradient.flat)

    def measure(self):
        """See ``Engine``."""
        return self._measuring(self.weights, self.quantities)


register("one-by-one", OneByOne)
