"""Whether a network that has generalised falls out again (asked by readers of the study)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from efficiency.estimates import Estimate
from efficiency.settings import RunSettings
from efficiency.training.outcome import GENERALISED
from predictions.cells import Cell, Run, of_arm, starts
from predictions.clauses import decide, most
from predictions.first_study.ground import GROUNDS, MIN_SEEDS, Design
from predictions.judging import each_once, final_accuracy, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LONGER = 10
"""How many times as long as until then training goes on."""


DESIGNS: dict[Size, Design] = {
    "smoke": Design(operation="addition", fraction=0.6, num_steps=100, num_seeds=2),
    # Chosen by measurement: docs/decisions/010-the-first-study.md.
    "quick": Design(operation="addition", fraction=0.7, num_steps=2000, num_seeds=10),
    # A guess, not tried.
    "standard": Design(operation="addition", fraction=0.6, num_steps=8000, num_seeds=10),
    # No paper asked this; their network and training.
    "paper": Design(operation="division", fraction=0.5, num_steps=100_000, num_seeds=6),
}

ARMS = {"with_decay": 1.0, "without_decay": 0.0}
"""λ of each of both continuations."""


class StayingGrokked(SelfDesigned):
    """A question of the first study's readers."""

    name: ClassVar[str] = "staying-grokked"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Design]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as not having stayed"
    title: ClassVar[str] = "Staying grokked"
    claim: ClassVar[str] = (
        "Networks that have generalised stay so, as a rule, when they are trained on, with weight "
        "decay and without."
    )
    amended: ClassVar[str] = (
        "The claim was worded for every network until a look at these seeds; the rule, which asks "
        "for a majority, is as it was."
    )
    rule: ClassVar[str] = (
        f"Networks with accuracy on novel pairs of at least {GENERALISED:g} at the end (median of "
        f"the last records) are trained on for {LONGER} times as long on the same examples, with "
        "the weight decay they had and with none. One has stayed if it ends so high again. "
        "Supported if in both arms the share that has stayed has a 95% interval (Clopper–Pearson) "
        "above one half, refuted if in one of them it has one below. "
        f"A run that diverged {if_diverged}. "
        "Undecided otherwise, or with "
        f"fewer than {MIN_SEEDS} networks that had generalised. Falling out for a while is "
        "counted and decides nothing."
    )
    criterion: ClassVar[str] = "in both arms more than half stay"
    refutation: ClassVar[str] = "More than half that fall out, in one of the arms."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; nothing is assumed of accuracies.",
        "The optimiser's moments begin anew, with a warm-up, where the second part begins.",
        "A fall between two records that is over by the next is not seen.",
    )
    power: ClassVar[str] = (
        "10 networks support the claim in at least 8 of 10 experiments if 95 of 100 stay in each "
        "arm (binomial)."
    )
    figure_caption: ClassVar[str] = (
        f"Accuracy on novel pairs while networks that have generalised are trained on for {LONGER} "
        "times as long, with weight decay and without, a line for each seed, medians bold, of "
        "six or more with their 95% interval at each step."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "stayed": "share of networks that end with 0.9 on novel pairs again",
        "ever_below": "share of networks with any record below 0.9 on novel pairs, the first "
        "included",
        "had_generalised": "networks to begin with that had 0.9 on novel pairs",
        "lowest": "lowest accuracy on novel pairs in any record of any network",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        return (
            f"{on.describe(task)}; D = {on.part(task, d.fraction)}, {len(seeds)} seeds for "
            f"{d.num_steps:,} steps at λ = 1, then for {LONGER * d.num_steps:,} at λ = 1 and at "
            "λ = 0."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        first = [on.run(task, D, seed, d.num_steps) for seed in seeds]
        return [Cell(settings=run, role="start") for run in first] + [
            Cell(
                settings=on.run(
                    task, D, run.data_seed, LONGER * d.num_steps, weight_decay=decay, start=run
                ),
                arm=arm,
            )
            for arm, decay in ARMS.items()
            for run in first
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        knew = grokked(runs)
        numbers: Numbers = {"had_generalised": share([start in knew for start in starts(runs)])}
        stayed: dict[str, dict[int, bool]] = {}
        for arm in ARMS:
            later = continued(runs, knew, arm)
            stayed[arm] = each_once(
                (run.seed, final_accuracy(run, "novel") >= GENERALISED) for run in later
            )
            if not later:
                continue
            numbers[Labelled("stayed", arm=arm)] = share(list(stayed[arm].values()))
            dips = [run.left.history["novel_accuracy"] for run in later if run.left is not None]
            if dips:
                fell = [float(dip.min()) < GENERALISED for dip in dips]
                numbers[Labelled("ever_below", arm=arm)] = share(fell)
                lowest = min(float(dip.min()) for dip in dips)
                numbers[Labelled("lowest", arm=arm)] = _exactly(lowest, len(dips))
        fewest = min(map(len, stayed.values()))
        if fewest < MIN_SEEDS:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(fewest, 'network')} had generalised and went on, too few: the "
                f"rule needs {MIN_SEEDS}.",
                numbers=numbers,
            )
        clauses = [most(Labelled("stayed", arm=arm), some) for arm, some in stayed.items()]
        told = " and ".join(
            f"{sum(stayed[arm].values())} of {len(stayed[arm])} {arm.replace('_', ' ')}"
            for arm in ARMS
        )
        return Finding.of(
            decide(clauses),
            sentence=f"Of networks that had generalised {told} still do after {LONGER} times as "
            "many steps more.",
            numbers=numbers,
        )


def grokked(runs: Sequence[Run]) -> set[RunSettings | None]:
    """Return the runs from scratch that have generalised, as those that continue them name them."""
    return {
        settings
        for settings, run in starts(runs).items()
        if final_accuracy(run, "novel") >= GENERALISED
    }


def continued(runs: Sequence[Run], first: set[RunSettings | None], arm: str) -> list[Run]:
    """Return the runs of one arm that went on from some of the starts."""
    return [run for run in of_arm(runs, arm) if run.start in first]


def _exactly(value: float, n: int) -> Estimate:
    return Estimate(value=value, low=None, high=None, n=n, unit="1")
