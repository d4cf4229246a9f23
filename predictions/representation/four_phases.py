"""Whether learning rate and weight decay of the decoder lead to four phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from efficiency.training.outcome import STEADY, steadily
from predictions.cells import Cell, Run
from predictions.clauses import decide, most
from predictions.judging import count, plural, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.representation.toy import ASSUMPTIONS, EMBEDDING_RATE, TOYS
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

Phase = Literal["comprehension", "grokking", "memorisation", "confusion"]

KNOWN = 0.9
"""Accuracy from which on examples are learned (their Table 1)."""

DELAY = 1000
"""Steps between training and held-out examples from which on it is grokking (likewise)."""

MIN_SEEDS = 6
"""Fewest of which all agreeing put a 95% interval above one half."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One size.

    Attributes:
        dataset_size: D.
        learning_rates: η of the decoder.
        weight_decays: λ of the decoder; embeddings have none.
        num_steps: The budget.
        num_seeds: Seeds of the whole grid.
    """

    dataset_size: int
    learning_rates: tuple[float, ...]
    weight_decays: tuple[float, ...]
    num_steps: int
    num_seeds: int


DESIGNS: dict[Size, Grid] = {
    "smoke": Grid(
        dataset_size=13,
        learning_rates=(1e-4, 1e-2),
        weight_decays=(0.0, 3.0),
        num_steps=200,
        num_seeds=2,
    ),
    "quick": Grid(
        dataset_size=45,
        learning_rates=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        weight_decays=(0.0, 2.0, 4.0),
        num_steps=10_000,
        num_seeds=12,
    ),
    # Not tried.
    "standard": Grid(
        dataset_size=45,
        learning_rates=(1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        weight_decays=(0.0, 2.0, 4.0, 6.0, 8.0, 10.0),
        num_steps=20_000,
        num_seeds=12,
    ),
    # Their grid is ten by ten, of one seed.
    "paper": Grid(
        dataset_size=45,
        learning_rates=(1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2),
        weight_decays=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0),
        num_steps=100_000,
        num_seeds=12,
    ),
}


def phase(run: Run) -> Phase:
    """Return the phase that a run is in (their Table 1, with held-out pairs of known sums)."""
    if run.outcome.status == "diverged":
        return "confusion"
    fitted, knew = (_learned(run, name) for name in ("train_accuracy", "known_answer"))
    if fitted is None:
        return "confusion"
    if knew is None:
        return "memorisation"
    return "grokking" if knew - fitted >= DELAY else "comprehension"


def _learned(run: Run, name: str) -> float | None:
    """Return the first of ``STEADY`` recorded steps in a row with such an accuracy, if any is."""
    history = run.history
    there = steadily(history[name] >= KNOWN)
    return float(history["step"][there].iloc[0]) if there.any() else None


class FourPhases(SelfDesigned):
    """Section 5 and Figure 6 of Liu et al. (2022), over seeds."""

    name: ClassVar[str] = "four-phases"
    title: ClassVar[str] = "Four phases of learning"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Grid]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as confusion"
    claim: ClassVar[str] = (
        "Learning rate and weight decay of the decoder lead to comprehension, grokking, "
        "memorisation or confusion: each of the four is somewhere in the plane of both."
    )
    rule: ClassVar[str] = (
        f"Examples are learned at the first of {STEADY} records in a row with accuracy {KNOWN:g}: "
        "those trained on, and those held out whose sum and operands training examples have. "
        "Comprehension: both, the latter less "
        f"than {DELAY:,} steps after the former; grokking: {DELAY:,} steps after or more; "
        "memorisation: the former alone; confusion: not the former within the budget. A run that "
        f"diverged {if_diverged}. Of each phase the share of seeds with at least one run in it: "
        "supported if all four shares lie above one half (95% intervals, Clopper and Pearson), "
        f"refuted if one lies below. Undecided otherwise, and with fewer than {MIN_SEEDS} seeds."
    )
    criterion: ClassVar[str] = "each phase in more than half of the seeds"
    refutation: ClassVar[str] = "A phase that most seeds do not have."
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMPTIONS,
        "A delay counts in steps and not in units of the time that fitting takes, as in the paper: "
        "where everything is slow grokking comes easily.",
        "Theirs is the first record, and one alone may be luck. Held-out pairs are about nine.",
        "The grid was chosen after looks at development seeds 770 to 778, and an earlier form of "
        "the rule was looked at on seeds 19000 to 19011.",
    )
    power: ClassVar[str] = (
        "12 seeds support the claim in at least 8 of 10 experiments if each phase is in 95 of 100 "
        "seeds, and refute it if one is in 5 of 100 (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Share of seeds in each phase, by learning rate and weight decay of the decoder. After "
        "Figure 6 of Liu et al. (2022), which has one seed."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        **{f"seeds_with_{name}": "share with at least one run in it" for name in get_args(Phase)},
        "runs": "in this phase, all over the grid",
        "share": "of seeds in this phase, at this learning rate and weight decay of the decoder",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        rates = ", ".join(f"{rate:g}" for rate in d.learning_rates)
        decays = ", ".join(f"{decay:g}" for decay in d.weight_decays)
        return (
            f"{TOYS[size].describe()}; D = {d.dataset_size}, {len(seeds)} seeds at each η = "
            f"{rates} and λ = {decays} of the decoder, η = {EMBEDDING_RATE:g} and λ = 0 of the "
            f"embeddings, for {d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, toy = DESIGNS[size], TOYS[size]
        return [
            Cell(
                settings=toy.run(
                    d.dataset_size,
                    seed,
                    d.num_steps,
                    learning_rate=rate,
                    weight_decay=decay,
                    embedding_weight_decay=0.0,
                )
            )
            for rate in d.learning_rates
            for decay in d.weight_decays
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        runs = sorted(runs, key=lambda run: run.seed)
        phases = [phase(run) for run in runs]
        by_seed: dict[int, list[Phase]] = {}
        by_place: dict[tuple[float, float], list[Phase]] = {}
        for run, one in zip(runs, phases, strict=True):
            by_seed.setdefault(run.seed, []).append(one)
            place = run.settings.optimiser.learning_rate, run.weight_decay
            by_place.setdefault(place, []).append(one)
        if len(by_seed) < MIN_SEEDS:
            few = f"{too_few(len(by_seed), 'seed')}: the rule needs {MIN_SEEDS}."
            return Finding(outcome="undecided", sentence=few)
        has = {
            name: {seed: name in some for seed, some in by_seed.items()} for name in get_args(Phase)
        }
        numbers: Numbers = {
            f"seeds_with_{name}": share(list(so.values())) for name, so in has.items()
        }
        for name in get_args(Phase):
            numbers[Labelled("runs", phase=name)] = count(phases.count(name), len(runs), "runs")
        for (rate, decay), some in sorted(by_place.items()):
            for name in get_args(Phase):
                number = Labelled("share", phase=name, learning_rate=rate, weight_decay=decay)
                numbers[number] = share([one == name for one in some])
        found = ", ".join(f"{name} in {sum(so.values())} of {len(so)}" for name, so in has.items())
        return Finding.of(
            decide([most(f"seeds_with_{name}", so) for name, so in has.items()]),
            f"Of {plural(len(by_seed), 'seed')}, those with a phase in the grid: {found}.",
            numbers,
        )
