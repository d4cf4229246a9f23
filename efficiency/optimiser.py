"""AdamW for K networks at once, each with its own learning rate, schedule and weight decay.

Shapes: K members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.ensemble import Stack
from efficiency.settings import OptimiserSettings


def learning_rate_factor(
    step: npt.ArrayLike, *, num_steps: int, warmup_steps: int, decay_fraction: float
) -> npt.NDArray[np.float64]:
    """Return the learning rate of update ``step`` (from 0) as a fraction of the plateau, in (0, 1].

    Linear rise over the first ``warmup_steps`` updates, plateau, linear fall over the last
    ``decay_fraction`` of the run.
    """
    done = np.asarray(step, dtype=np.float64)
    rise = (done + 1) / max(warmup_steps, 1)
    fall = (num_steps - done) / max(decay_fraction * num_steps, 1)
    factor: npt.NDArray[np.float64] = np.minimum(1, np.minimum(rise, fall))
    return factor


def learning_time(
    step: npt.ArrayLike, *, num_steps: int, warmup_steps: int, decay_fraction: float
) -> npt.NDArray[np.float64]:
    """Return the sum of the learning-rate factors of all updates before each of ``step``.

    Time counted this way runs slower where the learning rate is low, so that a network whose
    learning rate has decayed cannot pass for one that has settled.
    """
    n = np.asarray(step, dtype=np.float64)
    rise, fall = max(warmup_steps, 1), max(decay_fraction * num_steps, 1)
    # Updates before ``top`` are on the rise, those from ``slope`` on fall; where the two lines meet
    # below the plateau there is none.
    meet = np.floor((num_steps * rise - fall) / (rise + fall)) + 1
    top = max(0, min(rise, meet, num_steps))
    slope = max(top, np.ceil(num_steps - fall))
    risen, falling = np.minimum(n, top), np.maximum(n - slope, 0)
    time: npt.NDArray[np.float64] = (
        risen * (risen + 1) / (2 * rise)
        + np.clip(n, top, slope)
        - top
        + falling * (2 * num_steps - slope - n + 1) / (2 * fall)
    )
    return time


@final
class StackedAdamW:
    """AdamW (Loshchilov & Hutter 2019, decoupled decay) on K stacked networks.

    Equal to ``torch.optim.AdamW`` member by member, up to rounding; torch's own refuses a tensor
    of weight decays.

    Args:
        weights: The weights, changed in place.
        first: The first moment, likewise; zeros at the beginning of a run.
        second: The second moment.
        members: K settings; ``beta1``, ``beta2`` and ``epsilon`` must be shared.
        num_steps: Length of the run, which the decay of the learning rate refers to.
        norms_K: See ``held_norms``.
    """

    def __init__(
        self,
        weights: Stack,
        first: Stack,
        second: Stack,
        members: Sequence[OptimiserSettings],
        num_steps: int,
        *,
        norms_K: Tensor | None = None,
    ) -> None:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64, device=weights.flat.device)

        self._weights, self._first, self._second = weights, first, second
        self._num_steps = num_steps
        self._beta1, self._beta2 = members[0].beta1, members[0].beta2
        self._epsilon = members[0].epsilon
        self._rate_K = column([m.learning_rate for m in members])
        self._decay_K = column([m.weight_decay for m in members])
        self._rise_K = column([max(m.warmup_steps, 1) for m in members])
        self._fall_K = column([max(m.decay_fraction * num_steps, 1) for m in members])
        self._norms_K = norms_K
        shapes = {name: tuple(view.shape[1:]) for name, view in weights.views.items()}
        self._update = Stack.zeros(shapes, len(members), weights.flat)
        # On the device, so that an update is the same program at every step.
        self._step = torch.zeros((), dtype=torch.float64, device=weights.flat.device)

    def go_to(self, step: int) -> None:
        """Make ``step``, counted from 0, the next update."""
        self._step.fill_(step)

    def rates_K(self) -> Tensor:
        """Return (K,) learning rates of the next update (float64)."""
        rise = (self._step + 1) / self._rise_K
        fall = (self._num_steps - self._step) / self._fall_K
        return self._rate_K * torch.minimum(rise, fall).clamp(max=1)

    @torch.no_grad()
    def update(self, gradient: Tensor) -> None:
        """Make the next update, with a flat gradient."""
        rates_K = self.rates_K()
        self._step.add_(1)
        first, second, update = self._first.flat, self._second.flat, self._update
        first.lerp_(gradient, 1 - self._beta1)
        second.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
        bias1, bias2 = 1 - self._beta1**self._step, 1 - self._beta2**self._step
        torch.sqrt(second, out=update.flat).div_(bias2.sqrt()).add_(self._epsilon)
        torch.div(first, update.flat, out=update.flat)
        keep_K = (1 - rates_K * self._decay_K).to(gradient.dtype)
        step_K = (-rates_K / bias1).to(gradient.dtype)
        for name, weight in self._weights.views.items():
            per_member = (-1, *(1,) * (weight.dim() - 1))
            weight.mul_(keep_K.view(per_member))
            weight.addcmul_(update.views[name], step_K.view(per_member))
        if self._norms_K is not None:
            scale_to_norms(self._weights, self._norms_K)


def _norms(weights: Stack) -> Tensor:
    """Return ‖θ‖₂ of each member, (K,) in float64."""
    squares = [view.flatten(1).double().square().sum(1) for view in weights.views.values()]
    return torch.stack(squares).sum(0).sqrt()


def held_norms(weights: Stack, members: Sequence[OptimiserSettings]) -> Tensor | None:
    """Return (K,) the norms at which members are held, by their ``norm_factor``; float64.

    Args:
        weights: The weights that the runs start with.
        members: K settings.

    Returns:
        0 for a member whose norm is free, ``None`` if all are.
    """
    factors = [m.norm_factor or 0.0 for m in members]
    if not any(factors):
        return None
    present_K = _norms(weights)
    return present_K * torch.tensor(factors, dtype=present_K.dtype, device=present_K.device)


@torch.no_grad()
def scale_to_norms(weights: Stack, norms_K: Tensor) -> None:
    """Scale each member's weights to its norm; 0 leaves a member alone."""
    factor_K = torch.where(norms_K > 0, norms_K / _norms(weights), 1.0)
    for view in weights.views.values():
        view.mul_(factor_K.to(view.dtype).view(-1, *(1,) * (view.dim() - 1)))
