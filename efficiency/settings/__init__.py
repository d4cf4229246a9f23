"""The complete, frozen description of one run: task, network, optimiser, data, seeds."""

from __future__ import annotations

from efficiency.settings.base import Seed, Settings, explain, leaves
from efficiency.settings.features import HandwrittenDigitsSettings
from efficiency.settings.networks import (
    NETWORK_SETTINGS,
    FeaturesMLPSettings,
    MLPSettings,
    NetworkBase,
    NetworkSettings,
    OneLayerTransformerSettings,
    RandomFeaturesSettings,
    SequenceTransformerSettings,
    SumDecoderSettings,
    TransformerSettings,
)
from efficiency.settings.optimiser import OptimiserSettings
from efficiency.settings.run import RecordingSettings, Regime, RunSettings, usual_training
from efficiency.settings.sequences import (
    DigitAdditionSettings,
    RepeatedSubsequenceSettings,
    SkipTrigramSettings,
)
from efficiency.settings.task import TASKS, AnyTask, TaskSettings
from efficiency.settings.task_base import Examples, TaskBase
from efficiency.settings.whole_numbers import WholeNumberAdditionSettings

__all__ = [
    "NETWORK_SETTINGS",
    "TASKS",
    "AnyTask",
    "DigitAdditionSettings",
    "Examples",
    "FeaturesMLPSettings",
    "HandwrittenDigitsSettings",
    "MLPSettings",
    "NetworkBase",
    "NetworkSettings",
    "OneLayerTransformerSettings",
    "OptimiserSettings",
    "RandomFeaturesSettings",
    "RecordingSettings",
    "Regime",
    "RepeatedSubsequenceSettings",
    "RunSettings",
    "Seed",
    "SequenceTransformerSettings",
    "Settings",
    "SkipTrigramSettings",
    "SumDecoderSettings",
    "TaskBase",
    "TaskSettings",
    "TransformerSettings",
    "WholeNumberAdditionSettings",
    "explain",
    "leaves",
    "usual_training",
]
