"""The complete, frozen description of one run: task, network, optimiser, data, seeds."""

from __future__ import annotations

from efficiency.settings.base import Seed, Settings, explain, leaves
from efficiency.settings.networks import (
    NETWORK_SETTINGS,
    MLPSettings,
    NetworkBase,
    NetworkSettings,
    OneLayerTransformerSettings,
    TransformerSettings,
)
from efficiency.settings.optimiser import OptimiserSettings
from efficiency.settings.run import RecordingSettings, Regime, RunSettings
from efficiency.settings.task import TaskSettings

__all__ = [
    "NETWORK_SETTINGS",
    "MLPSettings",
    "NetworkBase",
    "NetworkSettings",
    "OneLayerTransformerSettings",
    "OptimiserSettings",
    "RecordingSettings",
    "Regime",
    "RunSettings",
    "Seed",
    "Settings",
    "TaskSettings",
    "TransformerSettings",
    "explain",
    "leaves",
]
