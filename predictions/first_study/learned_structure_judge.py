"""The judge of learned structure: from output weights to a finding, by the prediction's rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from efficiency.analysis.alignment import Alignment, alignment, subspaces
from efficiency.settings import RunSettings
from predictions.cells import Run
from predictions.clauses import Clause, decide, most
from predictions.first_study.ground import MIN_SEEDS
from predictions.judging import each_once, geometric, over_seeds, plural, retained, share
from predictions.labelled import Labelled, Numbers
from predictions.verdicts import Finding

LEVEL = 0.05
"""Largest p of a network whose weights count as structured."""

KNOWING = 0.5
"""Least part of the way from chance to 1 that accuracy must have come for a network to know."""

TRUE, RANDOM = "true answers", "random answers"
"""Arms of every operation."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What one network learned.

    Attributes:
        operation: Of what.
        random: Whether its labels were random.
        retained: Final accuracy on novel pairs as the part between chance (0) and perfect (1).
        found: How its output weights follow the best structure.
        run: Its settings.
    """

    operation: str
    random: bool
    retained: float
    found: Alignment
    run: RunSettings

    @property
    def structured(self) -> bool:
        """Whether its weights count as structured."""
        return self.found.p_value <= LEVEL

    @property
    def knows(self) -> bool:
        """Whether it knows the operation."""
        return not self.random and self.retained > KNOWING


def measured(runs: Sequence[Run]) -> tuple[list[Learned], tuple[str, ...]]:
    """Return what each network learned, and which cannot be asked; none that diverged."""
    learned, notes = [], []
    for run in runs:
        if run.outcome.status == "diverged":
            continue
        settings = run.settings
        vectors_SM = run.weights()["W_U"].T
        known = subspaces(settings.table_task.operation, settings.table_task.size)
        try:
            found = alignment(vectors_SM, known, np.random.default_rng([4, settings.data_seed]))
        except ValueError as error:
            notes.append(f"Seed {settings.data_seed} of {settings.table_task.operation}: {error}.")
            continue
        learned.append(
            Learned(
                operation=settings.table_task.operation,
                random=run.arm == RANDOM,
                retained=retained(run),
                found=found,
                run=settings,
            )
        )
    return learned, tuple(notes)


def find(by_operation: Mapping[str, Sequence[Learned]], notes: tuple[str, ...] = ()) -> Finding:
    """Apply the rule of ``LearnedStructure`` to networks by operation."""
    numbers: Numbers = {}
    clauses: list[Clause] = []
    told, few = [], []
    for operation, networks in by_operation.items():
        kinds = {
            Labelled("structured", operation=operation): _structured(
                n for n in networks if n.knows
            ),
            Labelled("structured_random_labels", operation=operation): _structured(
                n for n in networks if n.random
            ),
            Labelled("structured_others", operation=operation): _structured(
                n for n in networks if not n.random and not n.knows
            ),
        }
        numbers |= {name: share(list(holds.values())) for name, holds in kinds.items() if holds}
        knowing = [n.found for n in networks if n.knows]
        if len(knowing) > 1:
            numbers[Labelled("variance_explained", operation=operation)] = over_seeds(
                [found.share for found in knowing], least=0.0, most=1.0
            )
            numbers[Labelled("times_shuffled", operation=operation)] = geometric(
                [found.times_shuffled for found in knowing]
            )
        (name, holds), (control, controls) = list(kinds.items())[:2]
        told.append(f"{sum(holds.values())} of {len(holds)} networks that know {operation}")
        for kind, some, thing in (
            (name, holds, f"that know {operation}"),
            (control, controls, f"with random labels of {operation}"),
        ):
            if len(some) < MIN_SEEDS:
                few.append(f"{plural(len(some), 'network')} {thing}")
                clauses.append(Clause(number=kind, holds=1.0, fails=1.0))
                continue
            clauses.append(most(kind, some, wanted=kind == name))
    decision = decide(clauses)
    if decision.deciding not in numbers:  # there was no network of that kind at all
        decision = replace(
            decision, deciding=next(c.number for c in clauses if c.number in numbers)
        )
    sentence = f"Structured are {' and '.join(told)}."
    if few and decision.outcome != "refuted":
        sentence += f" Too few: {', '.join(few)}; the rule needs {MIN_SEEDS}."
    return Finding.of(decision, sentence, numbers, notes)


def _structured(networks: Iterable[Learned]) -> dict[int, bool]:
    """Return by seed whether a network is structured."""
    return each_once((network.run.data_seed, network.structured) for network in networks)
