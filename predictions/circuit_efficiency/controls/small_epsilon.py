"""What Adam's ε hides: forgetting without weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from efficiency.settings import RunSettings
from predictions.cells import Cell, Run, of_arm, starts
from predictions.circuit_efficiency.controls.arms import Ways, continuations, described
from predictions.circuit_efficiency.controls.without_decay import LONGER, without_decay
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import usable
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN
from predictions.clauses import above, decide
from predictions.designs import Part
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS, over_seeds, plural, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

SMALL = 1e-20
"""An ε far below the usual one. Gradients e^−s of fitted examples come to it too, at log-odds s of
46, as they come to 1e-8 at 18; but later, and with more growth behind them."""


def with_small_epsilon(run: RunSettings) -> RunSettings:
    """Return the same run with an ε that stops it later."""
    optimiser = run.optimiser.model_copy(update={"epsilon": SMALL})
    return run.model_copy(update={"optimiser": optimiser})


USUAL_EPSILON, SMALL_EPSILON = "usual epsilon", "small epsilon"
"""Arms."""

WAYS: Ways = {
    USUAL_EPSILON: without_decay,
    SMALL_EPSILON: lambda *place: with_small_epsilon(without_decay(*place)),
}


class SmallEpsilon(Prediction):
    """A rival of the control without decay: nothing moves, so nothing is forgotten."""

    name: ClassVar[str] = "small-epsilon"
    parts: ClassVar[tuple[Part[Any], ...]] = (DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Forgetting without weight decay, where ε does not stop training"
    claim: ClassVar[str] = (
        "What a network keeps without weight decay it keeps in part because gradients fall below "
        "Adam's ε: with a smaller ε it forgets, without any decay."
    )
    rule: ClassVar[str] = (
        f"The runs without decay of `without-decay`, and the same with ε = {SMALL:g} for 1e-8. The "
        "difference of final accuracies on novel pairs (ε = 1e-8 less the small one) at the "
        "smallest D', within start networks that count as in ungrokking; its interval is 95% over "
        f"them. Supported if its lower bound lies above {ACCURACY_MARGIN:g}, refuted if its upper "
        f"bound lies below. Undecided otherwise, or with fewer than {MIN_SEEDS} start networks. "
        "Invalid if none counts."
    )
    criterion: ClassVar[str] = f"more than {ACCURACY_MARGIN:g} of accuracy lost by a smaller ε"
    refutation: ClassVar[str] = "Networks that keep as much with a small ε as with the usual one."
    assumptions: ClassVar[tuple[str, ...]] = (
        "What ungrokking assumes of start networks and of accuracy.",
        "Updates of Adam do not depend on the scale of gradients where ε is small: weights go on "
        "moving in the direction of ever smaller gradients, and log-odds rise for ever. What is "
        "forgotten there is not the theory's balance of loss and decay; it speaks of networks that "
        "are trained with decay, and of implicit pressures towards small norms elsewhere.",
        "Chosen after a look at four development seeds (700 to 703): 0.59, 0.75, 0.95 and 0.64 for "
        "0.81, 0.97, 1.00 and 0.96.",
    )
    power: ClassVar[str] = (
        "11 start networks support the claim in at least 8 of 10 experiments if a small ε costs "
        "0.2 of accuracy, spreading by 0.1 between networks (simulated)."
    )
    figure_caption: ClassVar[str] = (
        "Accuracy on novel pairs at the smallest D′ while start networks are trained on without "
        "weight decay, with the usual ε of Adam and with a small one, a line for each network, "
        "medians bold, of six or more with their 95% interval at each step; dotted: chance."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "accuracy_usual": "final, at the smallest D', ε = 1e-8",
        "accuracy_small": f"final, at the smallest D', ε = {SMALL:g}",
        "accuracy_lost": "difference of both within start networks, at the smallest D' or at this "
        "one",
        "log_odds_usual": "at the end, at the smallest D', ε = 1e-8",
        "log_odds_small": f"at the end, at the smallest D', ε = {SMALL:g}",
        "drift_small": "change of accuracy from the first to the second half of the tail",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        steps = LONGER * DESIGNS.on(on).steps_at_one
        ways = f"without decay for {steps:,} steps with ε = 1e-8 and with {SMALL:g}"
        text = described(on, num_seeds, ways)
        return f"{text} {len(self.settings(size, num_seeds))} runs."

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        return continuations(ground(size, self.variant), num_seeds, WAYS)

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        arms, notes = [], []
        for arm in (USUAL_EPSILON, SMALL_EPSILON):
            counted, left_out = usable([*starts(runs).values(), *of_arm(runs, arm)])
            arms.append({(one.start, one.dataset_size): one for one in counted})
            notes += left_out
        both = sorted(arms[0].keys() & arms[1].keys(), key=lambda key: (key[1], arms[0][key].seed))
        told = tuple(dict.fromkeys(notes))
        if not both:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=told)
        n = len({start for start, _ in both})
        if n < MIN_SEEDS:
            return Finding(
                outcome="undecided",
                sentence=f"{too_few(n, 'start network')}: the rule needs {MIN_SEEDS}.",
                notes=told,
            )
        pairs = [(arms[0][key], arms[1][key]) for key in both]
        return _find(pairs, told)


def _find(pairs: Sequence[tuple[Run, Run]], notes: tuple[str, ...]) -> Finding:
    smallest = min(usual.dataset_size for usual, _ in pairs)
    there = [pair for pair in pairs if pair[0].dataset_size == smallest]
    usual, small = zip(*there, strict=True)
    lost = _lost(there)
    numbers: Numbers = {"accuracy_lost": over_seeds(lost.values(), least=-1.0, most=1.0)}
    for name, arm in (("usual", usual), ("small", small)):
        values = [one.number("novel_accuracy") for one in arm]
        numbers[f"accuracy_{name}"] = over_seeds(values, least=0.0, most=1.0)
        log_odds = [one.number("log_odds") for one in arm]
        numbers[f"log_odds_{name}"] = over_seeds(log_odds, unit="nats")
    numbers["drift_small"] = over_seeds([one.number("novel_accuracy_drift") for one in small])
    for size in sorted({one.dataset_size for one, _ in pairs} - {smallest}):
        at = _lost([pair for pair in pairs if pair[0].dataset_size == size])
        numbers[Labelled("accuracy_lost", dataset_size=size)] = over_seeds(
            at.values(), least=-1.0, most=1.0
        )
    return Finding.of(
        decide([above("accuracy_lost", lost, ACCURACY_MARGIN)]),
        f"At D' = {smallest} and without weight decay accuracy on novel pairs ends at "
        f"{numbers['accuracy_usual']} with ε = 1e-8 and at {numbers['accuracy_small']} with "
        f"{SMALL:g}: {numbers['accuracy_lost']} lost ({plural(len(lost), 'start network')}; margin "
        f"{ACCURACY_MARGIN:g}).",
        numbers,
        notes,
    )


def _lost(pairs: Sequence[tuple[Run, Run]]) -> dict[int, float]:
    """Return by how much accuracy with the usual ε exceeds that with the small one, by seed."""
    usual, small = (by_start(arm, "novel_accuracy") for arm in zip(*pairs, strict=True))
    return {seed: usual[seed] - small[seed] for seed in usual}
