"""Three claims about networks that start from the line: of two theories, and of a look at both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from predictions.clauses import Clause, most
from predictions.judging import share
from predictions.labelled import Labelled, Numbers
from predictions.ratios import Ratio
from predictions.representation.structure import (
    KEPT,
    MIN_SEEDS,
    NONE,
    STRONG,
    WEAK,
    Continued,
    Structured,
)

MARGIN = 1.25
"""Factor within which two sizes count as one."""

FAR = "share_far_apart"

_FAR = "of networks in which the ratio lies wholly beyond the margin"

BETWEEN_DECAYS = "strong_to_weak"
TO_DETERMINED = "kept_to_determined"


def _kept(arm: str, dataset_size: int) -> Labelled:
    return Labelled(KEPT, arm=arm, dataset_size=dataset_size)


def _few(continued: Continued, numbers: Numbers, smallest: int) -> str:
    """Return what became of networks at the smallest D′."""
    shares = ", ".join(
        f"{sum(continued.kept(arm, smallest).values())} with {arm}"
        for arm in (NONE, WEAK, STRONG)
        if _kept(arm, smallest) in numbers
    )
    n = len(continued.seeds)
    return f"Of {n} networks trained on {smallest} pairs the line is kept by {shares}"


class StructureKept(Structured):
    """What the effective theory says of a network that has arrived: ℓ_eff is 0, so is its force."""

    name: ClassVar[str] = "structure-kept"
    title: ClassVar[str] = "Structure that nothing pulls at"
    claim: ClassVar[str] = (
        "A network that has found the linear representation keeps it, on however few examples it "
        "is trained and with whatever weight decay: no relation of its examples pulls at it."
    )
    rule: ClassVar[str] = (
        "At the smallest D′ the share of networks that are a line at the end, with each of three "
        "weight decays: supported if all three lie above one half (95% intervals, Clopper and "
        "Pearson), refuted if one lies below." + Structured.COMMON
    )
    criterion: ClassVar[str] = "kept by most at the smallest D′, with every weight decay"
    assumptions: ClassVar[tuple[str, ...]] = (
        *Structured.assumptions,
        "The effective theory has no weight decay of embeddings. That decay adds no force of its "
        "own is a reading of it, and a strong one: what relations leave open they do not hold "
        "either, and decay may move it.",
    )
    refutation: ClassVar[str] = "Networks that lose it on few examples with some weight decay."
    power: ClassVar[str] = (
        f"{MIN_SEEDS} networks support the claim, or refute it, in at least 8 of 10 experiments if "
        "99 of 100 keep the line everywhere, or lose it (binomial)."
    )

    def clauses(self, continued: Continued, smallest: int, largest: int) -> Sequence[Clause]:
        """See ``Structured``."""
        return [
            most(_kept(arm, smallest), continued.kept(arm, smallest))
            for arm in (NONE, WEAK, STRONG)
        ]

    def sentence(self, continued: Continued, numbers: Numbers, smallest: int) -> str:
        """See ``Structured``."""
        return _few(continued, numbers, smallest)


class StructureSize(Structured):
    """The form that ungrokking takes here (Varma et al. 2023, section 3.3), and a rival's too."""

    name: ClassVar[str] = "structure-size"
    title: ClassVar[str] = "Structure and the strength of weight decay"
    claim: ClassVar[str] = (
        "A network that has found the linear representation loses it on few examples if there is "
        "weight decay, and keeps it on more, on average from a size on that does not depend on how "
        "strong the decay is."
    )
    rule: ClassVar[str] = (
        "(fall) At the smallest D′ and weak decay the share of networks that keep the line; (keep) "
        "the same at the largest D′; (twin) the same at the smallest D′ without decay; (size) D′ "
        "from which on it is kept, between the size before the first at which it is and the first "
        "from which on it always is, with strong decay / with weak, within networks; (far) the "
        "share of networks in which that ratio lies wholly beyond a margin. Supported if the first "
        "share lies below one half, the next two above, the last below (95% intervals, Clopper and "
        f"Pearson), and the geometric mean of the ratio within 1/{MARGIN:g} … {MARGIN:g}. Refuted "
        "if the first lies above one half, the third below, the last above, or the ratio outside."
        + Structured.COMMON
    )
    criterion: ClassVar[str] = (
        f"lost at the smallest D′ with decay alone, at sizes within a factor of {MARGIN:g}"
    )
    refutation: ClassVar[str] = (
        "Structure that is kept on few examples with decay, lost without, or lost at another size "
        "where decay is stronger."
    )
    figure_caption: ClassVar[str] = (
        "Share of networks that had found the line and keep it, against D′, by weight decay, with "
        "95% intervals (Clopper and Pearson). Dashed: D′ from which on nothing but a line is left, "
        "geometric mean."
    )
    power: ClassVar[str] = (
        "8 networks support the claim in at least 8 of 10 experiments if all do as it says and "
        "sizes spread by 0.1 within networks (simulated)."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        *Structured.assumptions,
        "Circuit efficiency says so of test accuracy. So does a rival without circuits: decay "
        "moves whatever the examples leave open, and nothing else. Of the two only the rival says "
        "from which size on, which structure-determined asks.",
    )
    glossary: ClassVar[Mapping[str, str]] = {
        **Structured.glossary,
        FAR: _FAR,
        BETWEEN_DECAYS: "D′ from which on the line is kept, with strong decay / with weak",
    }

    def own(self, continued: Continued) -> Numbers:
        """See ``Structured``."""
        return _of(_between_decays(continued), BETWEEN_DECAYS)

    def clauses(self, continued: Continued, smallest: int, largest: int) -> Sequence[Clause]:
        """See ``Structured``."""
        keep = most(_kept(WEAK, largest), continued.kept(WEAK, largest))
        return [
            most(_kept(WEAK, smallest), continued.kept(WEAK, smallest), wanted=False),
            Clause(number=keep.number, holds=keep.holds, by_seed=keep.by_seed),
            most(_kept(NONE, smallest), continued.kept(NONE, smallest)),
            _between_decays(continued).near_one(BETWEEN_DECAYS, MARGIN),
            _between_decays(continued).rarely_beyond(FAR, MARGIN),
        ]

    def sentence(self, continued: Continued, numbers: Numbers, smallest: int) -> str:
        """See ``Structured``."""
        return (
            f"{_few(continued, numbers, smallest)}; with strong decay it is kept from "
            f"{numbers[BETWEEN_DECAYS]} times as many pairs on as with weak"
        )


class StructureDetermined(Structured):
    """What decay alone would do: it moves whatever the examples leave open, and nothing else."""

    name: ClassVar[str] = "structure-determined"
    title: ClassVar[str] = "Structure and what examples leave open"
    claim: ClassVar[str] = (
        "With weight decay a network keeps the linear representation, on average, from as many "
        "examples on as it takes for their answers to leave no other."
    )
    rule: ClassVar[str] = (
        "D′ from which on the line is kept with weak decay, between the size before the first at "
        "which it is and the first from which on it always is / D′ from which on the relations "
        "between examples with one answer leave two dimensions of embeddings to the operands that "
        "they have, within networks. Supported if (mean) the 95% interval of the geometric mean "
        f"lies within 1/{MARGIN:g} … {MARGIN:g} and (far) fewer than half of the networks lie "
        "wholly outside (Clopper and Pearson); refuted if the mean lies outside, or most networks "
        "do." + Structured.COMMON
    )
    criterion: ClassVar[str] = f"both sizes within a factor of {MARGIN:g}"
    refutation: ClassVar[str] = (
        "A line that is kept on examples which leave something else, or lost on some which do not."
    )
    power: ClassVar[str] = (
        "8 networks support the claim in at least 8 of 10 experiments if both sizes are equal but "
        "for a spread by 0.1 (simulated)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        **Structured.glossary,
        FAR: _FAR,
        TO_DETERMINED: "D′ from which on the line is kept with weak decay / D′ from which on "
        "nothing else is left",
    }

    def own(self, continued: Continued) -> Numbers:
        """See ``Structured``."""
        return _of(_to_determined(continued), TO_DETERMINED)

    def clauses(self, continued: Continued, smallest: int, largest: int) -> Sequence[Clause]:
        """See ``Structured``."""
        ratio = _to_determined(continued)
        return [ratio.near_one(TO_DETERMINED, MARGIN), ratio.rarely_beyond(FAR, MARGIN)]

    def sentence(self, continued: Continued, numbers: Numbers, smallest: int) -> str:
        """See ``Structured``."""
        return (
            f"With weak decay the line is kept from {numbers[TO_DETERMINED]} times as many pairs "
            "on as leave nothing else"
        )


def _of(ratio: Ratio, name: str) -> Numbers:
    """Return the numbers of a ratio."""
    far = ratio.rarely_beyond(FAR, MARGIN).by_seed
    return {name: ratio.estimate, FAR: share([so == 1.0 for so in far.values()])}


def _between_decays(continued: Continued) -> Ratio:
    return Ratio.of(continued.thresholds(STRONG), continued.thresholds(WEAK))


def _to_determined(continued: Continued) -> Ratio:
    return Ratio.of(continued.thresholds(WEAK), continued.determined)
