"""Whether networks that have generalised collapse late, trained on without weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from efficiency.settings import RunSettings
from predictions.cells import Cell, Run, starts
from predictions.circuit_efficiency.controls.small_epsilon import SMALL
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN
from predictions.clauses import decide, most
from predictions.first_study.ground import GROUNDS, MIN_SEEDS, Design
from predictions.first_study.staying_grokked import DESIGNS, continued, grokked
from predictions.judging import each_once, final_accuracy, over_seeds, plural, share
from predictions.labelled import Labelled, Numbers
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding

LONGER = 100
"""How many times as long as until then training goes on."""

USUAL = 1e-8
"""Adam's ε in the other arm, which is reported."""

ARMS = {"small_epsilon": SMALL, "usual_epsilon": USUAL}
"""Adam's ε of each arm."""

LOST = Labelled("share_collapsed", epsilon=SMALL)


class AntiGrokking(SelfDesigned):
    """A collapse on the examples that a network had generalised from (Prakash & Martin 2025)."""

    name: ClassVar[str] = "anti-grokking"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Design]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as not having collapsed"
    title: ClassVar[str] = "A late collapse without weight decay"
    claim: ClassVar[str] = (
        "Networks that have generalised collapse late, as a rule, if they are trained on without "
        f"weight decay, on the same examples, {LONGER} times as long, with an ε of Adam that "
        "stops training later."
    )
    rule: ClassVar[str] = (
        "Networks with accuracy on novel pairs of at least 0.9 at the end (median of the last "
        f"records) are trained on for {LONGER} times as long on the same examples without weight "
        f"decay, with ε = {SMALL:g}. One has collapsed if it ends more than {ACCURACY_MARGIN:g} "
        "below where it was while it fits its examples. Supported if the share that has collapsed "
        "has a 95% interval (Clopper–Pearson) above one half, refuted if it has one below. "
        "Undecided otherwise, or "
        f"with fewer than {MIN_SEEDS} networks that had generalised. A run that diverged "
        f"{if_diverged}. Those with the usual ε of {USUAL:g} are counted and decide nothing."
    )
    criterion: ClassVar[str] = f"more than half lose {ACCURACY_MARGIN:g}"
    refutation: ClassVar[str] = "More than half that keep what they know."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; nothing is assumed of accuracies.",
        f"With ε = {SMALL:g} gradients stop moving a network at log-odds of about 46, with "
        f"{USUAL:g} at 18: one that keeps what it knows may have stopped. Log-odds and drifts are "
        "reported.",
        f"{LONGER} times as long is late enough. The collapse of Prakash & Martin (2025) came "
        "in larger networks on images, after a thousand times as long.",
        "The theory does not say what happens without weight decay.",
    )
    power: ClassVar[str] = (
        "10 networks support the claim, or refute it, in at least 8 of 10 experiments if 95 of 100 "
        "collapse, or do not (binomial)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        "share_collapsed": "of networks trained on with this ε",
        "had_generalised": "networks to begin with that had 0.9 on novel pairs",
        "accuracy": "final, on novel pairs, at this ε",
        "log_odds": "at the end, at this ε",
        "drift": "change of accuracy from the first to the second half of the tail, at this ε",
        "norm": "at the end / where it had generalised, at this ε",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        return (
            f"{on.describe(task)}; D = {on.part(task, d.fraction)}, {len(seeds)} seeds for "
            f"{d.num_steps:,} steps at λ = 1, then for {LONGER * d.num_steps:,} at λ = 0, with "
            f"ε = {SMALL:g} and with ε = {USUAL:g}."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        d, on = DESIGNS[size], GROUNDS[size]
        task = on.task(d.operation)
        D = on.part(task, d.fraction)
        first = [on.run(task, D, seed, d.num_steps) for seed in seeds]
        longer = [
            on.run(task, D, one.data_seed, LONGER * d.num_steps, weight_decay=0.0, start=one)
            for one in first
        ]
        return [Cell(settings=one, role="start") for one in first] + [
            Cell(settings=with_epsilon(one, epsilon), arm=arm)
            for arm, epsilon in ARMS.items()
            for one in longer
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        knew = grokked(runs)
        first = starts(runs)
        numbers: Numbers = {"had_generalised": share([settings in knew for settings in first])}
        collapsed: dict[float, dict[int, bool]] = {}
        for name, epsilon in ARMS.items():
            arm = continued(runs, knew, name)
            collapsed[epsilon] = each_once((run.seed, _lost(run, first)) for run in arm)
            if arm:
                numbers |= _numbers(epsilon, arm, first, collapsed[epsilon])
        lost = collapsed[SMALL]
        if len(lost) < MIN_SEEDS:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(len(lost), 'network')} had generalised and went on, too few: "
                f"the rule needs {MIN_SEEDS}.",
                numbers=numbers,
            )
        return Finding.of(
            decide([most(LOST, lost)]),
            f"Of networks that had generalised {sum(lost.values())} of {len(lost)} collapsed "
            f"within {LONGER} times as many steps without weight decay and with ε = {SMALL:g} "
            f"({sum(collapsed[USUAL].values())} of {len(collapsed[USUAL])} with ε = {USUAL:g}).",
            numbers,
        )


def with_epsilon(run: RunSettings, epsilon: float) -> RunSettings:
    """Return the same run with another ε of Adam."""
    return run.model_copy(
        update={"optimiser": run.optimiser.model_copy(update={"epsilon": epsilon})}
    )


def _lost(run: Run, first: Mapping[RunSettings | None, Run]) -> bool:
    """Return whether a network ends so far below where it was."""
    assert run.settings.start is not None
    if run.outcome.status == "diverged" or final_accuracy(run, "train") < 1:
        return False
    before = final_accuracy(first[run.settings.start], "novel")
    return before - final_accuracy(run, "novel") > ACCURACY_MARGIN


def _numbers(
    epsilon: float,
    arm: Sequence[Run],
    first: Mapping[RunSettings | None, Run],
    lost: Mapping[int, bool],
) -> Numbers:
    """Return the numbers of one arm."""
    numbers: Numbers = {Labelled("share_collapsed", epsilon=epsilon): share(list(lost.values()))}
    if len(arm) > 1:
        accuracies = [final_accuracy(run, "novel") for run in arm]
        numbers[Labelled("accuracy", epsilon=epsilon)] = over_seeds(accuracies, least=0.0, most=1.0)
    there = [run for run in arm if run.outcome.status != "diverged"]
    for word, quantity in (("log_odds", "log_odds"), ("drift", "novel_accuracy_drift")):
        if len(there) > 1:
            numbers[Labelled(word, epsilon=epsilon)] = over_seeds(
                [run.number(quantity) for run in there]
            )
    growth = [
        run.number("norm") / first[run.settings.start].number("norm")
        for run in there
        if run.settings.start is not None
    ]
    if len(growth) > 1:
        numbers[Labelled("norm", epsilon=epsilon)] = over_seeds(growth, least=0.0)
    return numbers
