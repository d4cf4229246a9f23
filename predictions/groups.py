"""Our claims, by the theory or the study that they are of."""

from __future__ import annotations

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
from predictions.numerical_stability.claims import (
    ExactLoss,
    OrthogonalScratch,
    OrthogonalSooner,
    SoftmaxCollapse,
    StableMaxScratch,
)
from predictions.phase_changes.digits import DigitsApart, DigitsFall
from predictions.phase_changes.facts_claims import InductionFacts, InductionFactsNotSequences
from predictions.phase_changes.induction_claims import (
    InductionDepth,
    InductionFall,
    InductionUngrokking,
)
from predictions.phase_changes.progress_claims import ExcludedRises, RestrictedLeads
from predictions.phase_changes.table_claims import (
    DelayGrows,
    LimitedWithoutDecay,
    PlentifulTogether,
    PlentifulWithoutDecay,
)
from predictions.phase_changes.triggers import SkipTrigramsDelay, SkipTrigramsFall
from predictions.protocol import Prediction
from predictions.representation.critical_part import CriticalPart
from predictions.representation.effective_time import EffectiveTime
from predictions.representation.four_phases import FourPhases
from predictions.representation.structure_claims import (
    StructureDetermined,
    StructureKept,
    StructureSize,
)

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

NUMERICAL_STABILITY: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        SoftmaxCollapse(),
        ExactLoss(),
        StableMaxScratch(),
        OrthogonalScratch(),
        OrthogonalSooner(),
    )
}
"""Grokking without weight decay, from scratch (Prieto et al. 2025)."""

PHASE_CHANGES: dict[str, Prediction] = {
    prediction.name: prediction
    for prediction in (
        PlentifulTogether(),
        DelayGrows(),
        PlentifulWithoutDecay(),
        LimitedWithoutDecay(),
        RestrictedLeads(),
        ExcludedRises(),
        InductionDepth(),
        InductionFall(),
        InductionUngrokking(),
        DigitsFall(),
        DigitsApart(),
        SkipTrigramsFall(),
        SkipTrigramsDelay(),
    )
}
"""Phase changes, and grokking as one of them (Nanda & Lieberum 2022, Nanda et al. 2023)."""

FACTS: dict[str, Prediction] = {
    prediction.name: prediction for prediction in (InductionFacts(), InductionFactsNotSequences())
}
"""Critical sizes of sequences, in facts and not in examples."""

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
    "numerical-stability": NUMERICAL_STABILITY,
    "phase-changes": PHASE_CHANGES,
    "facts": FACTS,
}
"""What stands for several predictions; each is a family with a correction of its own."""

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
    "numerical-stability": "Grokking without weight decay, and the arithmetic of the loss",
    "phase-changes": "Phase changes, and grokking as one of them",
    "facts": "Critical sizes in facts, of sequences",
}
"""Of the report of each group."""
