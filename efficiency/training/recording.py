"""When a run is measured, and the history that comes of it.

Shapes: K members, N examples of the task, R recorded steps, Q quantities, P the
parameters of all members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from efficiency import measurements, networks
from efficiency.engines import Engine
from efficiency.errors import InvalidInputError
from efficiency.measures.base import MEASURES, Reading, value_of
from efficiency.settings import RecordingSettings, RunSettings
from efficiency.training.ensemble import part_masks
from efficiency.training.losses import NOT_OF_SOFTMAX
from efficiency.training.outcome import of_training
from efficiency.training.record_steps import recorded_steps, snapshot_steps


def existing(quantities: Sequence[str], run: RunSettings) -> list[str]:
    """Return those quantities that are not of an empty part of a run's examples."""
    empty = tuple(f"{part}_" for part, mask_N in part_masks(run).items() if not mask_N.any())
    return [name for name in quantities if not name.startswith(empty)]


def names(quantities: Sequence[str], recording: RecordingSettings) -> list[str]:
    """Return the names of all that is recorded, in their order.

    Args:
        quantities: What the engine measures.
        recording: What is asked for beside it.
    """
    asked = (MEASURES.find(name).column for name in recording.measures or ())
    return [*quantities, "train_loss_peak", *asked]


def history_until(step: int, run: RunSettings, values_RQ: np.ndarray) -> pd.DataFrame:
    """Return the history of a run that is still in training, up to a step.

    Args:
        step: How far it has come.
        run: Its settings.
        values_RQ: Its part of the recorder's ``values_RQK``.
    """
    quantities = measurements.names(networks.shapes(run.task, run.network), run.task.answers)
    every = names(quantities, run.recording)
    steps = [one for one in recorded_steps(run.recording, run.num_steps) if one <= step]
    there = {name: values_RQ[: len(steps), every.index(name)] for name in existing(every, run)}
    return pd.DataFrame({"step": np.array(steps, dtype=np.int64), **there})


@final
class Recorder:
    """Keeps what was measured, and the snapshots.

    Args:
        engine: Trains and measures.
        recording: What is recorded, and when.
        num_steps: The length of the runs.

    Attributes:
        steps: When they are measured.
        values_RQK: What was measured so far: what the engine measures, the largest training loss
            since the last record, and the measures that were asked for.
        snapshots_RP: All weights at the steps of snapshots, as ``Stack.flat`` has them.
    """

    def __init__(self, engine: Engine, recording: RecordingSettings, num_steps: int) -> None:
        self._engine = engine
        self.steps = recorded_steps(recording, num_steps)
        self._kept = snapshot_steps(recording, num_steps)
        self._measures = [MEASURES.find(name) for name in recording.measures or ()]
        self._names = names(engine.quantities, recording)
        self._finite_in_training = [
            [self._names.index(name) for name in of_training(existing(engine.quantities, member))]
            for member in engine.members
        ]
        self.values_RQK = engine.loss_peak_K.new_zeros(
            len(self.steps), len(self._names), len(engine.members)
        )
        self.snapshots_RP = engine.weights.flat.new_zeros(
            len(self._kept), *engine.weights.flat.shape
        )

    def state(self) -> dict[str, Tensor]:
        """Return what was kept so far, as the tensors themselves."""
        snapshots = {"snapshots": self.snapshots_RP} if self._kept else {}
        return {"history": self.values_RQK, **snapshots}

    def record(self, step: int) -> None:
        """Measure every member now, as the state after ``step`` updates."""
        row, peak_K = self.steps.index(step), self._engine.loss_peak_K
        measured_QK = self._engine.measure()
        now_K = measured_QK[self._names.index("train_loss")]
        usual = len(measured_QK)
        self.values_RQK[row, :usual] = measured_QK
        # Before any update there is no other; after it, one of another loss is no peak of this.
        known = step > 0 and self._engine.members[0].loss in NOT_OF_SOFTMAX
        self.values_RQK[row, usual] = peak_K if known else torch.maximum(peak_K, now_K)
        peak_K.zero_()
        if self._measures:
            for k, member in enumerate(self._engine.members):
                self.values_RQK[row, usual + 1 :, k] = torch.nan
                if not measured_QK[self._finite_in_training[k], k].isfinite().all():
                    continue  # a decomposition would raise, and end the training of all
                # A measure may change what it is given.
                views = self._engine.weights.views
                weights = {name: one[k].clone() for name, one in views.items()}
                self.values_RQK[row, usual + 1 :, k] = self._asked_for(member, step, weights)
        if step in self._kept:
            self.snapshots_RP[self._kept.index(step)] = self._engine.weights.flat

    def _asked_for(self, run: RunSettings, step: int, weights: dict[str, Tensor]) -> Tensor:
        """Return what measures that are no engine's say of one member.

        Raises:
            InvalidInputError: One fails; it says of which run and when.
        """
        reading = Reading(run, weights)
        try:
            said = [value_of(measure, reading) for measure in self._measures]
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{error}; it did so after {step:,} steps of a run with D = {run.dataset_size}, "
                f"weight_decay = {run.optimiser.weight_decay:g}, data_seed = "
                f"{run.data_seed}. Runs that were saved stay; mend it and give the same command"
            ) from error
        return self.values_RQK.new_tensor(said)

    def history(self, member: int) -> pd.DataFrame:
        """Return one member's history: ``step`` and a column for every quantity that exists.

        A quantity on an empty part of the examples has no column.
        """
        values_RQ = self.values_RQK[:, :, member].cpu().numpy()
        columns = {"step": np.array(self.steps, dtype=np.int64)}
        there = existing(self._names, self._engine.members[member])
        columns |= {name: values_RQ[:, self._names.index(name)] for name in there}
        return pd.DataFrame(columns)

    def snapshots(self, member: int) -> dict[int, dict[str, np.ndarray]]:
        """Return one member's weights by name at each step at which they were kept."""
        weights = self._engine.weights
        return {
            step: {
                name: value[member].cpu().numpy().copy()
                for name, value in weights.split(self.snapshots_RP[row]).items()
            }
            for row, step in enumerate(self._kept)
        }
