"""Which operations are learned from how much of their table (Power et al. 2022, Figure 2 right)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from efficiency.training.outcome import GENERALISED, STEADY
from predictions.cells import Cell, Run
from predictions.clauses import Clause, decide, majority_p, most
from predictions.first_study.ground import GROUNDS, MIN_SEEDS
from predictions.first_study.times import time_of
from predictions.grounds import named
from predictions.judging import over_seeds, plural, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

ALL = (
    "addition",
    "subtraction",
    "division",
    "division-or-subtraction",
    "sum-of-squares",
    "quadratic",
    "quadratic-plus-a",
    "cubic",
    "cubic-plus-b",
    "composition",
    "conjugation",
    "sandwich",
)
"""The twelve of the paper (A.1.1)."""

PAIRS = (
    ("addition", "subtraction"),
    ("sum-of-squares", "quadratic-plus-a"),
    ("quadratic", "quadratic-plus-a"),
)
"""Each commutative operation with the nearest that is not. Assumed: the paper names no pairs."""

HARDEST = "cubic-plus-b"
"""The one that generalises at no fraction in the paper: a³ + ab² + b."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """One size.

    Attributes:
        names: The operations.
        fractions: Parts of each table that are trained on.
        num_steps: The budget.
        num_seeds: Seeds at each part of each operation.
    """

    names: tuple[str, ...]
    fractions: tuple[float, ...]
    num_steps: int
    num_seeds: int


DESIGNS: dict[Size, Operations] = {
    "smoke": Operations(names=ALL, fractions=(0.7,), num_steps=60, num_seeds=2),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Operations(names=ALL, fractions=(0.5, 0.65, 0.8), num_steps=3000, num_seeds=10),
    # A guess, not tried.
    "standard": Operations(
        names=ALL, fractions=(0.35, 0.5, 0.65, 0.8), num_steps=10_000, num_seeds=10
    ),
    # They tried every 5%, three seeds each.
    "paper": Operations(
        names=ALL, fractions=(0.25, 0.3, 0.35, 0.4, 0.5, 0.65, 0.8), num_steps=100_000, num_seeds=6
    ),
}


class OperationsLearned(SelfDesigned):
    """Fourth finding of the first study (Power et al. 2022, section 3.2, Figure 2 right)."""

    name: ClassVar[str] = "operations"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Operations]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as never having generalised"
    title: ClassVar[str] = "Operations"
    claim: ClassVar[str] = (
        "Operations that commute need less data than their relatives that do not, and a³ + ab² + b "
        "is not learned from any part of its table."
    )
    rule: ClassVar[str] = (
        f"A run has generalised if {STEADY} records in a row within the budget have accuracy on "
        f"novel pairs of at least {GENERALISED:g}; novel are pairs that are held out, and for "
        "operations that commute their mirror images too. Of two operations that one needs less "
        "data in a seed that generalises at more dataset sizes. Pairs: "
        f"{'; '.join(f'{one}, {other}' for one, other in PAIRS)}. A pair of which neither "
        "generalises in any run is not compared. Supported if for every pair that is compared, "
        "one at least, the share of seeds in which the commutative one needs less has a 95% "
        "interval (Clopper–Pearson) above one half, and the share in which "
        f"{HARDEST} generalises at any size has one below. Refuted if for some pair the share of "
        "seeds in which the other one needs less has an interval above one half, or that of "
        f"{HARDEST} has, of confidence 1 − 5% / {(len(PAIRS) + 1) / 2:g} for {len(PAIRS) + 1} ways "
        "to be refuted. "
        f"A run that diverged {if_diverged}. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} seeds. Invalid if no "
        "pair can be compared."
    )
    criterion: ClassVar[str] = "less data in more than half of the seeds, every pair"
    refutation: ClassVar[str] = (
        "A commutative operation that needs more data, or a³ + ab² + b learned."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; nothing is assumed of times.",
        "The paper names no pairs: these are ours, as near as its operations come. a² + b² merges "
        "each operand with its negative, which makes it easier whether or not it commutes.",
        "All comparisons must come out, so that none is corrected for their number.",
        "The paper counts every held-out pair. Here the mirror images of trained pairs are left "
        "out, which is harder on operations that commute.",
    )
    power: ClassVar[str] = (
        "10 seeds support the claim in at least 8 of 10 experiments if the commutative one needs "
        "less in 96 of 100 seeds of each of two pairs (binomial)."
    )
    figure_caption: ClassVar[str] = (
        "Share of seeds that have generalised within the budget, by operation (rows) and part of "
        "the table that is trained on (columns), with its 95% interval. After Figure 2 (right) of "
        "Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "less_data": "share of seeds in which the first of a pair generalises at more sizes",
        "more_data": "share of seeds in which it generalises at fewer",
        "sizes_learned": "dataset sizes at which this operation generalises, mean over seeds",
        "generalised": "share of seeds in which this operation generalises at any size",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        tables = "; ".join(f"{name} at {on.task(name).size}" for name in d.names)
        parts = ", ".join(f"{100 * f:g}%" for f in d.fractions)
        return (
            f"{tables}; {named(on.network)}, λ = 1, {on.training()}; {parts} of each "
            f"table, {len(seeds)} seeds each, for {d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        return [
            Cell(
                settings=on.run(task, on.part(task, fraction), seed, d.num_steps),
                arm=task.operation,
            )
            for task in map(on.task, d.names)
            for fraction in d.fractions
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(sizes_learned(runs))


def sizes_learned(runs: Sequence[Run]) -> dict[str, dict[int, int]]:
    """Return by operation and seed at how many dataset sizes a network generalised."""
    found: dict[str, dict[int, int]] = {}
    for run in runs:
        by_seed = found.setdefault(run.arm, {})
        seed = run.seed
        by_seed[seed] = by_seed.get(seed, 0) + (not time_of(run).censored)
    return {name: found[name] for name in ALL if name in found}


def find(learned: Mapping[str, Mapping[int, int]]) -> Finding:
    """Apply the rule of ``OperationsLearned`` to what ``sizes_learned`` returns."""
    numbers: Numbers = {}
    clauses: list[Clause] = []
    wins: Numbers = {}
    losses: Numbers = {}
    skipped: list[str] = []
    for one, other in PAIRS:
        ours, theirs = learned.get(one, {}), learned.get(other, {})
        seeds = sorted(ours.keys() & theirs.keys())
        if not any(ours[seed] or theirs[seed] for seed in seeds):
            skipped.append(f"{one} and {other}")
            # It is not asked for, and counts as a way to be refuted all the same: how many there
            # are must not depend on how they went.
            clauses.append(Clause(number=_less(one, other), holds=0.0, fails=1.0))
            continue
        less = [ours[seed] > theirs[seed] for seed in seeds]
        more = [ours[seed] < theirs[seed] for seed in seeds]
        names = _less(one, other), Labelled("more_data", operation=one, than=other)
        wins[names[0]], losses[names[1]] = share(less), share(more)
        clauses.append(
            Clause(
                number=names[0],
                holds=majority_p(sum(less), len(seeds)),
                fails=majority_p(sum(more), len(seeds)),
                against=names[1],
                by_seed={seed: float(is_so) for seed, is_so in zip(seeds, less, strict=True)},
            )
        )
    numbers |= wins | losses
    hardest = {seed: number > 0 for seed, number in learned.get(HARDEST, {}).items()}
    never = Labelled("generalised", operation=HARDEST)
    if hardest:
        numbers[never] = share(list(hardest.values()))
        clauses.append(most(never, hardest, wanted=False))
    for name, by_seed in learned.items():
        values = list(by_seed.values())
        if len(values) > 1:
            numbers[Labelled("sizes_learned", operation=name)] = over_seeds(
                values, unit="sizes", least=0.0
            )
    notes = (f"Not compared, for neither generalises: {', '.join(skipped)}.",) if skipped else ()
    if not wins:
        return Finding(
            outcome="invalid",
            sentence="No pair of operations can be compared: none of either generalises.",
            numbers=numbers,
            notes=notes,
        )
    num_seeds = min([len(hardest), *(number.n for number in wins.values())])
    if num_seeds < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{too_few(num_seeds, 'seed')}: the rule needs {MIN_SEEDS}.",
            numbers=numbers,
            notes=notes,
        )
    told = "; ".join(
        f"{one} needs less data than {other} in {wins[key].value:.0%} of seeds"
        for one, other in PAIRS
        if (key := _less(one, other)) in wins
    )
    return Finding.of(
        decide(clauses),
        sentence=f"{told}; {HARDEST} generalises in "
        f"{sum(hardest.values())} of {plural(len(hardest), 'seed')}.",
        numbers=numbers,
        notes=notes,
    )


def _less(one: str, other: str) -> Labelled:
    return Labelled("less_data", operation=one, than=other)
