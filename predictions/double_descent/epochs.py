"""Whether test error falls a second time while one network is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from efficiency.statistics.intervals import FloatArray
from predictions.cells import Cell, Run
from predictions.clauses import above, decide
from predictions.double_descent.claims import ASSUMED
from predictions.double_descent.digits import DESIGNS, LEARNING_RATE, TRAINED, WRONG, Digits
from predictions.double_descent.peaks import MIN_SEEDS, by_seed
from predictions.judging import geometric, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LEAST = 1.1
"""Factor by which test error must rise, and fall again."""

RISE, SECOND = "peak_to_first_minimum", "peak_to_second_minimum"

BELOW = "first_minimum_to_second"


class EpochsPeak(SelfDesigned):
    """Nakkiran et al. (2020), section 6, on a network with one hidden layer."""

    name: ClassVar[str] = "epochs-peak"
    title: ClassVar[str] = "Double descent over training time"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Digits]] = DESIGNS
    if_diverged: ClassVar[str] = "leaves out its seed"
    claim: ClassVar[str] = (
        "While a wide network is trained on examples some of which have a wrong label, its test "
        "error falls, rises by a tenth at least, and falls by a tenth again within the steps that "
        "it is given."
    )
    rule: ClassVar[str] = (
        "Test error without weight decay, at the recorded steps nearest to three that the design "
        "has: a first minimum, a peak and the end. Supported if a seed's error at the peak / at "
        f"the first minimum (rise) and at the peak / at the end (second) both exceed {LEAST:g} in "
        "geometric mean (95% intervals, Student's t); refuted if (rise) lies below 1 or (second) "
        f"below {LEAST:g}. A run that diverged {if_diverged}. Undecided otherwise, and with fewer "
        f"than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = "a rise of a tenth, and a fall of a tenth after it"
    refutation: ClassVar[str] = "Test error that does not rise, or does not fall again in time."
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMED,
        *TRAINED,
        "Within this length: a later descent is not seen. Theirs are residual networks on CIFAR-10 "
        "for 4,000 epochs; a network of one hidden layer on digits may never do it.",
    )
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if test error falls again by "
        "e^0.3 with a spread by 0.1, and refute it if it stays (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Test error while networks are trained (geometric mean, and each seed)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        RISE: "test error at its peak / at its first minimum, steps of the design",
        SECOND: "test error at its peak / at the end, likewise",
        BELOW: "test error at its first minimum / at the end, likewise",
        "test_error": "share of wrong answers, geometric mean over seeds",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        low, high, last = d.steps_places
        return (
            f"Networks with one hidden layer of {d.long_width} units on {d.dataset_size} digits, "
            f"{WRONG:.0%} of them with a wrong label, for {d.long_steps:,} steps of Adam, η = "
            f"{LEARNING_RATE:g}, λ = 0; {len(seeds)} seeds. Places: first minimum {low}, "
            f"peak {high} and end {last} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [Cell(settings=DESIGNS[size].long(seed)) for seed in seeds]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        seeds = by_seed(runs)
        if len(seeds) < MIN_SEEDS:
            few = f"{too_few(len(seeds), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        steps = next(iter(seeds.values()))[0].history["step"].to_numpy()
        places = [int(np.argmin(np.abs(steps - at))) for at in DESIGNS[size].steps_places]
        rise, second, lower = {}, {}, {}
        for seed, some in seeds.items():
            low, high, last = error_course(some[0])[places]
            rise[seed], second[seed], lower[seed] = high - low, high - last, low - last
        numbers: Numbers = {
            name: geometric([math.exp(one) for one in by.values()])
            for name, by in ((RISE, rise), (SECOND, second), (BELOW, lower))
        }
        for k in places:
            at = [math.exp(error_course(some[0])[k]) for some in seeds.values()]
            numbers[Labelled("test_error", steps=int(steps[k]))] = geometric(at)
        least = math.log(LEAST)
        rises = replace(above(RISE, rise, least), fails=above(RISE, rise, 0.0).fails)
        return Finding.of(
            decide([rises, above(SECOND, second, least)]),
            f"Test error rises {numbers[RISE]} times from its first minimum, and its peak is "
            f"{numbers[SECOND]} times the end ({plural(len(seeds), 'seed')}).",
            numbers,
        )


def error_course(run: Run) -> FloatArray:
    """Return ln of the share of wrong answers on test examples at each record, ½ for 0."""
    wrong = 1 - run.history["test_accuracy"].to_numpy(dtype=float)
    least = 0.5 / (run.settings.task.num_examples - run.dataset_size)
    found: FloatArray = np.log(np.maximum(wrong, least))
    return found
