"""Every prediction by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import overload

from efficiency.errors import InvalidInputError, did_you_mean
from predictions.circuit_efficiency.at_rest.anti_grokking import AntiGrokking
from predictions.circuit_efficiency.at_rest.comes_to_rest import ComesToRest
from predictions.circuit_efficiency.at_rest.gradient_descent import DescentDecay, GradientDescent
from predictions.circuit_efficiency.circuits.larger_part import LargerPart
from predictions.circuit_efficiency.circuits.memory_first import MemoryFirst
from predictions.circuit_efficiency.circuits.memory_gives_way import MemoryGivesWay
from predictions.circuit_efficiency.controls.equal_steps import EqualSteps
from predictions.circuit_efficiency.controls.small_epsilon import SmallEpsilon
from predictions.circuit_efficiency.controls.without_decay import WithoutDecay
from predictions.circuit_efficiency.critical_size.association import CriticalSizeAssociation
from predictions.circuit_efficiency.critical_size.coverage import CriticalSizeCoverage
from predictions.circuit_efficiency.critical_size.identity import CriticalSizeIdentity
from predictions.circuit_efficiency.critical_size.ratio import CriticalSizeRatio
from predictions.circuit_efficiency.critical_size.sharing import Sharing
from predictions.circuit_efficiency.efficiency.claim import Efficiency
from predictions.circuit_efficiency.grokking.claim import Grokking
from predictions.circuit_efficiency.minimal_example.claim import MinimalExamplePrediction
from predictions.circuit_efficiency.semi_grokking.claim import SemiGrokking
from predictions.circuit_efficiency.substitutes.claims import (
    EpsilonSize,
    HeldNorm,
    HeldNormSize,
    NothingInstead,
    OrthogonalGradient,
    OrthogonalGradients,
    OrthogonalGradientSize,
    OrthogonalGradientsSize,
    StableMax,
    StableMaxSize,
)
from predictions.circuit_efficiency.ungrokking.claim import Ungrokking
from predictions.circuit_efficiency.weight_decay.claim import WeightDecay
from predictions.design_files import GROUND, DesignFile
from predictions.double_descent.decay_claims import FeaturesDecay, WidthDecay
from predictions.double_descent.epochs import EpochsPeak
from predictions.double_descent.norm_claims import ExamplesNorm, FeaturesNorm, WidthNorm
from predictions.double_descent.peak_claims import ExamplesPeak, FeaturesPeak, WidthPeak
from predictions.double_descent.threshold_width import ThresholdWidth
from predictions.first_study.data_fraction import DataFraction
from predictions.first_study.delayed_generalisation import DelayedGeneralisation
from predictions.first_study.interventions import Interventions
from predictions.first_study.label_noise import LabelNoise
from predictions.first_study.learned_structure import LearnedStructure
from predictions.first_study.operations import OperationsLearned
from predictions.first_study.sharpness import Sharpness
from predictions.first_study.staying_grokked import StayingGrokked
from predictions.first_study.table_size import TableSize
from predictions.protocol import Prediction
from predictions.representation.critical_part import CriticalPart
from predictions.representation.effective_time import EffectiveTime
from predictions.representation.four_phases import FourPhases
from predictions.representation.structure_claims import (
    StructureDetermined,
    StructureKept,
    StructureSize,
)
from predictions.sizes import Size
from predictions.variants import AS_DESIGNED, Variant

THEORY: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        Grokking(),
        Efficiency(),
        Ungrokking(),
        WeightDecay(),
        SemiGrokking(),
        MinimalExamplePrediction(),
    )
}


CRITICAL_SIZE: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        CriticalSizeRatio(),
        CriticalSizeAssociation(),
        CriticalSizeIdentity(),
        CriticalSizeCoverage(),
        Sharing(),
    )
}
"""Claims about one set of runs: D_crit foretold of each network, then observed."""

FIRST_STUDY: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        DelayedGeneralisation(),
        DataFraction(),
        Interventions(),
        OperationsLearned(),
        LabelNoise(),
        LearnedStructure(),
        Sharpness(),
        StayingGrokked(),
        TableSize(),
    )
}
"""Seven findings of Power et al. (2022), and two questions of their readers."""

CIRCUITS: dict[str, Prediction] = {
    prediction.name: prediction for prediction in (MemoryFirst(), MemoryGivesWay(), LargerPart())
}
"""What is inside networks that grok and ungrok (paper, Figures 9 and 10)."""

CONTROLS: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (WithoutDecay(), SmallEpsilon(), NothingInstead(), EqualSteps())
}
"""What should not happen if the theory is right about why the rest does, and rivals of that."""

SUBSTITUTES: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        HeldNorm(),
        HeldNormSize(),
        OrthogonalGradient(),
        OrthogonalGradientSize(),
        OrthogonalGradients(),
        OrthogonalGradientsSize(),
        StableMax(),
        StableMaxSize(),
        EpsilonSize(),
    )
}
"""Ungrokking with something else in place of weight decay, or another ε beside it."""

AT_REST: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (ComesToRest(), GradientDescent(), DescentDecay(), AntiGrokking())
}
"""What training without end does: what comes to rest, where, and what never does."""

REPRESENTATION: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        CriticalPart(),
        EffectiveTime(),
        FourPhases(),
        StructureKept(),
        StructureSize(),
        StructureDetermined(),
    )
}
"""An effective theory of representation learning (Liu et al. 2022), and efficiency's rival."""

DOUBLE_DESCENT: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        FeaturesPeak(),
        FeaturesNorm(),
        FeaturesDecay(),
        WidthPeak(),
        WidthNorm(),
        WidthDecay(),
        ExamplesPeak(),
        ExamplesNorm(),
        EpochsPeak(),
        ThresholdWidth(),
    )
}
"""Double descent (Belkin et al. 2019, Nakkiran et al. 2020), and what efficiency says of it."""

GROUPS: dict[str, dict[str, Prediction]] = {
    "all": THEORY,
    "circuits": CIRCUITS,
    "critical-size": CRITICAL_SIZE,
    "first-study": FIRST_STUDY,
    "controls": CONTROLS,
    "substitutes": SUBSTITUTES,
    "at-rest": AT_REST,
    "representation": REPRESENTATION,
    "double-descent": DOUBLE_DESCENT,
}
"""What stands for several predictions; each is a family with a correction of its own."""

PREDICTIONS = {name: one for members in GROUPS.values() for name, one in members.items()}

OURS = frozenset(GROUPS)
"""Groups that no other package adds to."""

TITLES = {
    "all": "The predictions of circuit efficiency",
    "circuits": "Both circuits inside one network",
    "critical-size": "Critical sizes, foretold and observed",
    "first-study": "The findings of the first study of grokking",
    "controls": "Controls of the theory",
    "substitutes": "Ungrokking with something else in place of weight decay",
    "at-rest": "Training without end",
    "representation": "An effective theory of representations, and circuit efficiency",
    "double-descent": "Double descent, and what circuit efficiency says of it",
}
"""Of the report of each group."""


@overload
def register(
    prediction: type[Prediction], *, group: str | None = None, title: str | None = None
) -> type[Prediction]: ...
@overload
def register(
    *, group: str | None = None, title: str | None = None
) -> Callable[[type[Prediction]], type[Prediction]]: ...
def register(
    prediction: type[Prediction] | None = None,
    *,
    group: str | None = None,
    title: str | None = None,
) -> type[Prediction] | Callable[[type[Prediction]], type[Prediction]]:
    """Register a prediction of another package; return it, so that it can decorate the class.

    Args:
        prediction: Its class; left out where a decorator is given a group, ``register(group=…)``.
        group: The group that it is judged with, one of its own by default: members of a group
            share a correction for their number, so that no claim of ours depends on whose
            package is installed.
        title: Of the report of a group that is new.

    Raises:
        InvalidInputError: Another has this name, the group is one of ours, or a method is missing.
    """
    if prediction is None:
        return functools.partial(register, group=group, title=title)
    if left := sorted(getattr(prediction, "__abstractmethods__", ())):
        raise InvalidInputError(
            f"the prediction {prediction.__name__} has no {', no '.join(left)}: see `A prediction` "
            "in docs/extending.md"
        )
    one, group = prediction(), group or prediction.name
    if group in OURS or one.name in OURS:
        raise InvalidInputError(
            f"the group {group!r} of the prediction {one.name!r} is ours: its correction is for "
            "its own claims; choose another name"
        )
    known = PREDICTIONS.get(one.name)
    if known is not None and type(known) is not prediction:
        raise InvalidInputError(f"there is another prediction {one.name!r}; choose another name")
    if group in PREDICTIONS and group != one.name:
        raise InvalidInputError(f"the group {group!r} is a prediction; choose another name")
    PREDICTIONS[one.name] = one
    GROUPS.setdefault(group, {})[one.name] = one
    TITLES.setdefault(group, title or one.title)
    return prediction


def find(name: str) -> Prediction:
    """Return a prediction.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PREDICTIONS:
        hint = did_you_mean(name, [*PREDICTIONS, *GROUPS])
        raise InvalidInputError(
            f"unknown prediction {name!r}; {hint}choose from {', '.join(sorted(PREDICTIONS))}, or "
            f"{', '.join(GROUPS)}; that of another package takes --plugins"
        )
    return PREDICTIONS[name]


def select(
    names: tuple[str, ...], variant: Variant = AS_DESIGNED, size: Size | None = None
) -> list[Prediction]:
    """Return the named predictions in their order, each once.

    Args:
        names: Their names, or those of ``GROUPS``.
        variant: Another operation, network or seeds to ask; a group then leaves out what has an
            operation and a network of its own.
        size: The size that they are asked at; a group leaves out what has no design for it.

    Raises:
        ValueError: A name is not known, or that prediction cannot be varied or has no such size.
    """
    chosen: dict[str, Prediction] = {}
    for name in names:
        for prediction in GROUPS[name].values() if name in GROUPS else [find(name)]:
            why_not = _why_not(prediction, variant, size)
            if why_not is None:
                chosen[prediction.name] = type(prediction)(variant)
            elif name not in GROUPS:
                raise InvalidInputError(f"{name} {why_not}")
    if variant.design is not None:
        _require_known(variant.design)
    if not chosen:
        first = next(iter(GROUPS[names[0]].values()))
        raise InvalidInputError(f"each of {', '.join(names)} {_why_not(first, variant, size)}")
    return list(chosen.values())


def _require_known(file: DesignFile) -> None:
    """Refuse a design file with a table that no design has."""
    known = {part.name for one in PREDICTIONS.values() for part in one.parts} | {GROUND}
    for name in file.tables:
        if name not in known:
            raise InvalidInputError(
                f"{file.path} has a table [{name}], which no design has; "
                f"{did_you_mean(name, known)}choose from {', '.join(sorted(known))}"
            )


def _why_not(prediction: Prediction, variant: Variant, size: Size | None) -> str | None:
    """Return why a prediction cannot be asked, what would follow its name; ``None`` if it can."""
    if variant.elsewhere and not prediction.varies:
        return (
            f"has an operation and a network of its own; leave out {' '.join(variant.options())}, "
            "which would have no effect"
        )
    if variant.start and not prediction.continues:
        able = ", ".join(name for name, one in PREDICTIONS.items() if one.continues)
        return f"trains networks of its own, and --start would have no effect; choose from {able}"
    if size is not None and size not in prediction.sizes:
        return f"has no design of the size {size}; choose from {', '.join(prediction.sizes)}"
    return None


def in_groups(names: Sequence[str], size: Size) -> list[str]:
    """Return the same names, but for a whole group (or all of it that can be asked) its own."""
    left = list(names)
    found: list[str] = []
    while left:
        for end in range(len(left), 0, -1):
            group = group_of(left[:end], size)
            if group is not None or end == 1:
                found.append(group or left[0])
                left = left[end:]
                break
    return found


def group_of(names: Sequence[str], size: Size) -> str | None:
    """Return the name of the group of these predictions: all that has a design of a size.

    Or all of that which can be varied.
    """
    for group, members in GROUPS.items():
        there = [one for one in members.values() if size in one.sizes]
        varying = [one.name for one in there if one.varies]
        if len(there) > 1 and list(names) in ([one.name for one in there], varying):
            return group
    return None
