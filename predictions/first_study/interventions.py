"""What shortens the time to generalise, and what most of all (Power et al. 2022, Figure 2 left)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from efficiency.training.outcome import GENERALISED, STEADY
from predictions.cells import Cell, Run
from predictions.first_study.ground import MIN_SEEDS
from predictions.first_study.interventions_arms import ARMS, DESIGNS, Design, in_words, run_of
from predictions.first_study.interventions_judge import find, times
from predictions.judging import plural
from predictions.self_designed import SelfDesigned
from predictions.sizes import Size
from predictions.verdicts import Finding


class Interventions(SelfDesigned):
    """Third finding of the first study (Power et al. 2022, section 3.2, Figure 2 left)."""

    name: ClassVar[str] = "interventions"
    min_seeds: ClassVar[int] = MIN_SEEDS
    designs: ClassVar[Mapping[Size, Design]] = DESIGNS
    if_diverged: ClassVar[str] = "counts as never having generalised"
    title: ClassVar[str] = "Interventions"
    claim: ClassVar[str] = (
        "Of the interventions of the first study, weight decay shortens the time to generalise "
        "most."
    )
    amended: ClassVar[str] = (
        "Generalising asks for three records in a row since a first look at these seeds, in which "
        "two last ones had been enough; the verdict was the same."
    )
    rule: ClassVar[str] = (
        "All arms of a seed share data and initial weights. A run has generalised at the first of "
        f"{STEADY} records in a row with accuracy on novel pairs of at least {GENERALISED:g}; one "
        "that has not within the budget is censored: later than any that has, and not ordered "
        "against another of its kind. Supported if against every other arm, that without an "
        "intervention included, the share of seeds in which weight decay is the earlier has a 95% "
        "interval (Clopper–Pearson) above one half. Refuted if against some arm the share of seeds "
        "in which that arm is the earlier has one above one half, of confidence "
        f"1 − 5% / {(len(ARMS) - 1) / 2:g} for {len(ARMS) - 1} ways to be refuted. "
        f"A run that diverged {if_diverged}. "
        "Undecided otherwise, or with "
        f"fewer than {MIN_SEEDS} seeds. Invalid if weight decay generalises in no seed."
    )
    criterion: ClassVar[str] = "earlier than every other arm in more than half of the seeds"
    refutation: ClassVar[str] = "Another intervention that is the earlier in more than half."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Seeds are independent; nothing is assumed of the times or of the censored ones.",
        "Every arm has one strength, that of the paper where it gives one (not for noise on "
        "updates): another may do better.",
        "All comparisons must come out, so that none is corrected for their number.",
    )
    power: ClassVar[str] = (
        "10 seeds support the claim in at least 8 of 10 experiments if weight decay is the earlier "
        "in 98 of 100 seeds against each of eight arms, independently (binomial)."
    )
    figure_caption: ClassVar[str] = (
        "Step at which a network has generalised, a mark for each seed, by intervention; open "
        "marks at the right had not within the budget. Bars: medians. After Figure 2 (left) of "
        "Power et al. (2022)."
    )
    glossary: ClassVar[Mapping[str, str]] = {
        "earlier_than": "share of seeds in which weight decay generalises before this arm",
        "later_than": "share of seeds in which this arm generalises before weight decay",
        "ahead_where_decided": "of the seeds in which one of both is surely the earlier, the share "
        "in which it is weight decay; decides nothing",
        "times_faster_than": "time of this arm / time of weight decay, geometric mean within "
        "seeds; censored: at least so much, because some of this arm never came; without any "
        "number where weight decay did not come either",
        "generalised": "runs of this arm that generalised within the budget",
    }

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        layers = plural(d.network.num_layers, "layer")
        return (
            f"division at size {d.task.size}, transformer of {layers} and width "
            f"{d.network.d_model}, D = {d.dataset_size}; {len(seeds)} seeds of each of "
            f"{len(ARMS)} arms ({'; '.join(map(in_words, ARMS))}) for {d.num_steps:,} steps of "
            f"Adam at η = {d.learning_rate:g} on minibatches of {d.batch_size}."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return [
            Cell(settings=run_of(DESIGNS[size], name, seed), arm=name)
            for name in ARMS
            for seed in seeds
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        return find(times(runs))
