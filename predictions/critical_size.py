"""The critical dataset size, estimated in three ways that the theory says are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from efficiency.settings import RunSettings
from predictions import scratch, ungrokking
from predictions.critical_size_judge import MAX_LOST, RATIO_MARGIN, find
from predictions.critical_size_records import curves_arm
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS
from predictions.protocol import Finding, Prediction, Run, Size


class CriticalSize(Prediction):
    """D_crit three ways (paper, sections 3.2 and 5; agreement has not been measured before)."""

    name: ClassVar[str] = "critical-size"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "The critical dataset size"
    claim: ClassVar[str] = (
        "The dataset size at which Mem and Gen are equally efficient is the one below which "
        "networks ungrok."
    )
    rule: ClassVar[str] = (
        "Seed by seed: (i) the D at which Mem's isologit norm, a straight line in log D, crosses "
        "Gen's; (ii) the D' at which accuracy crosses the middle between chance and 1 in "
        "ungrokking, weight decays averaged. Supported if the 95% interval over seeds of the "
        f"ratio (i)/(ii) lies within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}; refuted if it lies "
        f"outside. Undecided otherwise, with fewer than {MIN_SEEDS} seeds that have both, or if "
        f"curves of more than {MAX_LOST:.0%} of the seeds do not cross. Invalid if no seed has "
        "both. Accuracy is that on novel pairs, as in ungrokking. (iii), the midpoint of grokking "
        "from scratch within the budget, is reported with its ratio to (ii), the width of the "
        "hysteresis; it is in no rule, because the theory leaves it open."
    )
    criterion: ClassVar[str] = f"ratio within 1/{RATIO_MARGIN:g} … {RATIO_MARGIN:g}"
    refutation: ClassVar[str] = "Equal efficiency and ungrokking at sizes that differ."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What efficiency and ungrokking assume; a seed counts for (i) and for (ii) as it does "
        "there.",
        "Mem's log norm is a straight line in log D.",
        "Gen's norm, measured above the critical size, is the same below it. A Gen whose norm went "
        "on with D to a power within the margin of efficiency would move the crossing by up to "
        "the margin here and beyond; the crossing of both lines is reported beside it.",
        "Both (ii) and (iii) belong to their budgets: (ii) still falls, and (iii) would come down "
        "with more steps, so that the hysteresis is at most what is found. Not grokked within the "
        "budget is censoring: it bounds the midpoint of (iii) from below.",
        "Logarithms of the estimates, and of their ratios within a seed, are normal over seeds.",
    )
    power: ClassVar[str] = (
        "8 seeds support the claim in at least 8 of 10 experiments if both are equal and their log "
        "ratio spreads by 0.15 between seeds (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Left: the three estimates of every seed with their intervals (arrows: censored), and "
        "means. Right: midpoint of ungrokking against crossing, seed by seed, with the line of "
        "equality and the margin."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "crossing": "(i) equal isologit norms, weight-decay way, log-odds",
        "ungrokking_midpoint": "(ii)",
        "from_scratch_midpoint": "(iii) half of the accuracy within the budget",
        "crossing_to_midpoint": "(i)/(ii) within a seed",
        "hysteresis": "(iii)/(ii) within a seed, both at weight decay 1",
        "crossing_of_lines": "(i) if Gen's norm goes on with D as it does where measured",
        "crossing_fixed_norm": "(i) between networks held at fixed norms",
        "crossing_margin": "(i) read in margins",
        "slope_between_seeds": "of log (ii) on log (i) over seeds with both: above 0 if seeds that "
        "cross later ungrok later; noise in (i) takes it below 1 even where they agree",
        "rank_correlation": "Spearman's, of Gen's isologit norm with (ii) over seeds: above 0 if a "
        "seed whose Gen is less efficient ungroks at a larger D'",
        "seed": "(i), (ii) and (iii) of one seed; intervals of (i) by Fieller over sizes, of (ii) "
        "over weight decays, of (iii) the sizes on either side",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        d, on = scratch.DESIGNS[size], ground(size, self.variant)
        return (
            "The runs of efficiency, of ungrokking's main arm and of semi-grokking, on the same "
            f"{len(on.seeds(num_seeds))} seeds: {on.describe()}; budget from scratch "
            f"{d.num_steps:,} steps. {len(self.settings(size, num_seeds))} runs."
        )

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        on = ground(size, self.variant)
        seeds = on.seeds(num_seeds)
        every = [*curves_arm(on, seeds), *ungrokking.main_arm(on, seeds)]
        every += scratch.scratch_arm(on, seeds)
        return list(dict.fromkeys(every))

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(ground(size, self.variant), runs)
