"""Start networks that are continued by gradient descent with an L2 penalty: designs and runs.

At rest AdamW has |g| / (|g| + ε) = λ|θ| in every coordinate, so that g ≈ −ελθ: the balance of loss
and a penalty of ελ‖θ‖²/2, with ε = 1e-8 at log-odds of 17 and more. Gradient descent on
L + λ‖θ‖²/2 comes to rest where the theory says that networks do, at a penalty that can be chosen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

from pydantic import PositiveFloat, PositiveInt

from efficiency.settings import OptimiserSettings, RunSettings
from efficiency.statistics.critical_size import MIN_SIZES, population
from predictions.cells import Cell, Run, settings_of, starting
from predictions.circuit_efficiency.ungrokking import cells as ungrokking
from predictions.circuit_efficiency.ungrokking.judge import FALL, KEEP
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import (
    Seeds,
    sweeps,
    thresholds,
    usable,
)
from predictions.clauses import Clause, decide
from predictions.designs import DatasetSizes, Part
from predictions.grounds import WARMUP_STEPS, Ground, ground
from predictions.judging import MIN_SEEDS, geometric, over_seeds, plural, share_settled, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size, on the ground of ``predictions.grounds``.

    Attributes:
        sizes: D' of the continuations.
        learning_rate: η, without Adam's scaling: it must stay below 2 / curvature.
        weight_decays: λ of the penalty λ‖θ‖²/2, the smaller one first.
        steps_at_largest: Length at the largest λ; at the other the same in units of η·λ·steps.
        num_seeds: Start networks.
    """

    sizes: DatasetSizes
    learning_rate: PositiveFloat
    weight_decays: tuple[PositiveFloat, PositiveFloat]
    steps_at_largest: PositiveInt
    num_seeds: PositiveInt


DESIGNS = Part[Design](
    "gradient-descent",
    {
        "smoke": Design(
            sizes=(10, 20, 40, 80),
            learning_rate=0.015,
            weight_decays=(1e-3, 3e-3),
            steps_at_largest=500,
            num_seeds=3,
        ),
        # Chosen by measurement: docs/decisions/021-circuits-and-rest.md.
        "quick": Design(
            sizes=(50, 103, 137, 183, 244, 325, 433),
            learning_rate=0.015,
            weight_decays=(1e-3, 3e-3),
            steps_at_largest=54_000,
            num_seeds=12,
        ),
        # Guesses, not tried.
        "standard": Design(
            sizes=(151, 280, 373, 498, 664, 885, 1180),
            learning_rate=0.01,
            weight_decays=(1e-3, 3e-3),
            steps_at_largest=80_000,
            num_seeds=6,
        ),
        "paper": Design(
            sizes=ungrokking.PAPER_SIZES,
            learning_rate=0.005,
            weight_decays=(1e-3, 3e-3),
            steps_at_largest=160_000,
            num_seeds=6,
        ),
    },
)


def descending(ground: Ground, start: RunSettings, dataset_size: int, decay: float) -> RunSettings:
    """Return the run that continues a start network by gradient descent on fewer examples."""
    d = DESIGNS.on(ground)
    return RunSettings(
        task=start.task,
        network=start.network,
        optimiser=OptimiserSettings(
            method="gradient-descent",
            learning_rate=d.learning_rate,
            weight_decay=decay,
            warmup_steps=WARMUP_STEPS,
            decay_fraction=0.25,
        ),
        dataset_size=dataset_size,
        data_seed=start.data_seed,
        start=start,
        num_steps=round(d.steps_at_largest * max(d.weight_decays) / decay),
    )


class Descent(Prediction):
    """A claim about start networks that are continued by gradient descent."""

    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    min_seeds: ClassVar[int] = MIN_SEEDS
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        FALL: "final, on novel pairs, mean over both penalties",
        KEEP: "final, on novel pairs, mean over both penalties",
        "log_odds_ratio": "log-odds at the end with the smaller penalty / with the larger",
        "threshold_ratio": "threshold with the larger penalty / with the smaller",
        "threshold": "D' at which accuracy crosses the middle between chance and 1, with this λ",
        "accuracy_difference": "final accuracy with the larger penalty − with the smaller, "
        "averaged over D'",
        "log_odds": "at the end, mean over D', geometric mean over start networks, with this λ",
        "norm": "likewise",
        "drift": "change of accuracy from the first to the second half of the tail, with this "
        "λ, mean over D'",
        "share_settled": "of the continuations with this λ; the others are kept",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        cells = self.cells(size, num_seeds)
        ways = " and ".join(
            f"λ = {decay:g} for {round(d.steps_at_largest * max(d.weight_decays) / decay):,} steps"
            for decay in d.weight_decays
        )
        starts = sum(cell.role == "start" for cell in cells)
        return (
            f"{on.describe()}; {starts} start networks trained on the whole table for "
            f"{on.start_steps:,} steps (AdamW), each continued on D' = {on.listed(d.sizes)} "
            f"examples by gradient descent with an L2 penalty, η = {d.learning_rate:g}, with "
            f"{ways}. {len(settings_of(cells))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        number = d.num_seeds if num_seeds is None else num_seeds
        grid = list(product(d.weight_decays, on.scaled(d.sizes)))
        first = [on.start(seed) for seed in on.seeds(number)]
        later = [descending(on, start, D, decay) for start in first for decay, D in grid]
        return starting(first, later)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes, seeds = tuple(left_out), sweeps(counted) if counted else {}
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
        numbers, clauses = self.clauses(seeds, counted)
        numbers |= _where_it_rests(seeds, counted)
        return Finding.of(decide(clauses), self.sentence(numbers, counted), numbers, notes)

    @abstractmethod
    def clauses(self, seeds: Seeds, counted: Sequence[Run]) -> tuple[Numbers, list[Clause]]:
        """Return the numbers of the rule, and its clauses."""

    @abstractmethod
    def sentence(self, numbers: Numbers, counted: Sequence[Run]) -> str:
        """Return the finding, without its outcome."""


def _where_it_rests(seeds: Seeds, counted: Sequence[Run]) -> Numbers:
    """Return thresholds, and what networks are like at the end, at each penalty."""
    numbers: Numbers = {}
    for decay in sorted({one.weight_decay for one in counted}):
        arm = [one for one in counted if one.weight_decay == decay]
        at = [[bounds] for bounds in thresholds(seeds, decay).values()]
        numbers[Labelled("threshold", weight_decay=decay)] = population(at, unit="examples")
        for name, unit in (("log_odds", "nats"), ("norm", "1")):
            values = by_start(arm, name)
            numbers[Labelled(name, weight_decay=decay)] = geometric(values.values(), unit=unit)
        drifts = by_start(arm, "novel_accuracy_drift")
        numbers[Labelled("drift", weight_decay=decay)] = over_seeds(drifts.values())
        numbers[Labelled("share_settled", weight_decay=decay)] = share_settled(arm)
    return numbers
