"""Ungrokking: a network that generalises forgets how when it is trained on fewer examples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import NonNegativeInt, PositiveInt

from efficiency.settings import RunSettings
from efficiency.statistics.critical_size import MIN_SIZES
from efficiency.statistics.shapes import RIVALS, SHAPES
from predictions.circuit_efficiency.ungrokking.judge import FORGETTING, find
from predictions.circuit_efficiency.ungrokking.numbers import COMPARED
from predictions.circuit_efficiency.ungrokking.reading import MIN_START_SHARE
from predictions.circuit_efficiency.ungrokking.rivals import SLOWER, number_of
from predictions.designs import DatasetSizes, Part, WeightDecays
from predictions.grounds import Ground, ground, schedule, steps_at
from predictions.judging import MIN_SEEDS
from predictions.protocol import Prediction, Run
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size of the experiment, on the ground of ``predictions.grounds``.

    Attributes:
        sizes: D', the dataset sizes that start networks are continued on.
        weight_decays: λ of the continuations; start networks have λ = 1.
        steps_at_one: Length of a continuation at λ = 1; at other λ the same in units of η·λ·steps.
        held_out_sizes: D' of the second arm, whose start networks never saw a tenth of the table.
        held_out_seeds: Start networks of the second arm, at most all.
    """

    sizes: DatasetSizes
    weight_decays: WeightDecays = (0.5, 1.0, 2.0)
    steps_at_one: PositiveInt
    held_out_sizes: tuple[PositiveInt, ...] = ()
    held_out_seeds: NonNegativeInt = 6


PAPER_SIZES = (390, 488, 610, 763, 955, 1194, 1494)
"""D' of the paper's Figure 7."""

DESIGNS = Part[Design](
    "ungrokking",
    {
        "smoke": Design(
            sizes=(10, 20, 40, 80),
            weight_decays=(1.0, 2.0),
            steps_at_one=1000,
            held_out_sizes=(40,),
            held_out_seeds=3,
        ),
        # Chosen by measurement: docs/decisions/005-quick-size.md.
        "quick": Design(
            sizes=(50, 72, 103, 147, 211, 303),
            steps_at_one=3000,
            held_out_sizes=(103, 147),
        ),
        "standard": Design(
            sizes=(151, 206, 280, 382, 520, 709),
            steps_at_one=6000,
            held_out_sizes=(280, 382),
            held_out_seeds=3,
        ),
        # docs/decisions/019-replication.md.
        "replication": Design(
            sizes=PAPER_SIZES,
            steps_at_one=12_000,
            held_out_seeds=0,
        ),
        # The 100,000 steps of the paper's Figure 8; weight decays assumed.
        "paper": Design(
            sizes=PAPER_SIZES,
            steps_at_one=100_000,
            held_out_sizes=(610, 763, 955),
        ),
    },
)

HELD_OUT_FRACTION = 0.1
"""Part of the table that the start networks of the second arm never see."""


def continued(ground: Ground, start: RunSettings, dataset_size: int, decay: float) -> RunSettings:
    """Return the run that continues a start network on fewer examples."""
    return RunSettings(
        task=start.task,
        network=start.network,
        optimiser=schedule(ground.learning_rate, decay, 0.25),
        dataset_size=dataset_size,
        data_seed=start.data_seed,
        start=start,
        num_steps=steps_at(decay, DESIGNS.on(ground).steps_at_one),
    )


def main_arm(ground: Ground, seeds: Iterable[int]) -> list[RunSettings]:
    """Return start networks that know the whole table, and all that continues them."""
    design = DESIGNS.on(ground)
    runs = []
    for seed in seeds:
        start = ground.start(seed)
        runs.append(start)
        cells = itertools.product(ground.scaled(design.sizes), design.weight_decays)
        runs.extend(continued(ground, start, D, decay) for D, decay in cells)
    return runs


class Ungrokking(Prediction):
    """Second prediction of the theory (paper, sections 3 and 5.2, Figures 4 and 7)."""

    name: ClassVar[str] = "ungrokking"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    continues: ClassVar[bool] = True
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Ungrokking"
    claim: ClassVar[str] = (
        "A network that has learned to generalise, trained further on D' examples only, falls back "
        "to low accuracy on other pairs if D' is below a critical size and keeps it above; the "
        "fall is a transition in D'."
    )
    rule: ClassVar[str] = (
        "Accuracy is that on novel pairs: not trained on now, and if the operation commutes their "
        "mirror images neither. Start networks are the independent units; all intervals are 95% "
        "over them, each averaged over weight decays first. A start network counts if it has "
        "settled at training accuracy 1, generalises to what it held out (or, having held out "
        f"nothing, has {MIN_START_SHARE:.0%} of its logit norm in the answer subspace), and none "
        "of its continuations diverged or stopped fitting its examples. The middle is "
        "(1 + 1/S)/2, between chance 1/S and 1. Supported if (fall) the upper bound of the "
        "accuracy at the smallest D' is below the middle, and (keep) its lower bound at the "
        "largest D' is above it, and (transition) of each of four shapes without a threshold ("
        f"{', '.join(SHAPES[name].formula for name in RIVALS)}) the lower bound of [its residual "
        "standard error − that of the best S-curve in log D'] > 0, and (rest) the upper bound of "
        "[what partial accuracies lost in the second half of learning time, as part of what "
        "forgetting at one constant rate, alike for all pairs of a network, would lose] < "
        f"{SLOWER:g}, where {MIN_SEEDS} start networks had any. "
        "Refuted if the lower bound at the smallest D' is above the middle where most runs have "
        "settled (no fall), "
        "or if the accuracy falls and is kept but the upper bound of one of the four error "
        "differences < 0 (no transition), at as much more than 95% as five ways to be refuted ask "
        f"for. Undecided otherwise, or with fewer than {MIN_SEEDS} start "
        f"networks or {MIN_SIZES} sizes. Invalid if no start network counts."
    )
    amended: ClassVar[str] = (
        "The transition was asked against the straight line in D' alone, and nothing of rest, "
        "until quick and standard had been judged: see decision 020."
    )
    criterion: ClassVar[str] = (
        "falls at the smallest D', kept at the largest, at a threshold between"
    )
    refutation: ClassVar[str] = (
        "No fall at the smallest D', or no transition: accuracy along a shape without a threshold."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Activation (ReLU, no LayerNorm), MLP biases and initialisation are assumed; the paper "
        "does not state them.",
        "A continued run begins with empty optimiser moments and a warm-up of the learning rate.",
        "The learning rate falls linearly to 0 over the last half of a start network's training "
        "and the last quarter of a continuation, so that late spikes cannot decide; final values "
        "are medians over the last quarter of learning time.",
        "Thresholds of start networks are log-normal; datasets of one start network are nested.",
        "A transition is what none of the four shapes describes as well as an S-curve in log D'. "
        "The curve has a threshold where it is steep; a line clipped at 0 and 1 counts as one too.",
        "Networks that forget some pairs at a higher constant rate than others, or all at a rate "
        "that falls, lose less and may forget everything in the end: no training of one length "
        "tells them from networks that come to rest. Claims on critical sizes train for longer.",
        "Continued runs that still move are kept: leaving them out would select on the outcome. "
        "Partial accuracies still fall slowly when a run ends (see their drift), so the threshold "
        "belongs to this length of training, counted in units of η·λ·steps.",
    )
    power: ClassVar[str] = (
        "With thresholds that spread by 0.25 in log D' between start networks and S-curves of "
        "slope 4, 12 networks support the claim in at least 8 of 10 experiments (simulated)."
    )

    figure_caption: ClassVar[str] = (
        "Left: final accuracy on novel pairs against the reduced dataset size D′, a curve for "
        "every weight decay λ (means over start networks with Student's 95% intervals cut at 0 "
        "and 1; each network a faint point, weight decays set apart sideways), with the threshold "
        "and its 95% interval. Right: its course while training goes on with D′ examples, the "
        "median over start networks, of six or more with its 95% interval, of fewer with each of "
        "them faint. Dotted: chance. After Figures 4 and 7 of the "
        "paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "threshold": "D' at which accuracy crosses the middle between chance and 1, "
        "all weight decays together",
        "threshold_by_binomial_model": "a second opinion: asymptotes of its own, intervals from "
        "resampling start networks",
        "threshold_at_weight_decay": "the same at one weight decay of the continuation",
        f"size_at_accuracy_{COMPARED:g}": f"D' at which accuracy crosses {COMPARED:g}, all weight "
        "decays together; the paper reports about 800 to 1000 at mod 113 (appendix A.2)",
        "largest_size_that_always_falls": "below the middle in every run up to this size",
        "smallest_size_that_never_falls": "above it in every run from this size on",
        "accuracy_at_smallest_size": "final accuracy at the smallest D'; below chance (1/S) "
        "where a "
        "network is sure of wrong answers",
        "accuracy_at_largest_size": "final accuracy at the largest D'",
        "transition_width": "from 10% to 90% of accuracy retained, by the S-curve",
        "transition_to_line_width": "the one divided by the other; reported, not in the rule",
        "straight_line_width": "from 10% to 90%, by a straight line fitted to the same accuracies",
        **{
            number_of(name): f"residual standard error of {SHAPES[name].formula} − that of the "
            "S-curve"
            for name in RIVALS
        },
        FORGETTING: "what partial accuracies lost in the second half of learning time, as part of "
        "what forgetting at one constant rate would lose: 0 at rest, 1 at that rate",
        "share_of_continued_runs_settled": "the others were still moving when they ended; kept",
        "drift_of_partial_accuracies": "change from the first to the second half of the tail, "
        "where between 5% and 95% of accuracy is retained",
        "accuracy_on_removed": "kept on examples of the start network that were removed",
        "accuracy_on_never_seen": "kept on examples that no network was trained on",
        "removed_minus_never_seen": "more than 0 would mean that memory of the removed remains",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = DESIGNS.on(on)
        runs = self.settings(size, num_seeds)
        starts = sum(run.start is None for run in runs)
        whole = sum(run.start is None and run.dataset_size == on.num_pairs for run in runs)
        lengths = ", ".join(f"{steps_at(w, d.steps_at_one):,}" for w in d.weight_decays)
        text = (
            f"{on.describe()}; {on.starts(starts)} trained for {on.start_steps:,} "
            f"steps, {whole} of them on the whole table; each of these is continued on "
            f"D' = {on.listed(d.sizes)} examples with weight decays "
            f"{', '.join(f'{w:g}' for w in d.weight_decays)} for {lengths} steps"
        )
        if starts > whole:
            text += (
                f"; the other {starts - whole} never saw a tenth of the table and are continued on "
                f"D' = {on.listed(d.held_out_sizes)} with weight decay 1, to compare "
                "removed examples with never-seen ones"
            )
        return text + f". {len(runs)} runs."

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        on = ground(size, self.variant)
        design = DESIGNS.on(on)
        runs = main_arm(on, on.seeds(num_seeds))
        if on.given:
            return runs  # what a network that is given has seen is not known here
        kept = round((1 - HELD_OUT_FRACTION) * on.num_pairs)
        for seed in on.seeds(num_seeds)[: design.held_out_seeds]:
            start = on.start(seed, kept)
            runs.append(start)
            runs.extend(continued(on, start, D, 1.0) for D in on.scaled(design.held_out_sizes))
        return runs

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(runs)
