"""Weight decay: how far a network ungroks does not depend on it, only how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from efficiency.statistics.critical_size import MIN_SIZES
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS, main_arm
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import (
    Seeds,
    sweeps,
    thresholds,
    usable,
)
from predictions.clauses import decide, within
from predictions.designs import Part
from predictions.grounds import ground, steps_at
from predictions.judging import MIN_SEEDS, geometric, over_seeds, plural, share_settled, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.ratios import Ratio
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

ACCURACY_MARGIN = 0.1
"""Largest difference of mean final accuracies that counts as none."""

RATIO_MARGIN = 1.25
"""Largest ratio of thresholds, either way, that counts as none."""


class WeightDecay(Prediction):
    """Third prediction of the theory (paper, sections 3.3 and 5.2, Figure 4)."""

    name: ClassVar[str] = "weight-decay"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    continues: ClassVar[bool] = True
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Weight decay"
    claim: ClassVar[str] = (
        "The accuracy to which a network ungroks does not depend on the strength of weight decay; "
        "only the speed does."
    )
    rule: ClassVar[str] = (
        "The runs are those of ungrokking, compared at the smallest and the largest weight decay, "
        "after equally long training in units of η·λ·steps. For each start network: the "
        "difference of final accuracies on novel pairs, averaged over D'; the same with the drift "
        "of the last eighth of training added once more, as if training went on; and the ratio of "
        "thresholds (D' at which accuracy crosses the middle between chance and 1). Intervals are "
        "95% over start networks that count, as in ungrokking. Supported if both differences lie "
        f"within ±{ACCURACY_MARGIN:g} and the ratio within 1/{RATIO_MARGIN:g} … "
        f"{RATIO_MARGIN:g}. Refuted if the first difference or the ratio lies outside altogether. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} start networks, {MIN_SIZES} sizes or "
        "two weight decays. Invalid if no start network counts."
    )
    criterion: ClassVar[str] = (
        f"accuracies within ±{ACCURACY_MARGIN:g}, thresholds within a factor of {RATIO_MARGIN:g}"
    )
    refutation: ClassVar[str] = (
        "A difference of accuracies or a ratio of thresholds beyond the margin."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Equal η·λ·steps is equally long: weight decay shrinks weights by η·λ a step. After as "
        "many steps a small λ has not come as far, and thresholds differ for that reason alone.",
        "Runs that still move are kept. If speed were all that weight decay changes, accuracies "
        "after equal η·λ·steps would agree even before they have come to rest: the share that has "
        "settled, and the difference with the drift added, say how much that may be.",
        "Log thresholds and their differences between weight decays are normal over start "
        "networks.",
    )
    power: ClassVar[str] = (
        "8 start networks support the claim in at least 8 of 10 experiments if nothing depends on "
        "weight decay and log thresholds of one start network spread by 0.1 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Left: final accuracy on novel pairs against D′ at every weight decay, means over start "
        "networks with Student's 95% intervals cut at 0 and 1. "
        "Right: steps until half of the accuracy is lost at the smallest D′, against weight decay; "
        "the line falls as 1/λ. After Figure 4 of the paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "accuracy_difference": "final accuracy at the largest weight decay − at the smallest, "
        "averaged over D'",
        "accuracy_difference_later": "the same with the drift added once more",
        "share_of_continued_runs_settled": "the others were still moving when they ended; kept",
        "threshold_ratio": "threshold at the largest weight decay / at the smallest",
        "halfway_steps": "steps until half of the accuracy is lost at the smallest D', "
        "geometric mean, at this weight decay",
        "speed_exponent": "of these steps in weight decay: −1 if speed is proportional to it",
        "weight_decay_range": "largest / smallest",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        pairs = ", ".join(f"{w:g} ({steps_at(w, d.steps_at_one):,} steps)" for w in d.weight_decays)
        return (
            f"The main arm of ungrokking: {on.describe()}; "
            f"{on.starts(len(on.seeds(num_seeds)))} continued on D' = "
            f"{on.listed(d.sizes)} with weight decays {pairs}. "
            f"{len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        apart, usual = _span(DESIGNS.on(on).weight_decays), _span(DESIGNS[size].weight_decays)
        if apart < usual:
            # Decays that are nearly alike give nearly equal thresholds whatever is true.
            raise InvalidInputError(
                f"weight decays that differ by a factor of {apart:g} cannot refute {self.name}; "
                f"let the largest be {usual:g} times the smallest at least"
            )
        return main_arm(on, on.seeds(num_seeds))

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        continued, left_out = usable(runs)
        notes, seeds = tuple(left_out), sweeps(continued)
        if not seeds:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        sizes, decays = (
            {one.dataset_size for one in continued},
            {one.weight_decay for one in continued},
        )
        if len(decays) < 2:
            return Finding(
                outcome="undecided",
                sentence=f"There is only one weight decay, {decays}: nothing to compare.",
                notes=notes,
            )
        if len(seeds) < MIN_SEEDS or len(sizes) < MIN_SIZES:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(seeds), 'start network')} that count and "
                f"{too_few(len(sizes), 'size')}: the rule needs {MIN_SEEDS} and "
                f"{MIN_SIZES}.",
                notes=notes,
            )
        return _find(seeds, continued, notes)


def _span(weight_decays: Sequence[float]) -> float:
    return max(weight_decays) / min(weight_decays)


def _find(seeds: Seeds, continued: Sequence[Run], notes: tuple[str, ...]) -> Finding:
    decays = next(iter(seeds.values()))
    least, most = min(decays), max(decays)
    difference = {
        seed: float(np.mean(by[most].accuracy) - np.mean(by[least].accuracy))
        for seed, by in seeds.items()
    }
    ratio = Ratio.of(thresholds(seeds, most), thresholds(seeds, least))
    drifts = [
        by_start([one for one in continued if one.weight_decay == decay], "novel_accuracy_drift")
        for decay in (most, least)
    ]
    later = {seed: apart + drifts[0][seed] - drifts[1][seed] for seed, apart in difference.items()}
    numbers: Numbers = {
        "accuracy_difference": over_seeds(difference.values()),
        "accuracy_difference_later": over_seeds(later.values()),
        "threshold_ratio": ratio.estimate,
        "share_of_continued_runs_settled": share_settled(continued),
        "weight_decay_range": Estimate(
            value=most / least, low=None, high=None, n=len(decays), unit="1"
        ),
    }
    numbers |= _speeds(continued)
    decision = decide(
        [
            ratio.near_one("threshold_ratio", RATIO_MARGIN),
            within("accuracy_difference", difference, ACCURACY_MARGIN),
            replace(within("accuracy_difference_later", later, ACCURACY_MARGIN), fails=None),
        ]
    )
    n = ratio.estimate.n
    bounded = "" if n == len(seeds) else f", {n} of them with thresholds that say something"
    return Finding.of(
        decision,
        sentence=f"Between weight decays {least:g} and {most:g} final accuracy differs by "
        f"{numbers['accuracy_difference']} (margin ±{ACCURACY_MARGIN:g}) and thresholds by a "
        f"factor of {ratio.estimate} (margin {RATIO_MARGIN:g}; "
        f"{plural(len(seeds), 'start network')}{bounded}).",
        numbers=numbers,
        notes=notes,
    )


def _speeds(continued: Sequence[Run]) -> Numbers:
    """Return how long it takes to lose half at the smallest size, by weight decay."""
    smallest = min(one.dataset_size for one in continued)
    steps: dict[float, dict[int, float]] = {}
    for one in continued:
        halfway = one.outcome.numbers.get("step_halfway")
        if one.dataset_size == smallest and halfway is not None and halfway.value is not None:
            steps.setdefault(one.weight_decay, {})[one.settings.data_seed] = halfway.value
    numbers: Numbers = {
        Labelled("halfway_steps", weight_decay=decay): geometric(
            list(by_seed.values()), unit="steps"
        )
        for decay, by_seed in sorted(steps.items())
        if len(by_seed) > 1
    }
    everywhere = set.intersection(*(set(by) for by in steps.values())) if steps else set()
    if len(everywhere) > 1 and len(steps) > 1:
        decays = sorted(steps)
        numbers["speed_exponent"] = over_seeds(
            [
                float(np.polyfit(np.log(decays), np.log([steps[w][seed] for w in decays]), 1)[0])
                for seed in sorted(everywhere)
            ]
        )
    return numbers
