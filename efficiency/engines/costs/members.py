"""Costs of the engines in compiled code, whose members take turns.

W = L + S are the columns of a row of the engine of one layer, X = S + 3 its rows; other letters as
in ``costs.base``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import final

from efficiency import networks
from efficiency.engines.binding import updates_at_once
from efficiency.engines.costs.base import (
    DRAWN,
    NORMAL,
    RECORD_ITSELF,
    RECORD_PAIR,
    RUN_ITSELF,
    Cost,
    Sizes,
    activations,
    history_bytes,
    num_noises,
    num_parameters,
    num_records,
    products,
)
from efficiency.engines.measuring import measured_at_once, measured_by_tensors, num_measured
from efficiency.measurements import PARTS
from efficiency.settings import RunSettings
from efficiency.training.ensemble import step_size

_OBJECTS = 16 * 2**10
"""Memory of a member's settings and the like."""


class MemberCost(Cost):
    """Of an engine whose members take turns, so that time adds up.

    Args:
        buffers: From a run to the memory that all members compute in.
    """

    def __init__(self, buffers: Callable[[RunSettings], int]) -> None:
        self._buffers = buffers

    @abstractmethod
    def step_seconds(self, run: RunSettings) -> float:
        """Return the time of one update."""

    @abstractmethod
    def record_seconds(self, run: RunSettings) -> float:
        """Return the time of one measurement."""

    def seconds(self, group: Sequence[RunSettings]) -> float:
        """See ``Cost.seconds``."""
        records = num_records(group[0])
        return sum(
            run.num_steps * self.step_seconds(run) + records * self.record_seconds(run) + RUN_ITSELF
            for run in group
        )

    def member_bytes(self, run: RunSettings, examples: int) -> int:
        """See ``Cost.member_bytes``; members are not padded."""
        N, A = run.task.num_examples, run.task.num_answers
        copies = 3 + (run.optimiser.decay_target is not None)
        held = copies * run.network.dtype.itemsize * num_parameters(run)
        drawn = run.optimiser.batch_size is not None  # the order of an epoch
        held += 4 * (run.task.num_inputs + A + 2 * drawn) * run.dataset_size
        if measured_by_tensors(run):
            n = num_measured(run)
            held += 8 * (len(PARTS) + A) * n
            if run.recording.most_examples is not None:
                held += 8 * run.task.num_inputs * n  # its own ones
        else:
            held += N if run.label_seed is None else 5 * N
        return held + history_bytes(run) + _OBJECTS

    def computing_bytes(self, run: RunSettings, num_members: int) -> int:
        """See ``Cost.computing_bytes``: buffers, what is read of all examples, and measuring."""
        task = run.task
        held = self._buffers(run) + 4 * (task.num_inputs + task.num_answers) * task.num_examples
        if (batch := run.optimiser.batch_size) is not None:
            # Drawn numbers and orders in 64 bits, epoch by epoch, and places in 32.
            held += 24 * max(batch * updates_at_once(batch), run.dataset_size)
        if measured_by_tensors(run):
            together = min(num_members, measured_at_once(run, "cpu"))
            held += int(together * num_measured(run) * activations(run) * 4)
        return held


def _drawn(run: RunSettings) -> float:
    """Return how many examples are put into an order for an update, epoch by epoch."""
    return 0.0 if run.optimiser.batch_size is None else 2.0 * step_size(run)


# Fitted to the ensembles of two whole families of predictions and to single steps up to p = 113:
# within 10% of almost all of them.
_STEP = {"flop": 1.0e-11, "row": 2.6e-10, "weight": 1.25e-9}
_STEP_ITSELF = 2.2e-6
_RECORD = {"flop": 1.89e-11, "row": 2.55e-10}


@final
class OneLayerCost(MemberCost):
    """Of the engine of one layer, which multiplies W_out·W_U and W_O·[W_in, W_U] once per step.

    For an example a product of L·S is left; sums of rows, two to an example and head, are counted
    too. Forward, and twice as much backward.
    """

    def flops_per_step(self, run: RunSettings) -> float:
        """See ``Cost.flops_per_step``; 12·D·H·W for the rows, back to the weights and to them."""
        s, D = Sizes.of(run), step_size(run)
        M, L, S, W, X = s.M, s.L, s.S, s.L + s.S, s.S + 3
        merged = 6.0 * (M * M * W + L * M * S)
        return merged + 6.0 * (D * L * S + X * M * W + X * M * M) + 12.0 * D * s.H * W

    def step_seconds(self, run: RunSettings) -> float:
        """See ``MemberCost.step_seconds``."""
        s, D = Sizes.of(run), step_size(run)
        W, X = s.L + s.S, s.S + 3
        once = 6.0 * (s.M * s.M * W + s.L * s.M * s.S + X * s.M * W + X * s.M * s.M)
        return (
            _STEP_ITSELF
            + _STEP["flop"] * (once + 6.0 * D * s.L * s.S)
            + _STEP["row"] * D * s.H * W
            + _STEP["weight"] * num_parameters(run)
            + NORMAL * num_parameters(run) * num_noises(run)
            + DRAWN * _drawn(run)
        )

    def record_seconds(self, run: RunSettings) -> float:
        """See ``MemberCost.record_seconds``."""
        s = Sizes.of(run)
        W, X = s.L + s.S, s.S + 3
        forward = 2.0 * (s.M * s.M * W + s.L * s.M * s.S + X * s.M * W + s.N * s.L * s.S)
        return (
            RECORD_ITSELF
            + _RECORD["flop"] * forward
            + _RECORD["row"] * s.N * s.H * W
            + RECORD_PAIR * s.N
        )


# Fitted to 36 networks of one to three layers and widths of 16 to 128: within 35% of all. A number
# is one that a forward pass leaves behind. Attention in sequences (to more positions than
# FEW_POSITIONS of layers.c) and what tensor operations measure: to ten networks of sequences of 7
# to 84 tokens, within a third of almost all.
_LAYERED = {
    "flop": 9.6e-12,
    "number": 3.1e-10,
    "weight": 1.25e-9,
    "dropped": 4.3e-9,
    "attended": 4.5e-9,
}
_LAYERED_STEP, _FEW_POSITIONS = 2e-5, 8
_MEASURED_NUMBER = 1.4e-9


@final
class LayeredCost(MemberCost):
    """Of the engine of networks written down as layers: what the layers multiply, and leave."""

    def flops_per_step(self, run: RunSettings) -> float:
        """See ``Cost.flops_per_step``."""
        return 6.0 * step_size(run) * products(run)

    def step_seconds(self, run: RunSettings) -> float:
        """See ``MemberCost.step_seconds``."""
        D, P = step_size(run), num_parameters(run)
        written = networks.written_down(run.task, run.network)
        layers = written.layers if written is not None else ()
        dropped = sum(
            layer.writes.rows * layer.writes.width for layer in layers if layer.kind == "drop"
        )
        attended = sum(
            layer.option * layer.writes.rows * layer.reads[1].rows
            for layer in layers
            if layer.kind == "attend" and layer.reads[1].rows > _FEW_POSITIONS
        )
        return (
            _LAYERED_STEP
            + _LAYERED["flop"] * 6.0 * D * products(run)
            + _LAYERED["number"] * (D * activations(run))
            + _LAYERED["weight"] * P
            + _LAYERED["attended"] * D * attended
            + _LAYERED["dropped"] * D * dropped * (run.network.dropout_rate > 0)
            + NORMAL * P * num_noises(run)
            + DRAWN * _drawn(run)
        )

    def record_seconds(self, run: RunSettings) -> float:
        """See ``MemberCost.record_seconds``."""
        if measured_by_tensors(run):
            return RECORD_ITSELF + num_measured(run) * _MEASURED_NUMBER * activations(run)
        forward = 2.0 * _LAYERED["flop"] * products(run) + _LAYERED["number"] * activations(run) / 2
        return RECORD_ITSELF + run.task.num_examples * (forward + RECORD_PAIR)
