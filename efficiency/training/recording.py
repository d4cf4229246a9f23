"""When a run is measured, and the history that comes of it.

Shapes: K members, N pairs of the table, R recorded steps, Q quantities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import pandas as pd
import torch

from efficiency.engines import Engine
from efficiency.settings import RecordingSettings
from efficiency.training.ensemble import part_masks


def recorded_steps(recording: RecordingSettings, num_steps: int) -> list[int]:
    """Return the steps at which a run is measured: 0, log-spaced ones, even ones, ``num_steps``.

    Their number is at most ``num_log + num_even + 1``, whatever the length of the run.
    """
    log = np.geomspace(1, num_steps, recording.num_log) if recording.num_log else np.array([])
    even = np.linspace(0, num_steps, recording.num_even + 1)
    steps = np.unique(np.rint(np.concatenate([log, even])).astype(int))
    return [int(step) for step in steps]


@final
class Recorder:
    """Keeps what was measured.

    Args:
        engine: Trains and measures.
        steps: When to measure.

    Attributes:
        values_RQK: What was measured so far, the largest training loss since the last record last.
    """

    def __init__(self, engine: Engine, steps: Sequence[int]) -> None:
        self._engine = engine
        self.steps = list(steps)
        self._names = [*engine.quantities, "train_loss_peak"]
        self.values_RQK = engine.loss_peak_K.new_zeros(
            len(self.steps), len(self._names), len(engine.members)
        )

    def record(self, step: int) -> None:
        """Measure every member now, as the state after ``step`` updates."""
        row, peak_K = self.steps.index(step), self._engine.loss_peak_K
        measured_QK = self._engine.measure()
        now_K = measured_QK[self._names.index("train_loss")]
        self.values_RQK[row, :-1] = measured_QK
        self.values_RQK[row, -1] = torch.maximum(peak_K, now_K)
        peak_K.zero_()

    def history(self, member: int) -> pd.DataFrame:
        """Return one member's history: ``step`` and a column for every quantity that exists.

        A quantity on an empty part of the table has no column.
        """
        values_RQ = self.values_RQK[:, :, member].cpu().numpy()
        columns = {"step": np.array(self.steps, dtype=np.int64)}
        run = self._engine.members[member]
        empty = [p for p, mask_N in part_masks(run).items() if not mask_N.any()]
        for q, name in enumerate(self._names):
            if not any(name.startswith(f"{part}_") for part in empty):
                columns[name] = values_RQ[:, q]
        return pd.DataFrame(columns)
