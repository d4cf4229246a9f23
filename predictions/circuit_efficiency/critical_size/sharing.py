"""Claim 5: a mixture of both circuits costs more than the cheaper of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from predictions.cells import Cell, Run, by_arm
from predictions.circuit_efficiency.critical_size.arms import (
    NUM_FINER,
    REFINE,
    ForetoldSize,
    pure_mem,
    sizes_between,
)
from predictions.circuit_efficiency.critical_size.claim import MIN_SEEDS
from predictions.circuit_efficiency.critical_size.crossings import SCALING, is_known, log_norm_at
from predictions.clauses import Clause, above, decide
from predictions.grounds import Ground
from predictions.judging import geometric, over_seeds, too_few
from predictions.labelled import Labelled, Numbers
from predictions.sizes import Size
from predictions.stages import Foretold
from predictions.verdicts import Finding

PARTIAL = (0.2, 0.8)
"""Retained accuracy of a network in which both circuits have a part."""

MARGIN = 0.02
"""By how much more, of its logarithm, a mixture needs at least. Where both circuits are equally
efficient and logits grow as the norm to the power κ, one that takes a part f of its logit from
either needs ½ log(f^{2/κ} + (1 − f)^{2/κ}) more: at f = 0.2 that is 0.024 for κ = 2.2 and 0.093 for
κ = 3, at f = 0.5 twice to three times as much."""

MAX_DRIFT = 0.05
"""Largest change of accuracy on novel pairs over the tail of a network that stays where it is."""

MIN_SETTLED = 0.5
"""Least part of the networks with partial accuracy that can be compared, for a verdict."""

SCALINGS = (SCALING, SCALING / 2)
"""Exponents by which norms are moved to one logit; a verdict must hold with both."""


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """A network with partial accuracy beside pure ones.

    Attributes:
        size: D'.
        retained: Its retained accuracy.
        over_gen: log norm less that of Gen, at a matched logit, by each of ``SCALINGS``.
        over_mem: The same for the cheaper Mem on as many examples, trained for as long.
    """

    size: int
    retained: float
    over_gen: tuple[float, ...]
    over_mem: tuple[float, ...]

    @property
    def excess(self) -> tuple[float, ...]:
        """Log norm less that of the cheaper pure circuit, by each of ``SCALINGS``."""
        return tuple(max(pair) for pair in zip(self.over_gen, self.over_mem, strict=True))


class Sharing(ForetoldSize):
    """What a mixture costs (paper, appendix D.4, for κ > 2; not tested before)."""

    name: ClassVar[str] = "sharing"
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "What a mixture of circuits costs"
    claim: ClassVar[str] = (
        "Near the critical size a network in which both circuits have a part needs more norm for "
        "its logit than the cheaper of pure Gen and pure Mem: sharing does not pay, which is why "
        "one circuit should take all."
    )
    rule: ClassVar[str] = (
        "Of each seed the continued networks of the third stage (at the three D' where accuracy "
        f"falls) that have settled with between {PARTIAL[0]:.0%} and {PARTIAL[1]:.0%} of accuracy "
        f"retained, drifting by {MAX_DRIFT:g} at most. Their log norm less that of the cheaper of "
        "Gen (as measured in the first stage) and Mem (random labels on the same examples, from "
        "scratch or from the start network, whichever norm is smaller, trained with the same "
        "schedule for as long, settled at training accuracy 1), moved to their log-odds by "
        f"1/{SCALINGS[0]:g} of the difference of the logarithms, and once more by "
        f"1/{SCALINGS[1]:g}; averaged within seeds. Supported if the lower bound of its mean over "
        f"seeds (Student's 95%) is above {MARGIN:g} with both, refuted if the upper bound is below "
        f"that with both. Undecided otherwise, with fewer than {MIN_SEEDS} seeds that have such a "
        f"network, or if fewer than {MIN_SETTLED:.0%} of the networks with partial accuracy can be "
        "compared. Invalid if no network has partial accuracy."
    )
    criterion: ClassVar[str] = f"norm at least {MARGIN:.0%} above the cheaper pure circuit's"
    refutation: ClassVar[str] = (
        "Networks that know a part and need hardly more norm, or less, than a pure circuit would."
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "A network trained on random labels (alike in mirror images, where true ones are) is pure "
        "Mem; one continued above D_crit is pure Gen. Training for so long, from two starts, finds "
        "Mem as cheap as it comes: if not, mixtures look too cheap.",
        "A network that retains between 20% and 80% of its accuracy on novel pairs takes a fifth "
        "of its logit at least from either circuit. What it holds may be a third one.",
        "What has settled is at its norm. Networks that still move are left out; their share is "
        "reported.",
        "That there are such networks at all speaks against one circuit taking all; how many there "
        "are is reported, and in no rule.",
    )
    power: ClassVar[str] = (
        "12 seeds refute the claim in at least 8 of 10 experiments if mixtures cost as much as the "
        "cheaper circuit and seeds spread by 0.02 (simulated)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        "excess": "log norm of mixtures less that of the cheaper pure circuit, averaged in seeds: "
        "of all, or of one seed",
        "excess_at_half_the_exponent": "the same, moved to one logit by half of the exponent",
        "mixture_to_gen": "norm of mixtures / Gen's, at a matched logit, averaged in seeds",
        "mixture_to_mem": "the same / that of the cheaper Mem on as many examples",
        "retained": "accuracy of mixtures as the part between chance and 1",
        "share_of_networks_partial": "of those of the third stage: neither circuit has taken all",
        "share_comparable": "of networks with partial accuracy: settled, beside a Mem that has",
    }

    def following(self, on: Ground, seed: int, foretold: Foretold) -> list[Cell]:
        """Return the cells of critical-size, and Mem at the sizes of its third stage."""
        found = super().following(on, seed, foretold)
        if foretold.get("between") is None:
            return found
        mem = [pure_mem(on, seed, D) for D in sizes_between(*foretold["between"])]
        from_start = [
            one.model_copy(update={"start": on.start(seed), "init_seed": None}) for one in mem
        ]
        return found + [Cell(stage=REFINE, arm="pure mem", settings=s) for s in (*mem, *from_start)]

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        return (
            f"{super().design(size, num_seeds)} Beside those of the third stage, Mem is trained on "
            f"the same D', from scratch and from the start network: {2 * NUM_FINER} more."
        )

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        seen = Seen()
        for seed, arms in by_arm(runs).items():
            foretold = self.said.get(seed, ())
            if len(foretold) > 1 and foretold[1]["between"] is not None:
                seen.add(seed, foretold[0], foretold[1]["between"], arms)
        return self.judged(seen)

    def judged(self, seen: Seen) -> Finding:
        """Apply the rule to what was seen."""
        by_seed = seen.mixtures
        n = len(by_seed)
        if not seen.num_partial:
            return Finding(outcome="invalid", sentence="No network has partial accuracy there.")
        excess = {
            exponent: {
                seed: float(np.mean([m.excess[k] for m in some])) for seed, some in by_seed.items()
            }
            for k, exponent in enumerate(SCALINGS)
        }
        numbers = seen.numbers(excess)
        why = None
        if n < self.min_seeds:
            why = f"{too_few(n, 'seed')} with a mixture: the rule needs {self.min_seeds}"
        elif seen.num_comparable < MIN_SETTLED * seen.num_partial:
            why = f"Only {seen.num_comparable} of {seen.num_partial} mixtures can be compared"
        if why is not None:
            return Finding(outcome="undecided", sentence=f"{why}.", numbers=numbers)
        both = [above("excess", values, MARGIN) for values in excess.values()]
        clause = Clause(
            number="excess",
            holds=max(one.holds for one in both),
            fails=max(one.fails for one in both if one.fails is not None),
            by_seed=excess[SCALINGS[0]],
        )
        return Finding.of(
            decide([clause]),
            f"Networks of {n} seeds that retain a part of their accuracy need "
            f"{numbers['mixture_to_gen']} of the norm of Gen and {numbers['mixture_to_mem']} of "
            "that of Mem on as many examples: more than the cheaper of both by "
            f"{numbers['excess']} in the logarithm (margin {MARGIN:g}).",
            numbers,
        )


@dataclass(kw_only=True)
class Seen:
    """Mixtures of all seeds.

    Attributes:
        mixtures: Those that can be compared, of each seed that has any.
        num_networks: Networks of the third stage.
        num_partial: Those with partial accuracy.
        num_comparable: Those of these that can be compared.
    """

    mixtures: dict[int, list[Mixture]] = field(default_factory=dict)
    num_networks: int = 0
    num_partial: int = 0
    num_comparable: int = 0

    def add(
        self,
        seed: int,
        foretold: Foretold,
        between: Sequence[int],
        arms: Mapping[str, Sequence[Run]],
    ) -> None:
        """Add the networks of a seed.

        Args:
            seed: The seed.
            foretold: What was foretold of its circuits.
            between: The D' between which those of the third stage lie.
            arms: Its runs.
        """
        sizes = sizes_between(*between)
        for run in arms.get("continued", ()):
            D, task = run.dataset_size, run.settings.task
            if D not in sizes or run.outcome.status == "diverged":
                continue
            self.num_networks += 1
            symbols = task.num_classes
            retained = float(critical_size.retained(run.number("novel_accuracy"), symbols))
            if not PARTIAL[0] <= retained <= PARTIAL[1]:
                continue
            self.num_partial += 1
            pure = [
                one
                for one in arms.get("pure mem", ())
                if one.settings.dataset_size == D and is_known(one)
            ]
            stays = abs(run.number("novel_accuracy_drift")) <= MAX_DRIFT
            if not pure or not stays or not is_known(run):
                continue
            self.num_comparable += 1
            mixture = Mixture(
                size=D,
                retained=retained,
                over_gen=tuple(
                    log_norm_at(run, foretold["log_odds"], k) - math.log(foretold["gen_norm"])
                    for k in SCALINGS
                ),
                over_mem=tuple(max(_apart(run, one, k) for one in pure) for k in SCALINGS),
            )
            self.mixtures.setdefault(seed, []).append(mixture)

    def numbers(self, excess: Mapping[float, Mapping[int, float]]) -> Numbers:
        """Return every number, as far as seeds suffice for it."""
        numbers: Numbers = {}
        if len(self.mixtures) > 1:
            numbers = {
                "excess": over_seeds(excess[SCALINGS[0]].values()),
                "excess_at_half_the_exponent": over_seeds(excess[SCALINGS[1]].values()),
                "mixture_to_gen": self._ratio("over_gen"),
                "mixture_to_mem": self._ratio("over_mem"),
                "retained": over_seeds(
                    [float(np.mean([m.retained for m in some])) for some in self.mixtures.values()]
                ),
            }
        for name, part, whole in (
            ("share_comparable", self.num_comparable, self.num_partial),
            ("share_of_networks_partial", self.num_partial, self.num_networks),
        ):
            numbers[name] = Estimate(value=part / whole, low=None, high=None, n=whole, unit="1")
        for seed, one in excess[SCALINGS[0]].items():
            numbers[Labelled("excess", seed=seed)] = Estimate(
                value=one, low=None, high=None, n=1, unit="1"
            )
        return numbers

    def _ratio(self, name: str) -> Estimate:
        return geometric(
            [
                math.exp(np.mean([getattr(m, name)[0] for m in several]))
                for several in self.mixtures.values()
            ]
        )


def _apart(run: Run, other: Run, scaling: float) -> float:
    """Return the log norm of a network less that of another, at the other's log-odds."""
    moved = log_norm_at(run, other.number("log_odds"), scaling)
    return moved - math.log(other.number("norm"))
