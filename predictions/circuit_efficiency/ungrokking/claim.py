"""Ungrokking: a network that generalises forgets how when it is trained on fewer examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from efficiency.statistics.critical_size import MIN_SIZES
from efficiency.statistics.shapes import RIVALS, SHAPES
from predictions.cells import Cell, Run, settings_of
from predictions.circuit_efficiency.ungrokking.cells import (
    DESIGNS,
    WHOLE,
    held_out_arm,
    main_arm,
)
from predictions.circuit_efficiency.ungrokking.judge import FORGETTING, find
from predictions.circuit_efficiency.ungrokking.numbers import COMPARED
from predictions.circuit_efficiency.ungrokking.reading import MIN_START_SHARE
from predictions.circuit_efficiency.ungrokking.rivals import SLOWER, number_of
from predictions.designs import Part
from predictions.grounds import ground, steps_at
from predictions.judging import MIN_SEEDS
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding


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
        "all weight decays together or at one",
        "threshold_by_binomial_model": "a second opinion: asymptotes of its own, intervals from "
        "resampling start networks",
        "size_at": f"D' at which accuracy crosses {COMPARED:g}, all weight "
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
            "S-curve; the same for two shapes whose best fit is what they share, a line through 0"
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
        cells = self.cells(size, num_seeds)
        starting = [cell for cell in cells if cell.role == "start"]
        starts, whole = len(starting), sum(cell.arm == WHOLE for cell in starting)
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
        return text + f". {len(settings_of(cells))} runs."

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        seeds = on.seeds(num_seeds)
        cells = main_arm(on, seeds)
        if on.given:
            return cells  # what a network that is given has seen is not known here
        return cells + held_out_arm(on, seeds[: DESIGNS.on(on).held_out_seeds])

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(runs)
