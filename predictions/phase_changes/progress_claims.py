"""What progress measures see before the test loss does (Nanda et al. 2023, section 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from predictions.cells import Cell, Run
from predictions.clauses import Clause, most
from predictions.judging import geometric, middle, plural, share
from predictions.labelled import Numbers
from predictions.phase_changes import circuit
from predictions.phase_changes.base import (
    NOT_DECIDED,
    POWER_OF_SHARES,
    SHARE,
    BySeed,
    PhaseChange,
    only,
)
from predictions.phase_changes.falls import first_below, step_below
from predictions.phase_changes.tables import ASSUMPTIONS, DESIGNS, Tables, cells
from predictions.sizes import Size

KEYS, LEAD, RESTRICTED_AT, TEST_AT = (
    "key_frequencies",
    "test_to_restricted",
    "step_restricted",
    "step_test",
)

PLACEBO = "share_with_other_keys"

_PLACEBO_RULE = (
    "and that it is not so with as many frequencies of the network of the next seed (of the first "
    "for the last), the strongest of its end that are no keys of this one"
)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A network with its own key frequencies and with another's.

    Attributes:
        run: The network.
        own: Its course by its own.
        other: Its course by as many of another's, of which none is its own.
        num_keys: How many it has.
    """

    run: Run
    own: circuit.Course
    other: circuit.Course
    num_keys: int


def followed(runs: Sequence[Run]) -> list[Followed]:
    """Return networks in the order of their seeds, each with the next one's keys as its placebo."""
    runs = sorted(runs, key=lambda run: run.seed)
    keys = [circuit.keys_of(run) for run in runs]
    found = []
    for place, run in enumerate(runs):
        others = circuit.foreign(keys[place], runs[(place + 1) % len(runs)])
        found.append(
            Followed(
                run=run,
                own=circuit.course(run, keys[place]),
                other=circuit.course(run, others),
                num_keys=len(keys[place]),
            )
        )
    return found


class Progress(PhaseChange):
    """A claim about networks that grok on a part of the table, by key frequencies of their end."""

    designs: ClassVar[Mapping[Size, Tables]] = DESIGNS
    assumptions: ClassVar[tuple[str, ...]] = (
        *ASSUMPTIONS,
        f"Key frequencies are those with at least {circuit.LEAST_POWER:.0%} of all power that "
        "depends on the answer in the network as it ended: choosing them so is circular, which is "
        "why another network's are the control. (A quarter of the strongest one's, which networks "
        "record by default, left one frequency to four of six development seeds, and one cannot "
        "tell neighbours apart.)",
        "As many of them, because a network that knows by heart what it is trained on seems to "
        "lead too, restricted to three of its frequencies or more. Seeds are counted as "
        "independent, though each has another's frequencies for a control.",
        "Weights are kept at forty steps in equal ratios; between them losses are interpolated.",
    )
    glossary: ClassVar[Mapping[str, str]] = {
        SHARE: "of seeds of which it is so, by their own keys and not by another's",
        PLACEBO: "of seeds of which the same is so by another network's keys",
        KEYS: "median over seeds",
        LEAD: "step at which test loss falls below ½ ln p / that of the restricted loss, geometric "
        "mean",
        RESTRICTED_AT: "step from which the restricted loss is below ½ ln p, geometric mean over "
        "the seeds in which it comes to be",
        TEST_AT: "the same of the test loss",
    }
    figure_caption: ClassVar[str] = (
        "By key frequencies of a network's end: restricted loss on all pairs and excluded loss on "
        "training examples, beside its test loss, a line for each seed; dashed: restricted or "
        "excluded loss by another network's frequencies."
    )
    power: ClassVar[str] = POWER_OF_SHARES

    def describe(self, size: Size, seeds: Sequence[int]) -> str:
        """See ``SelfDesigned``."""
        d = DESIGNS[size]
        return (
            f"{d.describe()}, λ = 1; addition on {d.limited}% of the table for "
            f"{dict(d.lengths)[d.limited]:,} steps, weights kept at {d.num_snapshots}; "
            f"{len(seeds)} seeds."
        )

    def cells_of(self, size: Size, seeds: Sequence[int]) -> list[Cell]:
        """See ``SelfDesigned``."""
        return cells(size, seeds, [DESIGNS[size].limited], followed=True)

    def usable(self, seeds: BySeed) -> BySeed:
        """See ``PhaseChange``: those that generalise."""
        return {
            seed: arms
            for seed, arms in seeds.items()
            if all(math.isfinite(test_step(run)) for run in arms.values())
        }


def test_step(run: Run) -> float:
    """Return the step from which the test loss is below ½ ln p, infinite if there is none."""
    return step_below(run.history, "test_loss", circuit.half_plateau(run))


class RestrictedLeads(Progress):
    """The circuit is there before it shows."""

    name: ClassVar[str] = "restricted-leads"
    title: ClassVar[str] = "Restricted loss before test loss"
    claim: ClassVar[str] = (
        "While a network groks, the loss of its key frequencies alone falls before its test loss "
        "does, and that of another network's key frequencies does not."
    )
    rule: ClassVar[str] = (
        "Of each seed whose test loss comes below ½ ln p: that the restricted loss is below it "
        f"sooner (each from the first of three records in a row), {_PLACEBO_RULE}. Supported if it "
        "is so in more than half of the seeds (95% interval, Clopper and Pearson), refuted if in "
        f"less than half. A run that diverged {Progress.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "sooner by its own keys and not by another's, in most seeds"
    refutation: ClassVar[str] = (
        "A restricted loss that falls no sooner, or as soon whatever frequencies are kept."
    )

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        so, placebo, leads, restricted = {}, {}, [], []
        networks = followed([only(arms) for arms in seeds.values()])
        for one in networks:
            level, test = circuit.half_plateau(one.run), test_step(one.run)
            own = circuit.step_restricted(one.own, level)
            placebo[one.run.seed] = circuit.step_restricted(one.other, level) < test
            so[one.run.seed] = own < test and not placebo[one.run.seed]
            if math.isfinite(own):
                restricted.append(max(own, 1.0))
                leads.append(test / max(own, 1.0))
        numbers: Numbers = {
            SHARE: share(list(so.values())),
            PLACEBO: share(list(placebo.values())),
            KEYS: middle([float(one.num_keys) for one in networks]),
        }
        numbers[TEST_AT] = geometric([test_step(one.run) for one in networks], unit="steps")
        told = ""
        if len(leads) > 1:
            numbers[LEAD] = geometric(leads)
            numbers[RESTRICTED_AT] = geometric(restricted, unit="steps")
            told = f", test loss {numbers[LEAD]} times as late"
        sentence = (
            f"The restricted loss falls before the test loss, and not by another network's keys, "
            f"in {sum(so.values())} of {plural(len(so), 'seed')}{told}."
        )
        return [most(SHARE, so)], numbers, sentence


class ExcludedRises(Progress):
    """Memory is no longer what knows the training examples, before test accuracy rises."""

    name: ClassVar[str] = "excluded-rises"
    title: ClassVar[str] = "Excluded loss before test accuracy"
    claim: ClassVar[str] = (
        "While a network groks, the loss on its training examples without its key frequencies "
        "rises before its accuracy on novel pairs does, and without another network's it does not."
    )
    rule: ClassVar[str] = (
        "Of each seed whose test loss comes below ½ ln p: that the excluded loss, from its least "
        "value, at least doubles and passes ½ ln p before the first of three records in a row "
        f"with accuracy on novel pairs above ½, {_PLACEBO_RULE}. Supported if it is so in more "
        "than half of the seeds (95% interval, Clopper and Pearson), refuted if in less than half. "
        f"A run that diverged {Progress.if_diverged}. {NOT_DECIDED}"
    )
    criterion: ClassVar[str] = "it rises without its own keys and not without another's"
    refutation: ClassVar[str] = (
        "Training examples that are known by heart until novel pairs are known, or an excluded "
        "loss that rises whatever is left out."
    )

    def clauses(self, size: Size, seeds: BySeed) -> tuple[list[Clause], Numbers, str]:
        """See ``PhaseChange``."""
        so, placebo = {}, {}
        networks = followed([only(arms) for arms in seeds.values()])
        for one in networks:
            level, until = circuit.half_plateau(one.run), _known_from(one.run)
            placebo[one.run.seed] = circuit.rises_again(one.other, until, level)
            own = circuit.rises_again(one.own, until, level)
            so[one.run.seed] = own and not placebo[one.run.seed]
        numbers: Numbers = {
            SHARE: share(list(so.values())),
            PLACEBO: share(list(placebo.values())),
            KEYS: middle([float(one.num_keys) for one in networks]),
        }
        sentence = (
            f"The excluded loss rises before accuracy on novel pairs is ½, and not by another "
            f"network's keys, in {sum(so.values())} of {plural(len(so), 'seed')}."
        )
        return [most(SHARE, so)], numbers, sentence


def _known_from(run: Run) -> float:
    """Return the step from which accuracy on novel pairs is above ½, infinite if there is none."""
    history = run.history
    steps, wrong = history["step"].to_numpy(dtype=float), 1 - history["novel_accuracy"].to_numpy()
    return first_below(steps, wrong, 0.5)
