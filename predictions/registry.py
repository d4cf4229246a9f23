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
from predictions.variants import AS_DESIGNED, Variant
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


def select(names: tuple[str, ...], variant: Variant = AS_DESIGNED) -> list[Prediction]:
    """Return the named predictions in their order, each once; ``all`` stands for every one.

    Args:
        names: Their names.
        variant: Another operation or network to ask; ``all`` then leaves out what asks none.

    Raises:
        ValueError: A name is not known, or that prediction asks no network.
    """
    chosen: dict[str, Prediction] = {}
    varied = variant != AS_DESIGNED
    for name in names:
        found = PREDICTIONS.values() if name == "all" else [find(name)]
        for prediction in found:
            if prediction.has_runs or not varied:
                chosen[prediction.name] = type(prediction)(variant)
            elif name != "all":
                raise ValueError(
                    f"{name} asks no network: {' '.join(variant.options())} would have no effect; "
                    "leave it out"
                )
    return list(chosen.values())
