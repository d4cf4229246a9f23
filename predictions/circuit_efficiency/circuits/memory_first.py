"""Memory first: in real networks Gen is learned more slowly than Mem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from predictions.cells import Run
from predictions.circuit_efficiency.circuits.logits import Courses, comes_to
from predictions.circuit_efficiency.circuits.scratch_claim import WHO_COUNTS, OverTraining
from predictions.clauses import above, decide
from predictions.judging import MIN_SEEDS, count, geometric, over_seeds, plural
from predictions.verdicts import Finding

MIN_SLOWER = 5.0
"""Least ratio of times that counts as slower: the least delay that counts as grokking."""


class MemoryFirst(OverTraining):
    """Third ingredient of grokking (paper, section 3 and Figure 9), in real networks."""

    name: ClassVar[str] = "memory-first"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Gen is learned more slowly"
    claim: ClassVar[str] = (
        "Trained from scratch on more examples than the critical size, a network has Mem long "
        "before Gen: Gen is learned more slowly."
    )
    rule: ClassVar[str] = (
        f"{WHO_COUNTS} For each run the step at which Gen's logit comes to half of the largest "
        "that it ever has, over the step at which Mem's comes to half of its own; a step is the "
        "first of three records in a row so high, one of Gen's that never comes is the length of "
        "the run, the least that it can be, and so is one of Mem's; none is below 1. The ratio is "
        "averaged geometrically over seeds; intervals are 95%. "
        f"Supported if its lower bound lies above {MIN_SLOWER:g} and that of the final accuracy on "
        "novel pairs above the middle between chance and 1, so that there is a Gen. Refuted if the "
        f"upper bound of the ratio lies below {MIN_SLOWER:g}. Undecided otherwise, or with fewer "
        f"than {MIN_SEEDS} seeds. Invalid if no run fitted its examples."
    )
    criterion: ClassVar[str] = f"Gen comes more than {MIN_SLOWER:g} times as late as Mem"
    refutation: ClassVar[str] = "Gen that is there as early as Mem, or nearly."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Both grow in one network, under weight decay: when each comes says how fast it is learned "
        "there, not how fast it would be alone.",
        "Ratios are log-normal over seeds. Steps are those of the records.",
        "The runs are those of grokking, and its delay is nearly the same number (r = 0.96 over 24 "
        "seeds): this says in logits what that says in accuracies, and is no second evidence.",
        "Written after a look at eight development seeds (730 to 737): ratios of 11 to 71. That "
        "there must be a Gen was added after a first look at seeds from 12000 on; all had one.",
    )
    power: ClassVar[str] = (
        "6 seeds support the claim in at least 8 of 10 experiments if Gen takes 20 times as long "
        "and that spreads by a factor of 2 between seeds (simulated)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        "gen_after_mem": "step at which Gen's correct logit comes to half of its largest / Mem's",
        "step_of_mem": "at which Mem's correct logit comes to half of its largest, geometric mean",
        "step_of_gen": "the same of Gen, where it comes",
        "runs_without_gen": "in which Gen's never comes for three records in a row",
        "final_accuracy": "on novel pairs, mean over seeds",
    }

    def judged(
        self, seen: Mapping[int, Courses], runs: Mapping[int, Run], notes: tuple[str, ...]
    ) -> Finding:
        """See ``OverTraining``."""
        gen, mem = (
            {seed: _step(one, circuit) for seed, one in seen.items()} for circuit in ("gen", "mem")
        )
        last = {seed: float(one.step[-1]) for seed, one in seen.items()}
        ratios = {seed: (gen[seed] or last[seed]) / (mem[seed] or last[seed]) for seed in seen}
        numbers = {
            "gen_after_mem": geometric(ratios.values()),
            "runs_without_gen": count(sum(step is None for step in gen.values()), len(gen)),
        }
        for name, steps in (("step_of_mem", mem), ("step_of_gen", gen)):
            known = [step for step in steps.values() if step is not None]
            if len(known) > 1:
                numbers[name] = geometric(known, unit="steps")
        accuracy = {seed: run.number("novel_accuracy") for seed, run in runs.items()}
        numbers["final_accuracy"] = over_seeds(accuracy.values(), least=0.0, most=1.0)
        halfway = next(iter(runs.values())).settings.task.halfway
        logs = {seed: math.log(ratio) for seed, ratio in ratios.items()}
        return Finding.of(
            decide(
                [
                    above("gen_after_mem", logs, math.log(MIN_SLOWER)),
                    replace(above("final_accuracy", accuracy, halfway), fails=None),
                ]
            ),
            f"In {plural(len(seen), 'network')} trained from scratch Gen's logit comes to half of "
            f"its largest {numbers['gen_after_mem']} times as late as Mem's.",
            numbers,
            notes,
        )


def _step(one: Courses, circuit: str) -> float | None:
    """Return the step at which a circuit comes to half of its largest logit, at least 1."""
    at = comes_to(getattr(one, circuit), 0.5)
    return None if at is None else max(float(one.step[at]), 1.0)
