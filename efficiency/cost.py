"""What training will cost: operations, bytes, and an estimate of time and memory.

Shapes: K members, D examples, M = d_model, L = d_mlp, S symbols, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

from efficiency import tasks
from efficiency.settings import RunSettings

# Fitted to the ensembles of a quick ungrokking run, one thread each on two cores of an AMD EPYC
# (Zen 4), recording included; see benchmarks/NOTES.md.
_FLOPS_PER_SECOND = 100e9
_BYTES_PER_SECOND = 4.4e9
_SECONDS_PER_PARAMETER = 9.5e-9
_SECONDS_PER_STEP = 0.3e-3

_INTERPRETER_BYTES = 450e6
_RECORDING_BYTES = 256 * 2**20


def _sizes(run: RunSettings) -> tuple[int, int, int, int]:
    S = tasks.num_symbols(run.task.operation, run.task.size)
    return run.network.d_model, run.network.d_mlp, S, run.network.num_heads


def flops_per_step(run: RunSettings) -> float:
    """Return the floating-point operations of one network-step in merged table form.

    Forward: D·(M·L + M·S + L·S) multiply-adds, two operations each; backward twice as many. The
    products per table row and per step are left out: they do not grow with D.
    """
    M, L, S, _ = _sizes(run)
    return 6.0 * run.dataset_size * (M * L + M * S + L * S)


def bytes_per_step(run: RunSettings) -> float:
    """Return the bytes that the elementwise passes of one network-step move, roughly."""
    M, L, S, _ = _sizes(run)
    width = 4 if run.network.precision == "float32" else 8
    return width * run.dataset_size * (6.0 * L + 10.0 * S + 10.0 * M)


def num_parameters(run: RunSettings) -> int:
    """Return P, the number of weights of the network."""
    M, L, S, _ = _sizes(run)
    return (S + 1) * M + 3 * M + 4 * M * M + 2 * M * L + L + M + M * S


def seconds(group: Sequence[RunSettings]) -> float:
    """Return the estimated time to train a group of runs as one ensemble on one CPU core.

    Every member costs as much as the largest, because it is padded to it.
    """
    run = max(group, key=lambda member: member.dataset_size)
    slower = 1 if run.network.precision == "float32" else 2
    work = (
        slower * flops_per_step(run) / _FLOPS_PER_SECOND + bytes_per_step(run) / _BYTES_PER_SECOND
    )
    per_member = work + num_parameters(run) * _SECONDS_PER_PARAMETER
    return run.num_steps * (_SECONDS_PER_STEP + len(group) * per_member)


def memory_bytes(groups: Sequence[Sequence[RunSettings]]) -> float:
    """Return the estimated peak memory of training groups of runs side by side."""
    total = _INTERPRETER_BYTES
    for group in groups:
        run = max(group, key=lambda member: member.dataset_size)
        M, L, S, H = _sizes(run)
        width = 4 if run.network.precision == "float32" else 8
        per_example = 2 * L + 6 * M + 4 * S + 14 * H
        per_member = 6 * num_parameters(run) + run.dataset_size * per_example
        table = tasks.num_pairs(run.task.operation, run.task.size) * per_example
        recording = min(len(group) * table * width, _RECORDING_BYTES)
        total += width * len(group) * per_member + recording
    return total
