"""Networks that are linear in what they learn, solved instead of trained.

Shapes: D examples of a member, L features, S classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from efficiency.engines.base import Engine
from efficiency.engines.costs.base import Cost
from efficiency.engines.costs.exact import ExactCost
from efficiency.engines.measuring import Measuring
from efficiency.engines.support import ANY, EVERY_RUN, Support, unsupported_by_network
from efficiency.networks.random_features import features
from efficiency.settings import RunSettings
from efficiency.training.ensemble import stack_data


@final
class ExactEngine(Engine):
    """Puts outputs where gradient descent on them alone, from 0, comes to rest.

    That is the least of (1/DS) Σ(Φ·W_U − Y)² + (λ/2)‖W_U‖², and without decay the solution of
    smallest norm. The first step takes them there; no step after it moves them.
    """

    COST: ClassVar[Cost] = ExactCost()
    SUPPORT: ClassVar[Support] = {
        **EVERY_RUN,
        "network.architecture": ("random-features",),
        "network.d_model": ANY,
        "network.d_mlp": ANY,
        "network.precision": ("float32", "float64"),
        "loss": ("squared-error",),
        "optimiser.method": ("least-squares",),
        "optimiser.weight_decay": ANY,
        # The settings see to it that these are at their defaults, where they have no effect.
        **dict.fromkeys(
            (
                *("optimiser.learning_rate", "optimiser.beta1", "optimiser.beta2"),
                *("optimiser.epsilon", "optimiser.warmup_steps", "optimiser.decay_fraction"),
            ),
            ANY,
        ),
    }

    @classmethod
    def unsupported(cls, run: RunSettings) -> str | None:
        """See ``Engine.unsupported``; a task is asked for its examples, and knows its settings."""
        of_task = {f"task.{name}": ANY for name in type(run.task).model_fields}
        return unsupported_by_network(run, {**cls.SUPPORT, **of_task})

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Iterable[Mapping[str, Tensor]],
        device: torch.device,
    ) -> None:
        super().__init__(members, starts, device)
        self._data = stack_data(members, device)
        self._measuring = Measuring(members, device)

    @torch.no_grad()
    def advance(self, first_step: int, num_steps: int) -> None:
        """See ``Engine.advance``."""
        if first_step > 0 or num_steps == 0:
            return
        for k, run in enumerate(self.members):
            inputs_DF = self._data.inputs_KDI[k, : run.dataset_size]
            labels_D = self._data.labels_KDA[k, : run.dataset_size, 0]
            W_in, b_in, W_U = (self.weights.views[name][k] for name in ("W_in", "b_in", "W_U"))
            W_U.copy_(
                least_squares(
                    features(inputs_DF.double(), W_in.double(), b_in.double()),
                    one_hot(labels_D, run.task.num_classes).double(),
                    run.optimiser.weight_decay,
                )
            )

    def measure(self) -> Tensor:
        """See ``Engine.measure``."""
        return self._measuring(self.weights, self.quantities)


def least_squares(features_DL: Tensor, answers_DS: Tensor, weight_decay: float) -> Tensor:
    """Return (L, S) W, the least of the mean of (Φ·W − Y)² and (λ/2)‖W‖², in float64.

    By the singular values of Φ, of which those below max(D, L)·2⁻⁵² of the largest count as 0.

    Args:
        features_DL: Φ.
        answers_DS: Y.
        weight_decay: λ ≥ 0; at 0 the solution of smallest norm.
    """
    D, L = features_DL.shape
    U_DR, size_R, V_RL = torch.linalg.svd(features_DL, full_matrices=False)
    counts_R = size_R > max(D, L) * torch.finfo(torch.float64).eps * size_R[0]
    ridge = weight_decay * answers_DS.numel() / 2
    inverse_R = torch.where(counts_R, size_R / (size_R.square() + ridge), 0.0)
    found: Tensor = V_RL.T @ (inverse_R.unsqueeze(1) * (U_DR.T @ answers_DS))
    return found
