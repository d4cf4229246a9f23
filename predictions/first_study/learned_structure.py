"""Structure of the operation in the output weights (Power et al. 2022, section 3.3, Figure 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from predictions.cells import Cell, Run
from predictions.first_study.ground import GROUNDS, MIN_SEEDS
from predictions.first_study.learned_structure_judge import LEVEL, RANDOM, TRUE, find, measured
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding


@dataclass(frozen=True, kw_only=True)
class Learner:
    """How one operation is learned.

    Attributes:
        operation: Its name.
        fraction: Part of the table that is trained on.
        weight_decay: λ.
        learning_rate: η, ``None`` for the usual one.
        num_steps: The budget.
    """

    operation: str
    fraction: float
    weight_decay: float = 1.0
    learning_rate: float | None = None
    num_steps: int


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One size.

    Attributes:
        learners: The operations.
        num_seeds: Seeds of each of two arms of each operation.
    """

    learners: tuple[Learner, ...]
    num_seeds: int


DESIGNS: dict[Size, Structure] = {
    "smoke": Structure(
        learners=(
            Learner(operation="addition", fraction=0.6, num_steps=300),
            Learner(operation="composition", fraction=0.6, num_steps=300),
        ),
        num_seeds=2,
    ),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Structure(
        learners=(
            Learner(operation="addition", fraction=0.65, num_steps=3000),
            Learner(
                operation="composition",
                fraction=0.95,
                weight_decay=3.0,
                learning_rate=2e-3,
                num_steps=12_000,
            ),
        ),
        num_seeds=16,
    ),
    # A guess, not tried.
    "standard": Structure(
        learners=(
            Learner(operation="addition", fraction=0.5, num_steps=20_000),
            Learner(operation="composition", fraction=0.9, weight_decay=3.0, num_steps=30_000),
        ),
        num_seeds=16,
    ),
    # Their operations.
    "paper": Structure(
        learners=(
            Learner(operation="addition", fraction=0.5, num_steps=100_000),
            Learner(operation="composition", fraction=0.5, num_steps=100_000),
        ),
        num_seeds=8,
    ),
}


class LearnedStructure(SelfDesigned):
    """Sixth finding of the first study (Power et al. 2022, section 3.3, Figure 3)."""

    name: ClassVar[str] = "learned-structure"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Structure]] = DESIGNS
    if_diverged: ClassVar[str] = "is left out"
    title: ClassVar[str] = "Learned structure"
    claim: ClassVar[str] = (
        "The output weights of a network that generalises show the structure of its operation: "
        "circles of residues in modular addition, cosets of a subgroup in Sₙ."
    )
    rule: ClassVar[str] = (
        "The vectors of the answers in the output weights are held against every frequency of the "
        "residues, or every partition into cosets of a subgroup; the best of them, as an F ratio "
        "of variance within it to variance outside, against that of 999 shuffles of the symbols, "
        f"searched in the same way. A network is structured if that has p ≤ {LEVEL:g}. Supported "
        "if for each operation the share of structured networks has a 95% interval "
        "(Clopper–Pearson) above one half among networks that have come more than half of the way "
        "from chance to 1 on novel pairs, and below one half among networks of the same "
        "seeds trained on random labels. Refuted if for one of them the former lies below "
        "one half or the latter above, of confidence 1 − 5% / (the number of operations), for two "
        "ways of each to be refuted. "
        f"A run that diverged {if_diverged}. "
        "Undecided otherwise, or with fewer than "
        f"{MIN_SEEDS} networks of a kind."
    )
    criterion: ClassVar[str] = "structured: most that generalise, few with random labels"
    refutation: ClassVar[str] = (
        "Networks that generalise without it, or as much structure where nothing can be learned."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; under shuffling nothing is assumed of the weights.",
        "Random labels are what the structure is held against: whether it comes with "
        "generalising, or before it, is reported (structured others) and decides nothing.",
        "Structure in a linear map of the symbols is what is tested; the paper's pictures by t-SNE "
        "may show others.",
    )
    power: ClassVar[str] = (
        "16 seeds of which 6 generalise support the claim in at least 8 of 10 experiments if 97 of "
        "100 that do are structured, and 5 of 100 with random labels (binomial)."
    )
    figure_caption: ClassVar[str] = (
        "Above: F ratio of the best structure in the answers' output vectors over its mean in "
        "shuffled symbols, a mark for each network by how far its accuracy on novel pairs has come "
        "from chance to 1 (crosses: random labels); p ≤ 0.05 is filled. Below: t-SNE of the "
        "network with the highest accuracy; lines join residues that are neighbours on the circle "
        "of its frequency, colours are cosets. After Figure 3 of Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "structured": "share of networks that know the operation with p ≤ 0.05",
        "structured_random_labels": "the same of networks trained on random labels",
        "structured_others": "the same of networks that do not know it, with true labels",
        "variance_explained": "by the best structure in networks that know the operation, mean",
        "times_shuffled": "F ratio of the best structure in such networks / its mean over "
        "shuffles of the symbols, searched alike",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        parts = []
        for learner in d.learners:
            task = on.task(learner.operation)
            rate = on.learning_rate if learner.learning_rate is None else learner.learning_rate
            parts.append(
                f"{on.describe(task, rate)}, D = {on.part(task, learner.fraction)}, "
                f"λ = {learner.weight_decay:g}, {learner.num_steps:,} steps"
            )
        return f"{'; '.join(parts)}; {len(seeds)} seeds of each with true and with random labels."

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        found = []
        for learner in d.learners:
            task = on.task(learner.operation)
            for random in (False, True):
                for seed in seeds:
                    labels: dict[str, Any] = {}
                    if random:
                        labels = {"regime": "memorising", "label_seed": seed}
                    found.append(
                        Cell(
                            arm=RANDOM if random else TRUE,
                            settings=on.run(
                                task,
                                on.part(task, learner.fraction),
                                seed,
                                learner.num_steps,
                                weight_decay=learner.weight_decay,
                                learning_rate=learner.learning_rate,
                                **labels,
                            ),
                        )
                    )
        return found

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        learned, notes = measured(runs)
        operations = [learner.operation for learner in DESIGNS[size].learners]
        return find(
            {name: [n for n in learned if n.operation == name] for name in operations}, notes
        )
