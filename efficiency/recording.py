"""When a run is measured, and the measuring of a whole ensemble.

Shapes: K members, N pairs of the table, R recorded steps, Q quantities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from efficiency import measurements
from efficiency.ensemble import Data
from efficiency.models import Program
from efficiency.settings import RecordingSettings

_CHUNK_BYTES = 256 * 2**20


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
    """Measures an ensemble on its whole table and keeps what it found.

    Args:
        program: Computes the members' logits.
        data: Their table, labels and parts.
        parameters: Their weights, as views that training changes in place.
        steps: When to measure.
    """

    def __init__(
        self,
        *,
        program: Program,
        data: Data,
        parameters: Mapping[str, Tensor],
        steps: Sequence[int],
    ) -> None:
        self._program, self._data, self._parameters = program, data, parameters
        self.steps = list(steps)
        K, N = data.labels_KN.shape
        widths = sum(p.shape[-1] for p in parameters.values() if p.dim() == 3)
        # A chunk of members at a time: the whole table of every member at once could be gigabytes.
        chunk = max(1, _CHUNK_BYTES // (8 * N * widths))
        self._chunks = [slice(k, min(k + chunk, K)) for k in range(0, K, chunk)]
        self._examples = {
            size: program.prepare(data.left_N.expand(size, N), data.right_N.expand(size, N))
            for size in {c.stop - c.start for c in self._chunks}
        }
        self._names = [*measurements.names(parameters), "train_loss_peak"]
        self.loss_peak_K = torch.zeros(K, dtype=torch.float64, device=data.labels_KN.device)
        self.values_RQK = torch.zeros(
            len(self.steps), len(self._names), K, dtype=torch.float64, device=data.labels_KN.device
        )

    def _measure_chunk(self, members: slice) -> dict[str, Tensor]:
        parameters = {name: value[members] for name, value in self._parameters.items()}
        examples = self._examples[members.stop - members.start]
        logits_KNS = self._program.logits(parameters, examples)
        masks = {part: mask[members] for part, mask in self._data.part_masks.items()}
        readings = measurements.readings(logits_KNS, self._data.labels_KN[members])
        return {**measurements.means(readings, masks), **measurements.norms(parameters)}

    def note_loss(self, loss_K: Tensor) -> None:
        """Take note of the training loss of a step, so that a spike between two records is seen.

        The largest since the last record becomes ``train_loss_peak``; infinite stands for NaN.
        """
        loss_K = torch.nan_to_num(loss_K.double(), nan=torch.inf)
        torch.maximum(self.loss_peak_K, loss_K, out=self.loss_peak_K)

    @torch.no_grad()
    def record(self, step: int) -> None:
        """Measure every member now, as the state after ``step`` updates."""
        row = self.steps.index(step)
        for members in self._chunks:
            measured = self._measure_chunk(members)
            peak = torch.maximum(self.loss_peak_K[members], measured["train_loss"])
            measured["train_loss_peak"] = peak
            self.values_RQK[row, :, members] = torch.stack([measured[n] for n in self._names])
        self.loss_peak_K.zero_()

    def history(self, member: int) -> pd.DataFrame:
        """Return one member's history: ``step`` and a column for every quantity that exists.

        A quantity on an empty part of the table has no column.
        """
        values_RQ = self.values_RQK[:, :, member].cpu().numpy()
        columns = {"step": np.array(self.steps, dtype=np.int64)}
        empty = {
            part
            for part, mask_KN in self._data.part_masks.items()
            if not bool(mask_KN[member].any())
        }
        for q, name in enumerate(self._names):
            if not any(name.startswith(f"{part}_") for part in empty):
                columns[name] = values_RQ[:, q]
        return pd.DataFrame(columns)
