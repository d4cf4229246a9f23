"""Small runs of tasks that are no tables."""

from __future__ import annotations

import pytest

from efficiency.settings import (
    DigitAdditionSettings,
    FeaturesMLPSettings,
    HandwrittenDigitsSettings,
    RecordingSettings,
    RunSettings,
    SequenceTransformerSettings,
    TaskBase,
)
from tests.build import run_settings

ADDITION, DIGITS = DigitAdditionSettings(), HandwrittenDigitsSettings()
READERS = {
    "tokens": SequenceTransformerSettings(d_model=16, num_heads=2, d_mlp=32),
    "features": FeaturesMLPSettings(d_mlp=32),
}
RECORDING = RecordingSettings(num_log=4, num_even=16)


def run_of(task: TaskBase, **changes) -> RunSettings:
    usual = {
        "task": task,
        "network": READERS.get(task.gives),
        "dataset_size": 300,
        "recording": RECORDING,
        "num_steps": 40,
        "learning_rate": 3e-3,
    }
    return run_settings(**(usual | changes))


OF_EACH = pytest.mark.parametrize("task", [ADDITION, DIGITS], ids=lambda task: task.kind)
