"""The science: trains networks in two regimes and measures them. No disk, no plots, no commands.

The whole public API is listed here. Names are loaded when first used, because torch alone takes
seconds to import.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ARCHITECTURES": "models",
    "Estimate": "estimates",
    "LOSSES": "losses",
    "MLPSettings": "settings",
    "NetworkSettings": "settings",
    "OneLayerTransformerSettings": "settings",
    "OPERATIONS": "operations",
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

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"efficiency has no {name!r}; it offers {__all__}")
    module = importlib.import_module(f"efficiency.{_HOME[name]}")
    return module if name == _HOME[name] else getattr(module, name)
