"""The science: trains networks in two regimes and measures them. No disk, no plots, no commands.

The whole public API is listed here. Names are loaded when first used, because torch alone takes
seconds to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from efficiency import theory
    from efficiency.analysis import isologit, logit_subspaces
    from efficiency.analysis.measured import measure, module_of
    from efficiency.analysis.points import activations
    from efficiency.errors import InvalidInputError
    from efficiency.estimates import Estimate
    from efficiency.networks import ARCHITECTURES
    from efficiency.operations import OPERATIONS
    from efficiency.settings import (
        DigitAdditionSettings,
        FeaturesMLPSettings,
        HandwrittenDigitsSettings,
        MLPSettings,
        NetworkSettings,
        OneLayerTransformerSettings,
        OptimiserSettings,
        RandomFeaturesSettings,
        RecordingSettings,
        RunSettings,
        SequenceTransformerSettings,
        SumDecoderSettings,
        TaskSettings,
        TransformerSettings,
        WholeNumberAdditionSettings,
    )
    from efficiency.statistics import critical_size, intervals
    from efficiency.training.ensemble import pack
    from efficiency.training.loop import Trained, Training, train
    from efficiency.training.losses import LOSSES
    from efficiency.training.outcome import Outcome

# Where each name lives; a type checker reads the imports above instead.
_HOME = {
    "ARCHITECTURES": "networks",
    "DigitAdditionSettings": "settings",
    "Estimate": "estimates",
    "FeaturesMLPSettings": "settings",
    "HandwrittenDigitsSettings": "settings",
    "InvalidInputError": "errors",
    "LOSSES": "training.losses",
    "MLPSettings": "settings",
    "NetworkSettings": "settings",
    "OPERATIONS": "operations",
    "OneLayerTransformerSettings": "settings",
    "OptimiserSettings": "settings",
    "RandomFeaturesSettings": "settings",
    "Outcome": "training.outcome",
    "RecordingSettings": "settings",
    "RunSettings": "settings",
    "SequenceTransformerSettings": "settings",
    "SumDecoderSettings": "settings",
    "TaskSettings": "settings",
    "Trained": "training.loop",
    "Training": "training.loop",
    "TransformerSettings": "settings",
    "WholeNumberAdditionSettings": "settings",
    "activations": "analysis.points",
    "critical_size": "statistics.critical_size",
    "intervals": "statistics.intervals",
    "isologit": "analysis.isologit",
    "logit_subspaces": "analysis.logit_subspaces",
    "measure": "analysis.measured",
    "module_of": "analysis.measured",
    "pack": "training.ensemble",
    "theory": "theory",
    "train": "training.loop",
}

__all__ = [
    "ARCHITECTURES",
    "LOSSES",
    "OPERATIONS",
    "DigitAdditionSettings",
    "Estimate",
    "FeaturesMLPSettings",
    "HandwrittenDigitsSettings",
    "InvalidInputError",
    "MLPSettings",
    "NetworkSettings",
    "OneLayerTransformerSettings",
    "OptimiserSettings",
    "Outcome",
    "RandomFeaturesSettings",
    "RecordingSettings",
    "RunSettings",
    "SequenceTransformerSettings",
    "SumDecoderSettings",
    "TaskSettings",
    "Trained",
    "Training",
    "TransformerSettings",
    "WholeNumberAdditionSettings",
    "activations",
    "critical_size",
    "intervals",
    "isologit",
    "logit_subspaces",
    "measure",
    "module_of",
    "pack",
    "theory",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"efficiency has no {name!r}; it offers {__all__}")
    home = _HOME[name]
    module = importlib.import_module(f"efficiency.{home}")
    return module if home.rpartition(".")[2] == name else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
