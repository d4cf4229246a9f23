"""The science: trains networks in two regimes and measures them. No disk, no plots, no commands.

The whole public API is listed here. Names are loaded when first used, because torch alone takes
seconds to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from efficiency import critical_size, fourier, isologit, statistics, theory
    from efficiency.ensemble import pack
    from efficiency.errors import InvalidInputError
    from efficiency.estimates import Estimate
    from efficiency.losses import LOSSES
    from efficiency.models import ARCHITECTURES
    from efficiency.operations import OPERATIONS
    from efficiency.outcome import Outcome
    from efficiency.settings import (
        MLPSettings,
        NetworkSettings,
        OneLayerTransformerSettings,
        OptimiserSettings,
        RecordingSettings,
        RunSettings,
        TaskSettings,
        TransformerSettings,
    )
    from efficiency.training import Trained, Training, train

# Where each name lives; a type checker reads the imports above instead.
_HOME = {
    "ARCHITECTURES": "models",
    "Estimate": "estimates",
    "InvalidInputError": "errors",
    "LOSSES": "losses",
    "MLPSettings": "settings",
    "NetworkSettings": "settings",
    "OPERATIONS": "operations",
    "OneLayerTransformerSettings": "settings",
    "OptimiserSettings": "settings",
    "Outcome": "outcome",
    "RecordingSettings": "settings",
    "RunSettings": "settings",
    "TaskSettings": "settings",
    "Trained": "training",
    "Training": "training",
    "TransformerSettings": "settings",
    "critical_size": "critical_size",
    "fourier": "fourier",
    "isologit": "isologit",
    "pack": "ensemble",
    "statistics": "statistics",
    "theory": "theory",
    "train": "training",
}

__all__ = [
    "ARCHITECTURES",
    "LOSSES",
    "OPERATIONS",
    "Estimate",
    "InvalidInputError",
    "MLPSettings",
    "NetworkSettings",
    "OneLayerTransformerSettings",
    "OptimiserSettings",
    "Outcome",
    "RecordingSettings",
    "RunSettings",
    "TaskSettings",
    "Trained",
    "Training",
    "TransformerSettings",
    "critical_size",
    "fourier",
    "isologit",
    "pack",
    "statistics",
    "theory",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"efficiency has no {name!r}; it offers {__all__}")
    module = importlib.import_module(f"efficiency.{_HOME[name]}")
    return module if name == _HOME[name] else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
