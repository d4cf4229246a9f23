"""A rule learned in spite of exceptions, and the exceptions with it (Power et al. 2022, A.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from efficiency.training.outcome import GENERALISED
from predictions.cells import Cell, Run, of_arm
from predictions.clauses import decide, most
from predictions.first_study.ground import GROUNDS, MIN_SEEDS, Design
from predictions.judging import each_once, final_accuracy, over_seeds, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

FEW, MANY = 0.025, 0.2
"""Parts of the examples with wrong answers that are tolerated, and that are not.

Assumed: half of S₅ has 7,200 pairs, of which these are 180 and 1,440; the paper has "several
hundred" and thousands.
"""

PARTS = (0.0, FEW, 0.05, 0.1, MANY)
"""Parts that are tried."""


DESIGNS: dict[Size, Design] = {
    "smoke": Design(operation="addition", fraction=0.9, num_steps=300, num_seeds=2),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Design(operation="addition", fraction=0.7, num_steps=6000, num_seeds=10),
    # A guess, not tried.
    "standard": Design(operation="addition", fraction=0.6, num_steps=20_000, num_seeds=10),
    "paper": Design(operation="composition", fraction=0.5, num_steps=100_000, num_seeds=10),
}


def arm_of(part: float) -> str:
    """Return the arm in which so large a part of the answers is wrong."""
    return f"{100 * part:g}% wrong"


class LabelNoise(SelfDesigned):
    """Fifth finding of the first study (Power et al. 2022, A.4, Figure 5)."""

    name: ClassVar[str] = "label-noise"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Design]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as having learned nothing"
    title: ClassVar[str] = "Label noise"
    claim: ClassVar[str] = (
        "With few wrong answers among its examples a network learns them and the rule as well; "
        "with many it does not learn the rule."
    )
    rule: ClassVar[str] = (
        f"A network has learned the rule if its final accuracy on novel pairs is {GENERALISED:g} "
        f"at least, and the exceptions if that on examples with wrong answers is. Supported if "
        f"at {100 * FEW:g}% wrong answers the share of seeds that have learned both has a 95% "
        f"interval (Clopper–Pearson) above one half, and at {100 * MANY:g}% that of seeds that "
        "have learned the rule has one below. Refuted if the former lies below one half or the "
        f"latter above. "
        f"A run that diverged {if_diverged}. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} seeds. Invalid "
        "unless without wrong answers the share of seeds that have learned the rule exceeds one "
        "half."
    )
    criterion: ClassVar[str] = "rule and exceptions at 2.5% wrong, no rule at 20%"
    refutation: ClassVar[str] = (
        "Networks that lose the rule with few exceptions, or the exceptions, or keep it with many."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; nothing is assumed of accuracies.",
        "The wrong answers of one seed are the same pairs at every part, the smaller among the "
        "larger.",
        "Wrong answers take the place of true ones: with a fifth of them there are also a fifth "
        "fewer true examples, and what those alone would do is not asked.",
    )
    power: ClassVar[str] = (
        "10 seeds support the claim in at least 8 of 10 experiments if 95 of 100 networks do as it "
        "says at each of both parts (binomial)."
    )
    figure_caption: ClassVar[str] = (
        "Final accuracy on examples with true answers, on those with wrong ones and on novel pairs "
        "by the part of wrong answers, a mark for each seed, lines through medians; dash-dotted "
        f"{GENERALISED:g}, dotted chance. After "
        "Figure 5 of Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "rule_and_exceptions": "share of seeds with 0.9 on novel pairs and on wrong answers, at "
        "this part of wrong answers",
        "rule": "share of seeds with 0.9 on novel pairs, at this part of wrong answers",
        "novel_accuracy": "final, mean over seeds, at this part of wrong answers",
        "corrupted_accuracy": "final accuracy on examples with wrong answers, mean over seeds",
        "clean_accuracy": "final accuracy on examples with true answers, mean over seeds",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        return (
            f"{on.describe(task)}, λ = 1; D = {D}, of which "
            f"{', '.join(str(round(part * D)) for part in PARTS)} have wrong answers; "
            f"{len(seeds)} seeds each, for {d.num_steps:,} steps."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        found = []
        for part in PARTS:
            for seed in seeds:
                noise: dict[str, Any] = {
                    "regime": "corrupted",
                    "num_corrupted": round(part * D),
                    "label_seed": seed,
                }
                run = on.run(task, D, seed, d.num_steps, **(noise if part else {}))
                found.append(Cell(settings=run, arm=arm_of(part)))
        return found

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find({part: of_arm(runs, arm_of(part)) for part in PARTS})


def _percent(part: float) -> float:
    return round(100 * part, 3)


def find(by_part: Mapping[float, Sequence[Run]]) -> Finding:
    """Apply the rule of ``LabelNoise`` to runs by the part of wrong answers."""
    numbers: Numbers = {}
    rule, both = {}, {}
    for part, runs in by_part.items():
        if not runs:
            continue
        at = {"percent_wrong": _percent(part)}
        knows = [final_accuracy(run, "novel") >= GENERALISED for run in runs]
        keeps = [part == 0 or final_accuracy(run, "corrupted") >= GENERALISED for run in runs]
        rule[part], both[part] = knows, [a and b for a, b in zip(knows, keeps, strict=True)]
        numbers[Labelled("rule", **at)] = share(knows)
        if part:
            numbers[Labelled("rule_and_exceptions", **at)] = share(both[part])
        for kind in ("novel", "clean", "corrupted") if part else ("novel",):
            if len(runs) > 1:
                numbers[Labelled(f"{kind}_accuracy", **at)] = over_seeds(
                    [final_accuracy(run, kind) for run in runs], least=0.0, most=1.0
                )
    few = Labelled("rule_and_exceptions", percent_wrong=_percent(FEW))
    many = Labelled("rule", percent_wrong=_percent(MANY))
    num_seeds = min((len(runs) for runs in by_part.values()), default=0)
    if num_seeds < MIN_SEEDS:
        return Finding(
            outcome="undecided",
            sentence=f"{too_few(num_seeds, 'seed')}: the rule needs {MIN_SEEDS}.",
            numbers=numbers,
        )
    if sum(rule[0.0]) <= len(rule[0.0]) / 2:
        return Finding(
            outcome="invalid",
            sentence=f"Without wrong answers {sum(rule[0.0])} of {len(rule[0.0])} networks learn "
            "the rule.",
            numbers=numbers,
        )
    n = len(rule[MANY])
    seeds = {part: [run.seed for run in by_part[part]] for part in (FEW, MANY)}
    learned = each_once(zip(seeds[FEW], both[FEW], strict=True))
    rule_alone = each_once(zip(seeds[MANY], rule[MANY], strict=True))
    clauses = [most(few, learned), most(many, rule_alone, wanted=False)]
    return Finding.of(
        decide(clauses),
        sentence=f"With {100 * FEW:g}% wrong answers {sum(both[FEW])} of {len(both[FEW])} networks "
        f"learn the rule and the exceptions, with {100 * MANY:g}% {sum(rule[MANY])} of {n} learn "
        "the rule.",
        numbers=numbers,
    )
