"""After equally many steps: what weight decay leaves, dataset size by dataset size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from efficiency.settings import RunSettings
from efficiency.statistics.critical_size import MIN_SIZES
from predictions.cells import Cell, Run, starting
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS, continued
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import (
    Seeds,
    sweeps,
    thresholds,
    usable,
)
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN, RATIO_MARGIN
from predictions.clauses import decide, within
from predictions.designs import Part
from predictions.grounds import Ground, ground
from predictions.judging import MIN_SEEDS, over_seeds, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.ratios import Ratio
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

LONGER = 4
"""How many times as long as ungrokking at weight decay 1 both are trained."""

DECAYS = (0.5, 2.0)
"""The weight decays that are compared: the smallest and the largest of ungrokking."""


def equally_long(
    ground: Ground, start: RunSettings, dataset_size: int, decay: float
) -> RunSettings:
    """Return the run that continues a start network for as many steps as at any weight decay."""
    run = continued(ground, start, dataset_size, decay)
    return run.model_copy(update={"num_steps": LONGER * DESIGNS.on(ground).steps_at_one})


class EqualSteps(Prediction):
    """Third prediction of the theory where time is counted in steps (paper, Figures 4 and 7)."""

    name: ClassVar[str] = "equal-steps"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Weight decay after equally many steps"
    claim: ClassVar[str] = (
        "Trained for equally many steps, and for long, a network ungroks to the same accuracy "
        "whatever the weight decay: at each dataset size, not on average over them."
    )
    rule: ClassVar[str] = (
        f"Start networks are continued with weight decays {DECAYS[0]:g} and {DECAYS[1]:g} for "
        f"{LONGER} times as many steps as ungrokking at 1, both the same. For each D' the "
        "difference of final accuracies on novel pairs within start networks, and the ratio of "
        "thresholds (D' at which accuracy crosses the middle between chance and 1); intervals are "
        "95% over start networks that count, as in ungrokking. Supported if at each D' the "
        f"difference lies within ±{ACCURACY_MARGIN:g}, and the ratio within "
        f"1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}. Refuted if one of them lies outside altogether, "
        "at as much more than 95% as there are of them. Undecided otherwise, or with fewer than "
        f"{MIN_SEEDS} start networks or {MIN_SIZES} sizes. Invalid if no start network counts."
    )
    criterion: ClassVar[str] = (
        f"accuracies within ±{ACCURACY_MARGIN:g} at each D', thresholds within a factor of "
        f"{RATIO_MARGIN:g}"
    )
    refutation: ClassVar[str] = (
        "A difference at one D', or a ratio of thresholds, beyond the margin."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "Both have trained for long enough: the smaller decay is "
        f"{DECAYS[1] / DECAYS[0]:g} times less far in units of η·λ·steps. If it is not, a "
        "difference is one of speed, which the theory expects, and refutes no more than that the "
        "length does not matter. Drifts are reported.",
        "Differences within start networks are normal over start networks, at each D'.",
    )
    power: ClassVar[str] = (
        "24 start networks support the claim in at least 8 of 10 experiments if nothing depends on "
        "weight decay and log thresholds of one start network spread by 0.1 (simulated)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        "difference": f"accuracy with decay {DECAYS[1]:g} less that with {DECAYS[0]:g}, at this "
        "D', within start networks",
        "threshold_ratio": f"threshold with decay {DECAYS[1]:g} / with {DECAYS[0]:g}",
        "accuracy": "final, at this weight decay and D'",
        "drift": "change of accuracy from the first to the second half of the tail, "
        "averaged over D'",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} start networks trained on the whole "
            f"table for {on.start_steps:,} steps, each continued on D' = {on.listed(d.sizes)} "
            f"examples with weight decays {DECAYS[0]:g} and {DECAYS[1]:g} for "
            f"{LONGER * d.steps_at_one:,} steps each. {len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        grid = list(product(on.scaled(DESIGNS.on(on).sizes), DECAYS))
        cells = []
        for start in map(on.start, on.seeds(num_seeds)):
            cells += starting([start], [equally_long(on, start, D, decay) for D, decay in grid])
        return cells

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes, seeds = tuple(left_out), sweeps(counted)
        if not seeds:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        num_sizes = len({one.dataset_size for one in counted})
        if len(seeds) < MIN_SEEDS or num_sizes < MIN_SIZES:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(seeds), 'start network')} that count and "
                f"{too_few(num_sizes, 'size')}: the rule needs {MIN_SEEDS} and {MIN_SIZES}.",
                notes=notes,
            )
        return _find(seeds, counted, notes)


def _find(seeds: Seeds, counted: Sequence[Run], notes: tuple[str, ...]) -> Finding:
    small, large = DECAYS
    ratio = Ratio.of(thresholds(seeds, large), thresholds(seeds, small))
    numbers: Numbers = {"threshold_ratio": ratio.estimate}
    clauses = [ratio.near_one("threshold_ratio", RATIO_MARGIN)]
    sizes = sorted({one.dataset_size for one in counted})
    apart = {
        D: {
            seed: by[large].accuracy[index] - by[small].accuracy[index]
            for seed, by in seeds.items()
        }
        for index, D in enumerate(sizes)
    }
    for D, differences in apart.items():
        name = Labelled("difference", dataset_size=D)
        numbers[name] = over_seeds(differences.values(), least=-1.0, most=1.0)
        clauses.append(within(name, differences, ACCURACY_MARGIN))
    at = max(sizes, key=lambda D: abs(float(np.mean(list(apart[D].values())))))
    for decay in DECAYS:
        there = [one for one in counted if one.weight_decay == decay]
        for D in sizes:
            values = by_start(
                [one for one in there if one.dataset_size == D], "novel_accuracy"
            ).values()
            numbers[Labelled("accuracy", weight_decay=decay, dataset_size=D)] = over_seeds(
                values, least=0.0, most=1.0
            )
        drifts = by_start(there, "novel_accuracy_drift").values()
        numbers[Labelled("drift", weight_decay=decay)] = over_seeds(drifts)
    return Finding.of(
        decide(clauses),
        f"After equally many steps final accuracy with weight decays {large:g} and {small:g} "
        f"differs most at D' = {at}, by {numbers[Labelled('difference', dataset_size=at)]} (margin "
        f"±{ACCURACY_MARGIN:g} at each D'), and thresholds by a factor of {ratio.estimate} (margin "
        f"{RATIO_MARGIN:g}; {plural(len(seeds), 'start network')}).",
        numbers,
        notes,
    )
