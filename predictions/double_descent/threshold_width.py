"""Whether wider networks ungrok below larger dataset sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from predictions.cells import Cell, Run, starting
from predictions.circuit_efficiency.ungrokking.cells import continued
from predictions.circuit_efficiency.ungrokking.reading import sweeps, thresholds, usable
from predictions.clauses import decide, most
from predictions.double_descent.peaks import MIN_SEEDS
from predictions.grounds import Ground, ground
from predictions.judging import geometric, over_seeds, plural, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.ratios import Bounds, Ratio
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

NARROW, WIDE = "narrow", "wide"

LATER, RATIO = "share_wide_later", "wide_to_narrow"

WEIGHT_DECAY = 1.0


@dataclass(frozen=True, kw_only=True)
class Widths:
    """One size.

    Attributes:
        narrow: M of the narrow network; its MLP has four times as many units.
        wide: M of the wide one.
        sizes: D'.
        num_seeds: Start networks of each.
    """

    narrow: int
    wide: int
    sizes: tuple[int, ...]
    num_seeds: int

    def width(self, arm: str) -> int:
        """Return M of an arm."""
        return {NARROW: self.narrow, WIDE: self.wide}[arm]


DESIGNS: dict[Size, Widths] = {
    "smoke": Widths(narrow=8, wide=16, sizes=(20, 40, 80), num_seeds=2),
    "quick": Widths(narrow=24, wide=64, sizes=(72, 103, 147, 211, 303, 434), num_seeds=12),
    # Not tried.
    "standard": Widths(narrow=48, wide=128, sizes=(206, 280, 382, 520, 709, 967), num_seeds=12),
    "paper": Widths(narrow=64, wide=256, sizes=(488, 610, 763, 955, 1194, 1494), num_seeds=12),
}


class ThresholdWidth(SelfDesigned):
    """Ungrokking at two widths: what efficiency says if memorising is what width makes cheaper."""

    name: ClassVar[str] = "threshold-width"
    title: ClassVar[str] = "Critical size and width"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Widths]] = DESIGNS
    if_diverged: ClassVar[str] = "leaves out its start network"
    claim: ClassVar[str] = (
        "A wider network needs more examples to keep generalising: the size below which it ungroks "
        "is larger."
    )
    rule: ClassVar[str] = (
        "Start networks of two widths that know the whole table are continued on fewer examples, "
        "as in ungrokking, whose rule says which count and where one falls half-way (threshold). "
        "A seed counts if both of its networks do and one threshold is the larger: where both lie "
        "between sizes, by their middles; else by the ends that they have. Supported if the wide "
        "network's threshold is the larger in more than half of the seeds (95% interval, Clopper "
        "and Pearson), refuted if in less than half. Undecided otherwise, and with fewer than "
        f"{MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = "the wide network's threshold the larger in most seeds"
    refutation: ClassVar[str] = (
        "Wide networks that keep generalising on fewer examples: it refutes this reading, or its "
        "premise that width makes memorising cheaper more than generalising."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Our reading of the theory: more units make memorising cheaper (beyond the width that just "
        "fits the norm for a given logit falls) and generalising less so, so that both are equally "
        "efficient at a larger size. What has been published disagrees: it falls, and it grows.",
        "Learning rate, weight decay and length are the same at both widths; heads too. The width "
        "of the MLP is four times that of the residual stream. Thresholds still rise with training "
        "(decision 016): if one width forgets faster, that alone would show.",
        "Widths were chosen on development seeds 860 to 863 at 16 and 64 units, where half of the "
        "narrow start networks had not settled and wide ones seemed to fall at smaller sizes.",
    )
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if wide networks have the "
        "larger threshold in 95 of 100 seeds, and refute it if in 5 of 100 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Final accuracy on novel pairs against D′ of both widths (means over start networks with "
        "Student's 95% intervals)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        LATER: "of seeds whose wide network has the larger threshold",
        RATIO: "threshold of the wide network / of the narrow one",
        "accuracy": "on novel pairs at the end, of this width at this D'",
        "norm": "of start networks of this width, geometric mean",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        sizes = ", ".join(map(str, d.sizes))
        return (
            f"{self._ground(size, NARROW).describe()}, and the same {d.wide} wide; "
            f"{len(seeds)} start networks of each, continued on D' = {sizes} at λ = "
            f"{WEIGHT_DECAY:g}."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        cells = []
        for arm in (NARROW, WIDE):
            on = self._ground(size, arm)
            for seed in seeds:
                start = on.start(seed)
                later = [continued(on, start, D, WEIGHT_DECAY) for D in DESIGNS[size].sizes]
                cells += starting([start], later, arm=arm)
        return cells

    def _ground(self, size: Size, arm: str) -> Ground:
        on, width = ground(size, self.variant), DESIGNS[size].width(arm)
        network = on.network.model_copy(update={"d_model": width, "d_mlp": 4 * width})
        return replace(on, network=network)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        known: dict[str, dict[int, Bounds]] = {}
        numbers: Numbers = {}
        notes: list[str] = []
        for arm in (NARROW, WIDE):
            there = [run for run in runs if run.arm == arm]
            counting, left_out = usable(there)
            notes += left_out
            seeds = sweeps(counting) if counting else {}
            known[arm] = thresholds(seeds, WEIGHT_DECAY)
            numbers |= _accuracies(counting, arm) if len(seeds) > 1 else {}
            used = {run.start for run in counting}
            norms = [run.number("norm") for run in there if run.settings in used]
            if len(norms) > 1:
                numbers[Labelled("norm", arm=arm)] = geometric(norms)
        both = sorted(known[NARROW].keys() & known[WIDE].keys())
        later = {
            seed: so
            for seed in both
            if (so := is_larger(known[WIDE][seed], known[NARROW][seed])) is not None
        }
        if len(later) < MIN_SEEDS:
            few = f"{too_few(len(later), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few, numbers=numbers, notes=tuple(notes))
        ratio = Ratio.of(
            {seed: known[WIDE][seed] for seed in both}, {seed: known[NARROW][seed] for seed in both}
        )
        numbers |= {LATER: share(list(later.values())), RATIO: ratio.estimate}
        return Finding.of(
            decide([most(LATER, later)]),
            f"In {sum(later.values())} of {plural(len(later), 'seed')} the wide network's "
            f"threshold is the larger; in the mean it is {ratio.estimate} times the narrow one's.",
            numbers,
            notes=tuple(notes),
        )


def is_larger(one: Bounds, other: Bounds) -> bool | None:
    """Return whether a threshold is the larger, ``None`` if its bounds do not say.

    Closed ones are compared by their middles; of an open one only the end that it has is known.
    """
    if all(map(math.isfinite, (*one, *other))):
        middles = sum(one), sum(other)
        return None if middles[0] == middles[1] else middles[0] > middles[1]
    if one[0] >= other[1]:
        return True
    return False if other[0] >= one[1] else None


def _accuracies(runs: Sequence[Run], arm: str) -> Numbers:
    """Return mean accuracies of continued runs by D'."""
    return {
        Labelled("accuracy", arm=arm, dataset_size=D): over_seeds(
            [run.number("novel_accuracy") for run in runs if run.dataset_size == D],
            least=0.0,
            most=1.0,
        )
        for D in sorted({run.dataset_size for run in runs})
    }
