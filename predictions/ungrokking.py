"""Ungrokking: a network that generalises forgets how when it is trained on fewer examples."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency import tasks
from efficiency.critical_size import MIN_SIZES
from efficiency.settings import NetworkSettings, OptimiserSettings, RunSettings, TaskSettings
from predictions.protocol import Prediction, Run, Size, Verdict
from predictions.ungrokking_judge import MIN_SEEDS, find


@dataclass(frozen=True, kw_only=True)
class Design:
    """One size of the experiment.

    Attributes:
        task: The operation.
        network: The network.
        start_learning_rate: η while the start networks are trained on the whole table.
        start_steps: Their length.
        start_decay_fraction: Part of it, at the end, over which η falls to 0.
        learning_rate: η while they are continued.
        num_steps: Length of the continuation.
        sizes: D', the dataset sizes they are continued on.
        weight_decays: λ of the continuation; start networks have λ = 1.
        num_seeds: Start networks.
        held_out_sizes: D' of the second arm, whose start networks never saw a tenth of the table.
        held_out_seeds: Start networks of the second arm, at most ``num_seeds``.
    """

    task: TaskSettings
    network: NetworkSettings
    start_learning_rate: float
    start_steps: int
    start_decay_fraction: float = 0.5
    learning_rate: float
    num_steps: int
    sizes: tuple[int, ...]
    weight_decays: tuple[float, ...] = (0.5, 1.0, 2.0)
    num_seeds: int
    held_out_sizes: tuple[int, ...] = ()
    held_out_seeds: int = MIN_SEEDS


DESIGNS: dict[Size, Design] = {
    "smoke": Design(
        task=TaskSettings(operation="addition", size=11),
        network=NetworkSettings(d_model=16, num_heads=2, d_mlp=32),
        start_learning_rate=3e-3,
        start_steps=6000,
        learning_rate=5e-3,
        num_steps=1000,
        sizes=(10, 20, 40, 80),
        weight_decays=(1.0, 2.0),
        num_seeds=5,
        held_out_sizes=(40,),
    ),
    # Chosen by measurement: docs/decisions/005-quick-size.md.
    "quick": Design(
        task=TaskSettings(operation="addition", size=31),
        network=NetworkSettings(d_model=32, num_heads=4, d_mlp=128),
        start_learning_rate=1.5e-3,
        start_steps=6000,
        learning_rate=4e-3,
        num_steps=3000,
        sizes=(50, 72, 103, 147, 211, 303),
        num_seeds=5,
        held_out_sizes=(103, 147),
    ),
    "standard": Design(
        task=TaskSettings(operation="addition", size=59),
        network=NetworkSettings(d_model=64, num_heads=4, d_mlp=256),
        start_learning_rate=1e-3,
        start_steps=8000,
        learning_rate=3e-3,
        num_steps=10_000,
        sizes=(120, 151, 190, 239, 301, 379, 478, 602, 758),
        num_seeds=5,
        held_out_sizes=(239, 301, 379),
    ),
    # Sizes and seeds of the paper's Figure 7, its network and η; 100,000 steps are stated for its
    # Figure 8. Weight decays, warm-up, decay of η and length of the start networks are assumed.
    "paper": Design(
        task=TaskSettings(operation="addition", size=113),
        network=NetworkSettings(d_model=128, num_heads=4, d_mlp=512),
        start_learning_rate=1e-3,
        start_steps=40_000,
        learning_rate=1e-3,
        num_steps=100_000,
        sizes=(390, 488, 610, 763, 955, 1194, 1494),
        num_seeds=10,
        held_out_sizes=(610, 763, 955),
    ),
}

FIRST_SEED = 2000
"""Sizes and learning rates were chosen on seeds below this one, and are judged on seeds from it."""

MAX_SEEDS = 1000
"""More start networks than this are surely a slip of the finger."""

HELD_OUT_FRACTION = 0.1
"""Part of the table that the start networks of the second arm never see."""


class Ungrokking(Prediction):
    """Second prediction of the theory (paper, sections 3 and 5.2, Figures 4 and 7)."""

    name: ClassVar[str] = "ungrokking"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Ungrokking"
    claim: ClassVar[str] = (
        "A network that has learned to generalise, trained further on D' examples only, falls back "
        "to low test accuracy if D' is below a critical size and keeps its accuracy above it; "
        "the fall is a transition in D'."
    )
    rule: ClassVar[str] = (
        "Start networks are the independent units; all intervals are 95% over them, each averaged "
        "over weight decays first. A start network counts if it has settled at training accuracy "
        "1, generalises to what it held out, and none of its continuations diverged or stopped "
        "fitting its examples. The middle is (1 + 1/S)/2, between chance 1/S and 1. "
        "Supported if (fall) the upper bound of the test accuracy at the smallest D' is below the "
        "middle, and (keep) its lower bound at the largest D' is above it, and (transition) the "
        "lower bound of [root mean squared error of the best straight line in D' − that of the "
        "best S-curve in log D'] > 0. "
        "Refuted if the lower bound at the smallest D' is above the middle where most runs have "
        "settled (no fall), "
        "or if the accuracy falls and is kept but the upper bound of the error difference < 0 (a "
        f"straight line fits better). Undecided otherwise, or with fewer than {MIN_SEEDS} start "
        f"networks or {MIN_SIZES} sizes. Invalid if no start network counts."
    )
    refutation: ClassVar[str] = (
        "No fall at the smallest D', or no transition: accuracy as a straight line in D'."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Activation (ReLU, no LayerNorm), MLP biases and initialisation are assumed; the paper "
        "does not state them.",
        "A continued run begins with empty optimiser moments and a warm-up of the learning rate.",
        "The learning rate falls linearly to 0 over the last half of a start network's training "
        "and the last quarter of a continuation, so that late spikes cannot decide; final values "
        "are medians over the last quarter of learning time.",
        "Thresholds of start networks are log-normal; datasets of one start network are nested.",
        "Continued runs that still move are kept: leaving them out would select on the outcome. "
        "Partial accuracies still fall slowly when a run ends (see their drift), so the threshold "
        "belongs to this length of training.",
    )

    figure_caption: ClassVar[str] = (
        "Left: final test accuracy against the reduced dataset size D′, a curve for every weight "
        "decay λ (means over start networks; each network a faint point), with the threshold and "
        "its 95% interval. Right: its course while training goes on with D′ examples, the mean "
        "over start networks and each of them faint. Dotted: chance. After Figures 4 and 7 of the "
        "paper."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "threshold": "D' at which test accuracy crosses the middle between chance and 1, "
        "all weight decays together",
        "threshold_at_weight_decay": "the same at one weight decay of the continuation",
        "largest_size_that_always_falls": "below the middle in every run up to this size",
        "smallest_size_that_never_falls": "above it in every run from this size on",
        "accuracy_at_smallest_size": "final test accuracy at the smallest D'",
        "accuracy_at_largest_size": "final test accuracy at the largest D'",
        "transition_width": "from 10% to 90% of accuracy retained, by the S-curve",
        "transition_to_line_width": "the one divided by the other; reported, not in the rule",
        "straight_line_width": "from 10% to 90%, by a straight line fitted to the same accuracies",
        "line_minus_curve_error": "root mean squared error of straight line − that of S-curve",
        "share_of_continued_runs_settled": "the others were still moving when they ended; kept",
        "drift_of_partial_accuracies": "change from the first to the second half of the tail, "
        "where between 5% and 95% of accuracy is retained",
        "accuracy_on_removed": "kept on examples of the start network that were removed",
        "accuracy_on_never_seen": "kept on examples that no network was trained on",
        "removed_minus_never_seen": "more than 0 would mean that memory of the removed remains",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        d = DESIGNS[size]
        runs = self.settings(size, num_seeds)
        starts = sum(run.start is None for run in runs)
        table = tasks.num_pairs(d.task.operation, d.task.size)
        decays = ", ".join(f"{w:g}" for w in d.weight_decays)
        whole = sum(run.start is None and run.dataset_size == table for run in runs)
        text = (
            f"{d.task.operation} at size {d.task.size} ({table:,} pairs), one-layer transformer "
            f"of width {d.network.d_model}; {starts} start networks trained for {d.start_steps:,} "
            f"steps, {whole} of them on the whole table; each of these is continued for "
            f"{d.num_steps:,} steps on D' = {', '.join(map(str, d.sizes))} examples with weight "
            f"decays {decays}"
        )
        if d.held_out_sizes:
            text += (
                f"; the other {starts - whole} never saw a tenth of the table and are continued on "
                f"D' = {', '.join(map(str, d.held_out_sizes))} with weight decay 1, to compare "
                "removed examples with never-seen ones"
            )
        return text + f". {len(runs)} runs."

    def settings(self, size: Size, num_seeds: int | None = None) -> list[RunSettings]:
        """See ``Prediction.settings``."""
        d = DESIGNS[size]
        if num_seeds is not None and not 1 <= num_seeds <= MAX_SEEDS:
            raise ValueError(f"--seeds {num_seeds} is outside 1 … {MAX_SEEDS}")
        table = tasks.num_pairs(d.task.operation, d.task.size)
        kept = round((1 - HELD_OUT_FRACTION) * table)
        seeds = range(FIRST_SEED, FIRST_SEED + (num_seeds or d.num_seeds))
        runs = []
        for seeds_of_arm, start_size, sizes, decays in (
            (seeds, table, d.sizes, d.weight_decays),
            (seeds[: d.held_out_seeds], kept, d.held_out_sizes, (1.0,)),
        ):
            for seed in seeds_of_arm if sizes else ():
                start = RunSettings(
                    task=d.task,
                    network=d.network,
                    optimiser=_optimiser(d.start_learning_rate, 1.0, d.start_decay_fraction),
                    dataset_size=start_size,
                    data_seed=seed,
                    init_seed=seed,
                    num_steps=d.start_steps,
                )
                runs.append(start)
                runs.extend(
                    RunSettings(
                        task=d.task,
                        network=d.network,
                        optimiser=_optimiser(d.learning_rate, decay, 0.25),
                        dataset_size=dataset_size,
                        data_seed=seed,
                        start=start,
                        num_steps=d.num_steps,
                    )
                    for dataset_size, decay in itertools.product(sizes, decays)
                )
        return runs

    def judge(self, size: Size, runs: Sequence[Run]) -> Verdict:
        """See ``Prediction.judge``."""
        finding = find(runs)
        return Verdict(
            prediction=self.name,
            size=size,
            outcome=finding.outcome,
            sentence=finding.sentence,
            rule=self.rule,
            numbers=finding.numbers,
            runs=tuple(sorted(run.identity for run in runs)),
            notes=finding.notes,
        )


def _optimiser(
    learning_rate: float, weight_decay: float, decay_fraction: float
) -> OptimiserSettings:
    return OptimiserSettings(
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup_steps=50,
        decay_fraction=decay_fraction,
    )
