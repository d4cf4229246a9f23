"""AdamW and gradient descent for K networks at once, each with its own schedule and weight decay.

Shapes: K members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from efficiency.errors import InvalidInputError
from efficiency.settings import OptimiserSettings
from efficiency.training import counter_random
from efficiency.training.ensemble import Stack

UNIT = 2.0**40
"""The second moment is kept in units of its square, so that gradients down to 1e-30 still have one.

Where it underflows an update is the gradient over ε, however small that is: with ε = 1e-20 in
float32 ten times too large at a gradient of 1e-19. Scaling by a power of two is exact.
"""


EMBEDDING = "W_E"
"""The weights that may have a learning rate and a weight decay of their own."""


LEAST_LEFT = 1e-6
"""What is left of a gradient beside its part along the weights is rounding, if it is less."""


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
class StackedOptimiser:
    """AdamW (Loshchilov & Hutter 2019, decoupled decay) or gradient descent on K stacked networks.

    Equal to ``torch.optim.AdamW`` and ``torch.optim.SGD`` member by member, up to rounding; torch's
    own refuse a tensor of weight decays.

    Args:
        weights: The weights, changed in place.
        first: The first moment, likewise; zeros at the beginning of a run.
        second: The second moment, in units of ``UNIT`` squared.
        members: K settings; ``method``, ``beta1``, ``beta2`` and ``epsilon`` must be shared, and
            whether embeddings have a learning rate or a weight decay of their own.
        num_steps: Length of the run, which the decay of the learning rate refers to.
        norms_K: See ``held_norms``.
        seeds_K: Seeds of the members' streams, see ``efficiency.training.counter_random``; for
            update noise.
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
        seeds_K: Tensor | None = None,
    ) -> None:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64, device=weights.flat.device)

        self._weights, self._first, self._second = weights, first, second
        self._num_steps = num_steps
        self._beta1, self._beta2 = members[0].beta1, members[0].beta2
        self._epsilon = members[0].epsilon
        self._rate_K = column([m.learning_rate for m in members])
        self._groups = _groups(weights.views, members, column)
        self._rise_K = column([max(m.warmup_steps, 1) for m in members])
        self._fall_K = column([max(m.decay_fraction * num_steps, 1) for m in members])
        self._norms_K, self._seeds_K = norms_K, seeds_K
        self._orthogonal = members[0].orthogonal_gradient
        self._l2 = members[0].decay_form == "l2"
        self._descends = members[0].method == "gradient-descent"
        towards_start = members[0].decay_target == "initial"
        self._target = weights.clone() if towards_start else None
        noises = [m.update_noise or 0.0 for m in members]
        self._noise_K = column(noises) if any(noises) else None
        shapes = {name: tuple(view.shape[1:]) for name, view in weights.views.items()}
        self._update = Stack.zeros(shapes, len(members), weights.flat)
        # On the device, so that an update is the same program at every step.
        self.step = torch.zeros((), dtype=torch.float64, device=weights.flat.device)

    def go_to(self, step: int) -> None:
        """Make ``step``, counted from 0, the next update."""
        self.step.fill_(step)

    def rates_K(self) -> Tensor:
        """Return (K,) learning rates of the next update (float64)."""
        rise = (self.step + 1) / self._rise_K
        fall = (self._num_steps - self.step) / self._fall_K
        return self._rate_K * torch.minimum(rise, fall).clamp(max=1)

    @torch.no_grad()
    def update(self, gradient: Tensor) -> None:
        """Make the next update; the flat gradient is changed by what is done to it before Adam."""
        rates_K, step = self.rates_K(), self.step.clone()
        self.step.add_(1)
        if self._orthogonal is not None:
            self._make_orthogonal(gradient)
        if self._l2:
            self._add_penalty(gradient)
        update, step_K = self._update, rates_K
        if self._descends:
            update.flat.copy_(gradient)
        else:
            self._adapt(gradient)
            step_K = rates_K / (1 - self._beta1**self.step)
        for names, times_K, decay_K in self._groups:
            moved_K = step_K if times_K is None else step_K * times_K
            lost_K = torch.zeros_like(rates_K) if self._l2 else rates_K * decay_K
            lost_K = lost_K if times_K is None else lost_K * times_K
            moved_K = -moved_K.to(gradient.dtype)
            kept_K, lost_K = (1 - lost_K).to(gradient.dtype), lost_K.to(gradient.dtype)
            for name in names:
                weight = self._weights.views[name]
                if self._target is None:
                    weight.mul_(_each(kept_K, weight))
                else:
                    weight.lerp_(self._target.views[name], _each(lost_K, weight))
                weight.addcmul_(update.views[name], _each(moved_K, weight))
        if self._noise_K is not None and self._seeds_K is not None:
            keys_K = counter_random.keys(self._seeds_K, "update noise", step.long())
            add_noise(self._weights, self._weights, rates_K * self._noise_K, keys_K)
        if self._norms_K is not None:
            scale_to_norms(self._weights, self._norms_K)

    def _adapt(self, gradient: Tensor) -> None:
        """Make the update from the gradient by its moments."""
        first, second, update = self._first.flat, self._second.flat, self._update.flat
        first.lerp_(gradient, 1 - self._beta1)
        # Scaled first: some devices would square first, and lose what the unit is there to keep.
        scaled = torch.mul(gradient, UNIT, out=update)
        second.mul_(self._beta2).addcmul_(scaled, scaled, value=1 - self._beta2)
        bias2 = 1 - self._beta2**self.step
        torch.sqrt(second, out=update).div_(bias2.sqrt() * UNIT).add_(self._epsilon)
        torch.div(first, update, out=update)

    def _pieces(self, gradient: Tensor) -> dict[str, Tensor]:
        """Return the views of a gradient that is laid out like the weights."""
        weights = self._weights.views
        pieces = torch.split(gradient, [weight.numel() for weight in weights.values()])
        return {
            name: piece.view_as(weight)
            for (name, weight), piece in zip(weights.items(), pieces, strict=True)
        }

    def _add_penalty(self, gradient: Tensor) -> None:
        """Add λ(θ − target) to the gradient."""
        pieces = self._pieces(gradient)
        for names, _, decay_K in self._groups:
            for name in names:
                weight = self._weights.views[name]
                away = weight if self._target is None else weight - self._target.views[name]
                pieces[name].addcmul_(away, _each(decay_K.to(weight.dtype), weight))

    def _make_orthogonal(self, gradient: Tensor) -> None:
        """Take out what lies along the weights, and keep the length."""
        pieces, weights = self._pieces(gradient), self._weights.views
        together = [[name] for name in pieces] if self._orthogonal == "each" else [list(pieces)]
        for names in together:
            before_K = _inner(pieces, pieces, names)
            square_K = _inner(weights, weights, names)
            part_K = torch.where(square_K > 0, _inner(pieces, weights, names) / square_K, 0.0)
            for name in names:
                pieces[name].addcmul_(
                    weights[name], _each(-part_K.to(gradient.dtype), pieces[name])
                )
            after_K = _inner(pieces, pieces, names)
            left = after_K > LEAST_LEFT**2 * before_K
            scale_K = torch.where(left, (before_K / after_K).sqrt(), 0.0).to(gradient.dtype)
            for name in names:
                pieces[name].mul_(_each(scale_K, pieces[name]))


def _groups(
    names: Iterable[str],
    members: Sequence[OptimiserSettings],
    column: Callable[[Sequence[float]], Tensor],
) -> list[tuple[list[str], Tensor | None, Tensor]]:
    """Return names of weights, their η in units of the usual one (if not that) and their λ."""
    every, first = list(names), members[0]
    usual = (every, None, column([m.weight_decay for m in members]))
    if first.embedding_learning_rate is None and first.embedding_weight_decay is None:
        return [usual]
    own = [name for name in every if name.rsplit(".", 1)[-1] == EMBEDDING]
    if not own:
        raise InvalidInputError(
            f"a learning rate or a weight decay of the embeddings is given, and no weights are "
            f"called {EMBEDDING}; leave it out, it would have no effect"
        )
    times_K = column([m.embedding_rate / m.learning_rate for m in members])
    rest = [name for name in every if name not in own]
    return [
        (rest, None, usual[2]),
        (own, times_K, column([m.embedding_decay for m in members])),
    ]


def _inner(one: Mapping[str, Tensor], other: Mapping[str, Tensor], names: Iterable[str]) -> Tensor:
    """Return (K,) the inner products of these arrays of each member, all added up, in float64."""
    products = [(one[name].double() * other[name].double()).flatten(1).sum(1) for name in names]
    return torch.stack(products).sum(0)


def _each(values_K: Tensor, weight: Tensor) -> Tensor:
    """Return a number for each member in the shape to be multiplied with its weights."""
    return values_K.view(-1, *(1,) * (weight.dim() - 1))


def add_noise(result: Stack, weights: Stack, scale_K: Tensor, keys_K: Tensor) -> None:
    """Set ``result`` to ``weights`` plus normal noise, from a stream for each parameter.

    Args:
        result: May be ``weights`` itself.
        weights: K networks.
        scale_K: Standard deviations.
        keys_K: See ``efficiency.training.counter_random``.
    """
    drawn = counter_random.normals(keys_K, [weight[0].numel() for weight in weights.views.values()])
    for (name, weight), noise_KX in zip(weights.views.items(), drawn, strict=True):
        noise = noise_KX.to(weight.dtype).reshape(weight.shape)
        torch.addcmul(
            weight, noise, _each(scale_K.to(weight.dtype), weight), out=result.views[name]
        )


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
