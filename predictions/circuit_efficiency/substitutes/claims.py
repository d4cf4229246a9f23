"""The claims: two about each way without weight decay, one about Adam's ε, and their control."""

from __future__ import annotations

from typing import ClassVar

from predictions.circuit_efficiency.controls.small_epsilon import SMALL
from predictions.circuit_efficiency.substitutes import ways
from predictions.circuit_efficiency.substitutes.claim import Forgets, Keeps, SameSize
from predictions.circuit_efficiency.substitutes.ways import Way


def _forgets(how: str) -> str:
    return (
        "A network that has learned to generalise forgets how on few examples and keeps it on "
        f"more, if there is no weight decay, Adam's ε is {SMALL:g} and {how}."
    )


def _same_size(how: str) -> str:
    return (
        "On average networks that have learned to generalise forget how below the same dataset "
        f"size as with weight decay at the same ε of {SMALL:g}, and keep their order, if there is "
        f"none and {how}."
    )


_HELD = "its norm is held where it is"
_WHOLE = "gradients have no part along the vector of all weights"
_EACH = "gradients have no part along the weights, array by array"
_STABLEMAX = "the loss has terms that grow no faster than logits do (StableMax)"


class NothingInstead(Keeps):
    """The control of all others: their learning rate, length and ε, and nothing for the norm."""

    name: ClassVar[str] = "nothing-instead"
    title: ClassVar[str] = "Ungrokking with nothing in place of weight decay"
    way: ClassVar[Way] = ways.FREE
    claim: ClassVar[str] = (
        "On few examples, where a network forgets with weight decay how to generalise, it keeps "
        f"that if there is no decay, nothing in its place, and Adam's ε is {SMALL:g}."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "Both arms have one learning rate, schedule and length, and Adam's ε is 1e-20, with which "
        "hardly anything stops training: norm and log-odds at the end are reported.",
        "Six development seeds (720 to 725) ended at 0.77 on average. Without decay, at twice the "
        "learning rate and four times as long, others had kept 0.98 with the usual ε and lost 0.19 "
        "of it with a small one (without-decay, small-epsilon).",
    )


class HeldNorm(Forgets):
    """Fixed norm: the theory's question in its purest form (paper, section 3.1)."""

    name: ClassVar[str] = "held-norm"
    title: ClassVar[str] = "Ungrokking at a norm that is held"
    way: ClassVar[Way] = ways.HELD
    claim: ClassVar[str] = _forgets(_HELD)


class HeldNormSize(SameSize):
    """The same efficiency decides, whatever holds the norm."""

    name: ClassVar[str] = "held-norm-size"
    title: ClassVar[str] = "The critical size at a norm that is held"
    way: ClassVar[Way] = ways.HELD
    claim: ClassVar[str] = _same_size(_HELD)


class OrthogonalGradient(Forgets):
    """Descent that cannot scale the network."""

    name: ClassVar[str] = "orthogonal-gradient"
    title: ClassVar[str] = "Ungrokking with a gradient orthogonal to all weights"
    way: ClassVar[Way] = ways.WHOLE
    claim: ClassVar[str] = _forgets(_WHOLE)


class OrthogonalGradientSize(SameSize):
    """Likewise."""

    name: ClassVar[str] = "orthogonal-gradient-size"
    title: ClassVar[str] = "The critical size with a gradient orthogonal to all weights"
    way: ClassVar[Way] = ways.WHOLE
    claim: ClassVar[str] = _same_size(_WHOLE)


class OrthogonalGradients(Forgets):
    """⊥Grad of Prieto et al. (2025), of whom ungrokking was not asked."""

    name: ClassVar[str] = "orthogonal-gradients"
    title: ClassVar[str] = "Ungrokking with gradients orthogonal to each array of weights"
    way: ClassVar[Way] = ways.EACH
    claim: ClassVar[str] = _forgets(_EACH)


class OrthogonalGradientsSize(SameSize):
    """Likewise."""

    name: ClassVar[str] = "orthogonal-gradients-size"
    title: ClassVar[str] = "The critical size with gradients orthogonal to each array of weights"
    way: ClassVar[Way] = ways.EACH
    claim: ClassVar[str] = _same_size(_EACH)


class StableMax(Forgets):
    """A loss whose gradients do not vanish (Prieto et al. 2025)."""

    name: ClassVar[str] = "stablemax"
    title: ClassVar[str] = "Ungrokking with StableMax"
    way: ClassVar[Way] = ways.STABLEMAX
    claim: ClassVar[str] = _forgets(_STABLEMAX)


class StableMaxSize(SameSize):
    """Likewise."""

    name: ClassVar[str] = "stablemax-size"
    title: ClassVar[str] = "The critical size with StableMax"
    way: ClassVar[Way] = ways.STABLEMAX
    claim: ClassVar[str] = _same_size(_STABLEMAX)


class EpsilonSize(SameSize):
    """Whether Adam's ε, which decides where networks settle, decides where they ungrok."""

    name: ClassVar[str] = "epsilon-size"
    title: ClassVar[str] = "The critical size and Adam's ε"
    way: ClassVar[Way] = ways.USUAL_EPSILON
    claim: ClassVar[str] = (
        "With weight decay networks ungrok on average below the same dataset size whether Adam's ε "
        "is 1e-8 or 1e-20, and keep their order, though they end at other norms and log-odds."
    )
