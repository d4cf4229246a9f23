"""Costs of batched tensor operations, where each member costs as much as the largest.

The one-layer transformer has a program of its own there; any other network is traced. Letters as in
``costs.base``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from efficiency.engines.costs.base import (
    Cost,
    Sizes,
    activations,
    history_bytes,
    is_one_layer,
    num_noises,
    num_parameters,
    products,
)
from efficiency.engines.measuring import measured_at_once, num_measured
from efficiency.measurements import PARTS
from efficiency.settings import RunSettings
from efficiency.training.ensemble import step_size

# Networks without a program of their own, fitted to eighteen ensembles of three kinds of network:
# what the operations of a layer cost whatever their size, and how often an activation is moved.
_TRACED_STEP, _TRACED_MOVES = 0.45e-3, 1.2


@dataclass(frozen=True, kw_only=True)
class _Rates:
    """Seconds that a device takes.

    Attributes:
        step: For an update, whatever its size.
        flop: For a floating-point operation of a matrix product.
        byte: For a byte of an activation to be moved.
        weight: For a weight to be updated.
        noise: For a normal number to be drawn and added.
    """

    step: float
    flop: float
    byte: float
    weight: float
    noise: float


_RATES = {
    # Fitted to nine ensembles of p = 31.
    "cpu": _Rates(step=0.3e-3, flop=1 / 100e9, byte=1 / 4.4e9, weight=9.5e-9, noise=2e-8),
    # Fitted to eight of p = 31 and 113, K from 1 to 2,048, on an H100: within 15% of each. What is
    # moved explains them alone, products and weights being in proportion to it. Noise is a guess.
    "cuda": _Rates(step=0.45e-3, flop=0.0, byte=2.5e-12, weight=0.0, noise=2e-11),
}


_KEPT, _LIBRARIES = {"cpu": 1.0, "cuda": 1.2}, {"cpu": 0, "cuda": 256 * 2**20}
"""By device: what a member takes in units of its arrays, and workspaces of libraries in bytes. A
recorded update has temporary arrays of its own, beside those of its rehearsal: without these two,
peaks of five ensembles of p = 113 on an H100 were 11 to 50% above what was said of them."""


@final
class StackedCost(Cost):
    """See the module.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self._device, self._rates = device, _RATES[device]

    def flops_per_step(self, run: RunSettings) -> float:
        """See ``Cost.flops_per_step``.

        Of the one-layer transformer W_out·W_U and W_O·[W_in, W_U] are multiplied once per step. For
        an example M·(L + S) + L·S are left. Forward, and twice as much backward.
        """
        D = step_size(run)
        if not is_one_layer(run):
            return 6.0 * D * products(run)
        s = Sizes.of(run)
        M, L, S, W = s.M, s.L, s.S, s.L + s.S
        merged = 6.0 * (M * M * W + L * M * S)
        return merged + 6.0 * (D * (M * W + L * S) + (2 * S + 1) * M * M)

    def seconds(self, group: Sequence[RunSettings]) -> float:
        """See ``Cost.seconds``; members are padded to the largest."""
        run = max(group, key=step_size)
        width, D, P = run.network.dtype.itemsize, step_size(run), num_parameters(run)
        rates = self._rates
        step, moved = rates.step, width * D * activations(run)
        moved *= 2.0 if is_one_layer(run) else _TRACED_MOVES
        if not is_one_layer(run):
            step += _TRACED_STEP * (1 + getattr(run.network, "num_layers", 1))
        work = width / 4 * 6.0 * D * products(run) * rates.flop + moved * rates.byte
        drawn = P * rates.noise * num_noises(run)
        return run.num_steps * (step + len(group) * (work + drawn + P * rates.weight))

    def member_bytes(self, run: RunSettings, examples: int) -> int:
        """See ``Cost.member_bytes``."""
        return int(_KEPT[self._device] * self._arrays(run, examples))

    def _arrays(self, run: RunSettings, examples: int) -> int:
        """Return the memory of a member's arrays."""
        width = run.network.dtype.itemsize
        D = run.optimiser.batch_size or examples
        kept = 8 * (len(PARTS) + run.task.num_answers) * num_measured(run) + history_bytes(run)
        if run.recording.most_examples is not None:
            kept += 8 * run.task.num_inputs * num_measured(run)  # its own ones
        if run.optimiser.batch_size is not None:
            kept += 8 * run.dataset_size  # the order of an epoch
        if not is_one_layer(run):
            trained = width * (_copies(run) * num_parameters(run) + 2 * D * activations(run))
            held = 16 * (run.task.num_inputs + run.task.num_answers + 1)
            return int(trained) + held * run.dataset_size + kept
        s = Sizes.of(run)
        T = 2 * s.S + 1
        per_example = 2 * s.L + 5 * s.M + 5 * s.S + 24 * s.H
        per_step = 2 * s.M * (s.L + s.S) + 2 * s.L * s.S + s.M * s.M + 4 * T * s.M + 4 * T * s.H
        trained = width * ((_copies(run) - 2) * num_parameters(run) + per_step + D * per_example)
        return trained + 44 * D + 20 * run.dataset_size + kept

    def computing_bytes(self, run: RunSettings, num_members: int) -> int:
        """See ``Cost.computing_bytes``: what measuring all examples of some members leaves."""
        together = min(num_members, measured_at_once(run, self._device))
        width = run.network.dtype.itemsize
        libraries = _LIBRARIES[self._device]
        if not is_one_layer(run):
            return libraries + int(together * num_measured(run) * activations(run) * width)
        s = Sizes.of(run)
        return (
            libraries + together * num_measured(run) * (s.L + 3 * s.M + 3 * s.S + 6 * s.H) * width
        )


def _copies(run: RunSettings) -> int:
    """Return how many copies of the weights are held, temporary ones included."""
    o = run.optimiser
    noisy = o.update_noise is not None or o.weight_noise is not None
    orthogonal = 6 * (o.orthogonal_gradient is not None)  # three in float64
    return 7 + 8 * noisy + orthogonal + (o.weight_noise is not None) + (o.decay_target is not None)
