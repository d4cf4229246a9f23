"""Semi-grokking: delayed generalisation to partial test accuracy that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from efficiency.statistics.critical_size import PARTIAL
from efficiency.statistics.intervals import share_interval, share_p
from efficiency.training.outcome import MIN_CHANGE
from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.clauses import Clause, decide
from predictions.designs import Part
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS, count, geometric, over_seeds, plural, retained, too_few
from predictions.labelled import Numbers
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.verdicts import Finding

BETWEEN = (0.2, 0.8)
"""Part of the way from chance to 1 between which accuracy is neither: what is nearer to an end may
be one that misses it."""

MAX_RANGE = 0.05
"""Largest range of accuracy, from half of a run's steps to its end, of a run that stays. Accuracy r
that rises as a logistic in log step, of steepness k, moves by about k·r(1 − r)·log 2 while training
gets twice as long: what passes steeper than 0.29 is left out half-way, and what passes steeper than
0.42 everywhere between 20% and 80%, which it crosses in less than a 700-fold of the steps."""

MIN_DELAY = 5.0
"""Least ratio of the step half-way to the final accuracy to the step of fitting, if delayed."""

COMMON_SHARE = 0.1
"""Share of seeds above which semi-grokking counts as found, and below which as absent."""

Kind = Literal["not grokked", "semi-grokked", "grokked", "moving", "partial at once", "near an end"]


OPEN: frozenset[Kind] = frozenset(("semi-grokked", "moving", "near an end"))
"""Of a seed with one of these it cannot be said that none of its runs semi-grokks."""


def kind(run: Run) -> Kind:
    """Return what became of a run from scratch, from its accuracy on novel pairs.

    *Semi-grokked*: the run has settled; from half of its steps to the end, while training gets
    twice as long, its accuracy stays within a range of 0.05, between 20% and 80% of the way from
    chance to 1; and it is delayed: it came half of its way at least five times later than it
    fitted its examples. *Partial at once*: the same without delay. *Near an end*: it stays nearer
    to an end than that, and farther from it than 5%. *Grokked* and *not grokked*: it stays within
    5% of an end, or has come to the upper one. *Moving*: anything else; it may yet stay between,
    or was about to leave.
    """
    later = run.history[2 * run.history["step"] >= run.settings.num_steps]["novel_accuracy"]
    task = run.settings.task
    num_symbols = task.num_classes
    low, high, end = critical_size.retained([later.min(), later.max(), later.iloc[-1]], num_symbols)
    if later.max() - later.min() > MAX_RANGE:
        return "grokked" if end > BETWEEN[1] else "moving"
    if low < PARTIAL[0] or high > PARTIAL[1]:
        return "grokked" if low + high > 1 else "not grokked"
    if low < BETWEEN[0] or high > BETWEEN[1]:
        return "near an end"
    if run.outcome.status != "settled":
        return "moving"
    delayed = delay(run)
    # Less than 0.1 above where it began is too little to have a half-way point.
    return "partial at once" if delayed is None or delayed < MIN_DELAY else "semi-grokked"


def delay(run: Run) -> float | None:
    """Return the step half-way over the step of fitting; ``None`` if accuracy never moved."""
    halfway = run.outcome.numbers.get("step_halfway")
    fitted = run.outcome.numbers.get("step_fitted")
    if halfway is None or fitted is None or halfway.value is None or fitted.value is None:
        return None
    return halfway.value / max(fitted.value, 1.0)


class SemiGrokking(Prediction):
    """Fourth prediction of the theory (paper, sections 3.3 and 5.3, Figures 5 and 6)."""

    name: ClassVar[str] = "semi-grokking"
    parts: ClassVar[tuple[Part[Any], ...]] = (scratch.DESIGNS,)
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Semi-grokking"
    claim: ClassVar[str] = (
        "Trained from scratch on a number of examples near the critical size, some networks come "
        "late to partial accuracy on pairs that they were not trained on, and stay there."
    )
    rule: ClassVar[str] = (
        "Accuracy is that on novel pairs: held out, and if the operation commutes their mirror "
        "images too. A run is semi-grokked if it has settled, its accuracy from half of its steps "
        f"to the end (while training gets twice as long) stays within a range of {MAX_RANGE:g} and "
        f"between {BETWEEN[0]:.0%} and {BETWEEN[1]:.0%} of the way from chance to 1, and it came "
        f"half of its way there at least {MIN_DELAY:g} times later than it fitted its examples, "
        f"from at least {MIN_CHANGE:g} below. Seeds are the independent units; a seed has "
        "semi-grokked if any of its runs has. Supported if the lower bound of the share of such "
        f"seeds > {COMMON_SHARE:g} (95%, Clopper–Pearson). Refuted, within this budget of steps, "
        "if the upper bound of the share of seeds with a run that may yet be one < "
        f"{COMMON_SHARE:g}, while both grokked and not grokked runs were seen. It may if it is "
        "semi-grokked, if it does not stay and does not end beyond that part of the way, or if it "
        f"stays farther from an end than {PARTIAL[0]:.0%} of the way. Undecided otherwise, or "
        f"with fewer than {MIN_SEEDS} seeds. Invalid if no seed counts."
    )
    criterion: ClassVar[str] = f"share of seeds > {COMMON_SHARE:g}"
    amended: ClassVar[str] = (
        "The rule took the place of one that asked for less (from 5% to 95% of the way, over a "
        "quarter of the steps, in more than 5% of seeds), which plateaus that miss 1 and slow "
        "passages met, and by which the seeds of the designs had been judged, see decision 017."
    )
    refutation: ClassVar[str] = "No run settles between chance and perfect."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What does not move by more than the range while training gets twice as long stays: "
        "accuracy that creeps more slowly than that, for ever, counts as staying. The paper's own "
        "example moved on to 1 after twice as long.",
        "That a seed has none is said of the dataset sizes of the design.",
        "Seeds are independent; datasets of one seed are nested.",
    )
    power: ClassVar[str] = (
        "16 seeds support the claim in at least 8 of 10 experiments if half of the seeds have a "
        "run that stays (simulated). In one look it takes 36 to refute it, of which none has and "
        "none may yet."
    )
    figure_caption: ClassVar[str] = (
        "Left: final test accuracy against D, every run a point, its shape telling what became of "
        "it. Right: the course of the runs that semi-grokked, and dotted of those that were still "
        "moving at the end. After Figures 5 and 6 of the paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "share_of_seeds_semi_grokked": "with at least one such run",
        "runs_semi_grokked": "runs that came late to partial accuracy and stayed",
        "runs_grokked": "runs that stay near perfect accuracy",
        "runs_not_grokked": "runs that stay near chance",
        "runs_moving": "runs whose accuracy neither stayed nor came to the end of the way",
        "runs_that_know_only_mirror_images": "test accuracy partial, accuracy on novel pairs not: "
        "they have memorised, and treat their operands alike",
        "runs_near_an_end": "runs that stay partial, but nearer to an end than 20% of the way",
        "runs_partial_at_once": "partial and staying, but without delay",
        "from_scratch_midpoint": "half of the accuracy within the budget; more steps bring it down",
        "semi_grokked_accuracy": "final accuracy of semi-grokked runs, mean by seed",
        "semi_grokked_delay": "step half-way / step of fitting, of semi-grokked runs by seed",
        "semi_grokked_drift": "of their accuracy between the halves of the tail",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = scratch.DESIGNS.on(on)
        return (
            f"{on.describe()}; {len(on.seeds(num_seeds))} seeds trained from scratch on "
            f"D = {on.listed(d.sizes)} examples for {d.num_steps:,} steps with weight "
            f"decay 1. {len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        return scratch.scratch_arm(on, on.seeds(num_seeds))

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        by_seed, left_out = scratch.usable(runs)
        notes = tuple(left_out)
        if not by_seed:
            return Finding(outcome="invalid", sentence="No seed counts.", notes=notes)
        kinds = {seed: [kind(run) for run in by_size.values()] for seed, by_size in by_seed.items()}
        n, every = len(by_seed), [one for several in kinds.values() for one in several]
        semi = sum("semi-grokked" in several for several in kinds.values())
        share = share_interval(semi, n)
        numbers: Numbers = {
            "share_of_seeds_semi_grokked": Estimate(
                value=share.value, low=share.low, high=share.high, n=n, unit="1"
            )
        }
        for name in get_args(Kind):
            counted = sum(one == name for one in every)
            key = f"runs_{name.replace('-', '_').replace(' ', '_')}"
            numbers[key] = count(counted, len(every))
        mirrored = sum(
            _knows_only_mirror_images(run) for by in by_seed.values() for run in by.values()
        )
        numbers["runs_that_know_only_mirror_images"] = count(mirrored, len(every))
        numbers["from_scratch_midpoint"] = critical_size.population(
            [[scratch.midpoint(by_size)] for by_size in by_seed.values()], unit="examples"
        )
        numbers |= _of_semi_grokked(by_seed)
        found = (
            f"{semi} of {plural(n, 'seed')} have a run that came late to partial accuracy on novel "
            f"pairs and stayed (share {numbers['share_of_seeds_semi_grokked']}); of "
            f"{len(every)} runs {every.count('grokked')} grokked, "
            f"{every.count('semi-grokked')} semi-grokked, {every.count('partial at once')} were "
            f"partial without delay, {every.count('near an end')} stayed partial near an end, "
            f"{every.count('not grokked')} stayed near chance and "
            f"{every.count('moving')} were still moving after {runs[0].settings.num_steps:,} "
            f"steps. Of all, {mirrored} know mirror images and hardly more."
        )
        if n < MIN_SEEDS:
            few = f"{too_few(n, 'seed')}: the rule needs {MIN_SEEDS}"
            return Finding(
                outcome="undecided",
                sentence=f"{few}. {found}",
                numbers=numbers,
                notes=notes,
            )
        possible = sum(not OPEN.isdisjoint(several) for several in kinds.values())
        absent = min(1.0, 2 * share_p(n - possible, n, 1 - COMMON_SHARE))
        clause = Clause(
            number="share_of_seeds_semi_grokked",
            holds=min(1.0, 2 * share_p(semi, n, COMMON_SHARE)),
            fails=absent if {"grokked", "not grokked"} <= {*every} else 1.0,
            by_seed={seed: float("semi-grokked" in several) for seed, several in kinds.items()},
        )
        return Finding.of(
            decide([clause]),
            sentence=found,
            numbers=numbers,
            notes=notes,
        )


def _knows_only_mirror_images(run: Run) -> bool:
    """Return whether a run is well above chance on test examples, but not on novel pairs."""
    return retained(run, "test_accuracy") > 0.15 and retained(run) < 0.1


def _of_semi_grokked(by_seed: Mapping[int, Mapping[int, Run]]) -> Numbers:
    """Return accuracy, delay and drift of semi-grokked runs, averaged within seeds."""
    runs = [[r for r in by.values() if kind(r) == "semi-grokked"] for by in by_seed.values()]
    runs = [several for several in runs if several]
    if len(runs) < 2:
        return {}
    return {
        "semi_grokked_accuracy": over_seeds(
            [float(np.mean([r.number("novel_accuracy") for r in several])) for several in runs],
            least=0.0,
            most=1.0,
        ),
        "semi_grokked_delay": geometric(
            [float(np.exp(np.mean([np.log(delay(r) or 1.0) for r in some]))) for some in runs]
        ),
        "semi_grokked_drift": over_seeds(
            [float(np.mean([r.number("novel_accuracy_drift") for r in some])) for some in runs]
        ),
    }
