"""Cost of what is solved and not trained; letters as in ``costs.base``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from efficiency.engines.costs.base import (
    RUN_ITSELF,
    Cost,
    activations,
    history_bytes,
    num_parameters,
    num_records,
    products,
)
from efficiency.engines.measuring import measured_at_once
from efficiency.measurements import PARTS
from efficiency.settings import RunSettings

_SOLVED, _MEASURED = 2.0e-9, 4.0e-10
"""Seconds for D·L·min(D, L), and for a multiplication of the products of an example."""


@final
class ExactCost(Cost):
    """See the module."""

    def flops_per_step(self, run: RunSettings) -> float:
        """See ``Cost.flops_per_step``: of the first, about what singular values of (D, L) take."""
        D, L = run.dataset_size, run.network.d_mlp
        return 6.0 * D * L * min(D, L)

    def seconds(self, group: Sequence[RunSettings]) -> float:
        """See ``Cost.seconds``."""
        return sum(self._seconds(run) for run in group)

    def _seconds(self, run: RunSettings) -> float:
        D, L = run.dataset_size, run.network.d_mlp
        records = num_records(run)
        solved = _SOLVED * D * L * min(D, L)
        return solved + RUN_ITSELF + records * run.task.num_examples * _MEASURED * products(run)

    def member_bytes(self, run: RunSettings, examples: int) -> int:
        """See ``Cost.member_bytes``."""
        N, I = run.task.num_examples, run.task.num_inputs  # noqa: E741
        held = 3 * run.network.dtype.itemsize * num_parameters(run) + 16 * examples * (I + 2)
        return held + 8 * (len(PARTS) + 1) * N + history_bytes(run)

    def computing_bytes(self, run: RunSettings, num_members: int) -> int:
        """See ``Cost.computing_bytes``: Φ with its singular vectors, or what measuring leaves."""
        D, L = run.dataset_size, run.network.d_mlp
        solving = 8 * (3 * D * L + 2 * min(D, L) * max(D, L))
        together = min(num_members, measured_at_once(run, "cpu"))
        measuring = together * run.task.num_examples * activations(run) * run.network.dtype.itemsize
        return int(max(solving, measuring))
