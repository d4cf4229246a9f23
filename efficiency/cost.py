"""What training will cost: operations, time and memory.

Shapes: K members, D examples, N examples of the task (pairs of a table), M = d_model, H heads,
L = d_mlp, S symbols, P parameters. W = L + S are the columns of a row of the compiled engine,
X = S + 3 its rows.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from efficiency import engines, networks
from efficiency.engines import compiling
from efficiency.engines.members import MemberEngine
from efficiency.engines.stacked import measured_at_once
from efficiency.measurements import PARTS
from efficiency.settings import (
    OneLayerTransformerSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
    TransformerSettings,
)
from efficiency.training.ensemble import step_size
from efficiency.training.loop import Training
from efficiency.training.recording import recorded_steps, snapshot_steps


@dataclass(frozen=True)
class Sizes:
    """The sizes that the cost of the one-layer transformer depends on; letters as in the module."""

    M: int
    L: int
    S: int
    H: int
    D: int
    N: int

    @classmethod
    def of(cls, run: RunSettings) -> Sizes:
        """Return the sizes of a run."""
        n, t = run.network, run.task
        assert isinstance(n, OneLayerTransformerSettings | TransformerSettings)
        return cls(
            M=n.d_model,
            L=n.d_mlp,
            S=t.num_classes,
            H=n.num_heads,
            D=run.dataset_size,
            N=t.num_examples,
        )

    @property
    def P(self) -> int:
        """Parameters of the network."""
        M, L, S = self.M, self.L, self.S
        return (S + 1) * M + 3 * M + 4 * M * M + 2 * M * L + L + M + M * S


def _one_layer(run: RunSettings) -> bool:
    return isinstance(run.network, OneLayerTransformerSettings)


def _architecture(run: RunSettings) -> networks.Architecture:
    return networks.ARCHITECTURES.find(run.network.architecture)


def _products(run: RunSettings) -> float:
    return _architecture(run).products(run.task, run.network)


def _activations(run: RunSettings) -> float:
    return _architecture(run).activations(run.task, run.network)


def num_parameters(run: RunSettings) -> int:
    """Return the parameters of a run's network."""
    return sum(math.prod(shape) for shape in networks.shapes(run.task, run.network).values())


def flops_per_step(run: RunSettings, engine: str = "compiled") -> float:
    """Return the floating-point operations of the matrix products of one network-step.

    Of the one-layer transformer two engines multiply W_out·W_U and W_O·[W_in, W_U] once per step.
    For an example the compiled engine then has a product of L·S left; the stacked one has M·(L + S)
    more. Forward, and twice as much backward. The compiled engine's sums of rows, 12·D·H·W
    operations (two rows to an example
    and head; forward, back to the weights and back to the rows), are counted too.
    """
    if engine == "layered" or (engine == "stacked" and not _one_layer(run)):
        return 6.0 * step_size(run) * _products(run)
    s = Sizes.of(run)
    M, L, S, D, W, X = s.M, s.L, s.S, step_size(run), s.L + s.S, s.S + 3
    merged = 6.0 * (M * M * W + L * M * S)
    if engine == "stacked":
        return merged + 6.0 * (D * (M * W + L * S) + (2 * S + 1) * M * M)
    return merged + 6.0 * (D * L * S + X * M * W + X * M * M) + 12.0 * D * s.H * W


# Seconds on one core of an AMD EPYC (Zen 4) at work on all cores, fitted by non-negative least
# squares on relative errors to the ensembles of two whole families of predictions and to single
# steps up to p = 113: within 10% of almost all of them; see benchmarks/NOTES.md.
_STEP = {"flop": 1.0e-11, "row": 2.6e-10, "weight": 1.25e-9}
_STEP_ITSELF = 2.2e-6
_NORMAL, _DRAWN = 1.2e-9, 4.1e-8  # for a normal number, and for an example to be drawn
_RECORD = {"flop": 1.89e-11, "row": 2.55e-10, "pair": 9.5e-8}
_RECORD_ITSELF = 7e-5
_RUN_ITSELF = 0.015  # to be begun, and to be saved

# The layered engine, fitted to 36 networks of one to three layers and widths of 16 to 128, in units
# of the same machine: within 35% of all. A number is one that a forward pass leaves behind.
_LAYERED = {"flop": 9.6e-12, "number": 3.1e-10, "weight": 1.25e-9, "dropped": 4.3e-9}
_LAYERED_STEP = 2e-5

# The stacked engine, fitted to nine ensembles of p = 31.
_STACKED_FLOP, _STACKED_BYTE = 1 / 100e9, 1 / 4.4e9
_STACKED_WEIGHT, _STACKED_STEP = 9.5e-9, 0.3e-3
# Networks without a program of their own, fitted to eighteen ensembles of three kinds of network:
# what the operations of a layer cost whatever their size, and how often an activation is moved.
_TRACED_STEP, _TRACED_MOVES = 0.45e-3, 1.2

_NOISE = 2e-8
"""Seconds for a normal number to be drawn and added."""


def seconds(group: Sequence[RunSettings], engine: str = "compiled") -> float:
    """Return the time to train a group of runs as one ensemble on one core of the machine above.

    Args:
        group: Runs that share a ``shape_key``.
        engine: What trains them.
    """
    if engine == "stacked":
        return _stacked_seconds(group)
    records = len(recorded_steps(group[0].recording, group[0].num_steps))
    step, record = {
        "compiled": (_step_seconds, _record_seconds),
        "layered": (_layered_step_seconds, _layered_record_seconds),
    }[engine]
    return sum(run.num_steps * step(run) + records * record(run) + _RUN_ITSELF for run in group)


def _step_seconds(run: RunSettings) -> float:
    s, D = Sizes.of(run), step_size(run)
    W, X = s.L + s.S, s.S + 3
    products = 6.0 * (s.M * s.M * W + s.L * s.M * s.S + X * s.M * W + X * s.M * s.M)
    return (
        _STEP_ITSELF
        + _STEP["flop"] * (products + 6.0 * D * s.L * s.S)
        + _STEP["row"] * D * s.H * W
        + _STEP["weight"] * s.P
        + _NORMAL * s.P * _noises(run)
        + _DRAWN * s.D * (run.optimiser.batch_size is not None)
    )


def _noises(run: RunSettings) -> int:
    """Return how many normal numbers are drawn for a weight at every step."""
    noises = (run.optimiser.update_noise, run.optimiser.weight_noise)
    return sum(noise is not None for noise in noises)


def _record_seconds(run: RunSettings) -> float:
    s = Sizes.of(run)
    W, X = s.L + s.S, s.S + 3
    products = 2.0 * (s.M * s.M * W + s.L * s.M * s.S + X * s.M * W + s.N * s.L * s.S)
    return (
        _RECORD_ITSELF
        + _RECORD["flop"] * products
        + _RECORD["row"] * s.N * s.H * W
        + _RECORD["pair"] * s.N
    )


def _layered_step_seconds(run: RunSettings) -> float:
    D, P = step_size(run), num_parameters(run)
    numbers = D * _activations(run)
    written = networks.written_down(run.task, run.network)
    dropped = sum(
        layer.writes.rows * layer.writes.width
        for layer in (written.layers if written is not None else ())
        if layer.kind == "drop"
    )
    return (
        _LAYERED_STEP
        + _LAYERED["flop"] * 6.0 * D * _products(run)
        + _LAYERED["number"] * numbers
        + _LAYERED["weight"] * P
        + _LAYERED["dropped"] * D * dropped * (run.network.dropout_rate > 0)
        + _NORMAL * P * _noises(run)
        + _DRAWN * run.dataset_size * (run.optimiser.batch_size is not None)
    )


def _layered_record_seconds(run: RunSettings) -> float:
    N = run.task.num_examples
    forward = 2.0 * _LAYERED["flop"] * _products(run) + _LAYERED["number"] * _activations(run) / 2
    return _RECORD_ITSELF + N * (forward + _RECORD["pair"])


def _stacked_seconds(group: Sequence[RunSettings]) -> float:
    """Every member costs as much as the largest, because it is padded to it."""
    run = max(group, key=step_size)
    width, D, P = run.network.dtype.itemsize, step_size(run), num_parameters(run)
    step, moved = _STACKED_STEP, width * D * _activations(run)
    moved *= 2.0 if _one_layer(run) else _TRACED_MOVES
    if not _one_layer(run):
        step += _TRACED_STEP * (1 + getattr(run.network, "num_layers", 1))
    work = width / 4 * 6.0 * D * _products(run) * _STACKED_FLOP + moved * _STACKED_BYTE
    drawn = P * _NOISE * _noises(run)
    return run.num_steps * (step + len(group) * (work + drawn + P * _STACKED_WEIGHT))


@functools.lru_cache(maxsize=1)
def slowness() -> float:
    """Return how much longer this machine takes than the one that the times were fitted on.

    Measured in a third of a second on a small network of the compiled engine, and the shortest time
    that this processor was ever seen to take is kept: something else may run beside any one
    measurement. 1 where there is no compiled engine.
    """
    run = RunSettings(
        task=TaskSettings(operation="addition", size=31),
        network=OneLayerTransformerSettings(d_model=32, num_heads=4, d_mlp=128),
        optimiser=OptimiserSettings(),
        dataset_size=192,
        data_seed=0,
        init_seed=0,
        num_steps=1000,
    )
    if engines.choose("auto", run, "cpu") != "compiled":
        return 1.0
    engine = Training([run], [None], "cpu").engine
    times = []
    for _ in range(30):
        began = time.perf_counter()
        engine.advance(0, 100)
        times.append((time.perf_counter() - began) / 100)
    return compiling.least_ever(engines.CompiledEngine.CODE.source, min(times)) / _step_seconds(run)


_OBJECTS = 16 * 2**10
"""Memory of a member's settings and the like."""

_SAVED_AT_ONCE = 16 * 2**20
"""Memory that numpy takes to write one array of a checkpoint."""


def _copies(run: RunSettings) -> int:
    """Return how many copies of the weights the stacked engine holds, temporary ones included."""
    o = run.optimiser
    noisy = o.update_noise is not None or o.weight_noise is not None
    orthogonal = 6 * (o.orthogonal_gradient is not None)  # three in float64
    return 7 + 8 * noisy + orthogonal + (o.weight_noise is not None) + (o.decay_target is not None)


def member_bytes(run: RunSettings, engine: str = "compiled", *, examples: int | None = None) -> int:
    """Return the memory of one member of an ensemble in training.

    Args:
        run: The member.
        engine: What trains it.
        examples: D of the ensemble's largest member, to which the stacked engine pads.
    """
    width = run.network.dtype.itemsize
    per_pair = 8 * (len(PARTS) + run.task.num_answers)
    names = len(networks.shapes(run.task, run.network)) + 20
    names += len(run.recording.measures or ()) + 6 * len(run.task.answers)
    quantities = names * 8 * len(recorded_steps(run.recording, run.num_steps))
    quantities += snapshot_bytes(run)
    if engine == "stacked" and not _one_layer(run):
        N = run.task.num_examples
        D = run.optimiser.batch_size or examples or run.dataset_size
        kept = width * (_copies(run) * num_parameters(run) + 2 * D * _activations(run))
        held = 16 * (run.task.num_inputs + run.task.num_answers + 1)
        return int(kept) + held * run.dataset_size + per_pair * N + quantities
    if issubclass(engines.ENGINES[engine], MemberEngine):
        N = run.task.num_examples
        labels = 0 if run.label_seed is None else 4 * N
        copies = 3 + (run.optimiser.decay_target is not None)
        held = copies * width * num_parameters(run) + 12 * run.dataset_size
        return held + N + labels + quantities + _OBJECTS
    s = Sizes.of(run)
    D, T = run.optimiser.batch_size or examples or s.D, 2 * s.S + 1
    per_example = 2 * s.L + 5 * s.M + 5 * s.S + 24 * s.H
    per_step = 2 * s.M * (s.L + s.S) + 2 * s.L * s.S + s.M * s.M + 4 * T * s.M + 4 * T * s.H
    fixed = 44 * D + 20 * run.dataset_size + per_pair * s.N + quantities
    return width * ((_copies(run) - 2) * s.P + per_step + D * per_example) + fixed


def snapshot_bytes(run: RunSettings) -> int:
    """Return the memory of a run's snapshots, and the space that they take in a store."""
    kept = len(snapshot_steps(run.recording, run.num_steps))
    return kept * run.network.dtype.itemsize * num_parameters(run) if kept else 0


def group_bytes(group: Sequence[RunSettings], engine: str = "compiled") -> int:
    """Return the memory that training a group takes, on one thread, apart from the interpreter.

    The largest dataset counts for all, whatever the engine: a bound must hold for the worst.
    """
    largest = max(group, key=lambda member: member.dataset_size)
    each = member_bytes(largest, engine, examples=largest.dataset_size)
    return len(group) * each + shared_bytes(largest, len(group), engine)


def shared_bytes(run: RunSettings, num_members: int, engine: str = "compiled") -> int:
    """Return the memory of an ensemble that its members share: for computing and for saving."""
    width = run.network.dtype.itemsize
    saving = min(num_members * width * num_parameters(run), _SAVED_AT_ONCE)
    if engine == "stacked" and not _one_layer(run):
        N = run.task.num_examples
        together = min(num_members, measured_at_once(run))
        return int(together * N * _activations(run) * width) + saving
    by = engines.ENGINES[engine]
    if issubclass(by, MemberEngine):
        return by.memory_bytes(run) + saving
    s = Sizes.of(run)
    per_pair = s.L + 3 * s.M + 3 * s.S + 6 * s.H
    return min(num_members, measured_at_once(run)) * s.N * per_pair * width + saving
