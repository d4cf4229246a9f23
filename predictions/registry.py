"""Every prediction by name."""

from __future__ import annotations

import difflib

from predictions.critical_size import CriticalSize
from predictions.efficiency_vs_size import Efficiency
from predictions.grokking import Grokking
from predictions.minimal_example import MinimalExamplePrediction
from predictions.protocol import Prediction
from predictions.semi_grokking import SemiGrokking
from predictions.ungrokking import Ungrokking
from predictions.weight_decay import WeightDecay

PREDICTIONS: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        Grokking(),
        Efficiency(),
        Ungrokking(),
        WeightDecay(),
        SemiGrokking(),
        CriticalSize(),
        MinimalExamplePrediction(),
    )
}


def find(name: str) -> Prediction:
    """Return a prediction.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PREDICTIONS:
        near = difflib.get_close_matches(name, PREDICTIONS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"unknown prediction {name!r}; {hint}choose from {', '.join(sorted(PREDICTIONS))}"
        )
    return PREDICTIONS[name]


def select(names: tuple[str, ...]) -> list[Prediction]:
    """Return the named predictions in their order, each once; ``all`` stands for every one.

    Raises:
        ValueError: A name is not known.
    """
    chosen: dict[str, Prediction] = {}
    for name in names:
        found = PREDICTIONS.values() if name == "all" else [find(name)]
        chosen |= {prediction.name: prediction for prediction in found}
    return list(chosen.values())
