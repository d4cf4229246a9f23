"""Which circuit has the larger part of the logit, below the critical size and above it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from efficiency.statistics import critical_size
from efficiency.statistics.critical_size import MIN_SIZES
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.circuits.logits import (
    Logits,
    bounds_of_ratio,
    final,
    median_ratio,
)
from predictions.circuit_efficiency.ungrokking import cells as ungrokking
from predictions.circuit_efficiency.ungrokking.numbers import by_start
from predictions.circuit_efficiency.ungrokking.reading import sweeps, thresholds, usable
from predictions.clauses import decide, most
from predictions.designs import Part
from predictions.grounds import ground
from predictions.judging import MIN_SEEDS, geometric, over_seeds, plural, share, too_few
from predictions.labelled import Labelled, Numbers
from predictions.protocol import Prediction
from predictions.sizes import SIZES, Size
from predictions.verdicts import Finding

WEIGHT_DECAY = 1.0
"""λ of the continuations that are asked."""

TIMES = 3.0
"""How many times as large a logit is that has the larger part by far."""

MEM, GEN = "mem_larger_at_smallest_size", "gen_larger_at_largest_size"

AllLogits = Mapping[int, Mapping[int, Logits | None]]
"""Correct logits of Gen and Mem by D' and seed."""


class LargerPart(Prediction):
    """The ratio of both circuits' logits over dataset size (paper, Figure 10)."""

    name: ClassVar[str] = "larger-part"
    parts: ClassVar[tuple[Part[Any], ...]] = (ungrokking.DESIGNS,)
    sizes: ClassVar[tuple[Size, ...]] = SIZES
    min_seeds: ClassVar[int] = MIN_SEEDS
    title: ClassVar[str] = "Mem has the logit below the critical size, Gen above it"
    claim: ClassVar[str] = (
        "Trained on, on few examples, a network that had learned to generalise has most of its "
        "logit from Mem, and on more examples from Gen."
    )
    rule: ClassVar[str] = (
        f"The runs of ungrokking at weight decay {WEIGHT_DECAY:g}; start networks count as there. "
        "Gen's correct logit is the final centred one on novel pairs, Mem's what training examples "
        f"have more. The share of start networks in which Mem's is more than {TIMES:g} times Gen's "
        f"at the smallest D', and the share in which Gen's is more than {TIMES:g} times Mem's at "
        "the largest; a logit that is not above 0 is the smaller one, and where neither is, "
        "neither is larger. Intervals are 95% (Clopper–Pearson). Supported if both lower bounds "
        "lie above one half, refuted if one of the upper bounds lies below. "
        f"Undecided otherwise, or with fewer than {MIN_SEEDS} start "
        f"networks or {MIN_SIZES} sizes. Invalid if no start network counts."
    )
    criterion: ClassVar[str] = (
        f"in more than half of all networks Mem's logit {TIMES:g} times Gen's at the smallest D', "
        f"Gen's {TIMES:g} times Mem's at the largest"
    )
    refutation: ClassVar[str] = "Gen that keeps its part on few examples, or Mem on many."
    assumptions: ClassVar[tuple[str, ...]] = (
        "Gen treats trained and novel pairs alike, and Mem leaves the logit of novel pairs alone. "
        "Where it answers them with one wrong class each, centring takes 1/S of Mem from Gen: "
        "ratios below about 2/S are of that size.",
        "The runs are those of ungrokking, whose accuracies leave little room for another outcome: "
        "this says in logits what they say, and is no second evidence.",
        "Seeds are independent; nothing is assumed of logits.",
        "That one circuit has the larger part is less than that it takes all, which the theory "
        "says for κ > 2: the ratio at every D' is reported, and where it is 1 beside the size at "
        "which accuracy falls.",
        "Written after a look at eight development seeds (730 to 737): Gen / Mem between 0.03 and "
        "0.15 on 50 examples and between 4.5 and 28 on 303. The paper shows six orders of "
        "magnitude.",
    )
    power: ClassVar[str] = (
        "9 start networks support the claim in at least 8 of 10 experiments if 97 in 100 networks "
        "are as it says at either end (binomial)."
    )
    figure_caption: ClassVar[str] = ""
    glossary: ClassVar[Mapping[str, str]] = {
        MEM: f"share of networks in which Mem's logit is more than {TIMES:g} times Gen's there",
        GEN: f"share of networks in which Gen's logit is more than {TIMES:g} times Mem's there",
        "accuracy": "final, on novel pairs, at this D'",
        "gen_to_mem": "Gen's correct logit / Mem's at this D', median",
        "size_of_equal_logits": "D' at which Gen's correct logit is Mem's, along a line in log D' "
        "between sizes, geometric mean over networks in which it is once",
        "threshold": "D' at which accuracy crosses the middle between chance and 1, of the same "
        "networks",
    }

    def design(self, size: Size, num_seeds: int | None = None) -> str:
        """See ``Prediction.design``."""
        on = ground(size, self.variant)
        d = ungrokking.DESIGNS.on(on)
        return (
            f"The main arm of ungrokking at weight decay {WEIGHT_DECAY:g}: {on.describe()}; "
            f"{len(on.seeds(num_seeds))} start networks continued on D' = {on.listed(d.sizes)} for "
            f"{d.steps_at_one:,} steps. {len(self.settings(size, num_seeds))} runs."
        )

    def cells(self, size: Size, num_seeds: int | None = None) -> list[Cell]:
        """See ``Prediction.cells``."""
        on = ground(size, self.variant)
        if WEIGHT_DECAY not in ungrokking.DESIGNS.on(on).weight_decays:
            raise InvalidInputError(
                f"{self.name} reads continuations at weight decay {WEIGHT_DECAY:g}; let it be one "
                "of weight_decays in [ungrokking]"
            )
        return [
            cell
            for cell in ungrokking.main_arm(on, on.seeds(num_seeds))
            if cell.role == "start" or cell.settings.optimiser.weight_decay == WEIGHT_DECAY
        ]

    def find(self, size: Size, runs: Sequence[Run]) -> Finding:
        """See ``Prediction.find``."""
        counted, left_out = usable(runs)
        notes = tuple(left_out)
        if not counted:
            return Finding(outcome="invalid", sentence="No start network counts.", notes=notes)
        logits = logits_of(counted)
        n = len({one.seed for one in counted})
        if n < MIN_SEEDS or len(logits) < MIN_SIZES:
            return Finding(
                outcome="undecided",
                sentence=f"{plural(n, 'start network')} that count and "
                f"{too_few(len(logits), 'size')}: the rule needs {MIN_SEEDS} and {MIN_SIZES}.",
                notes=notes,
            )
        return _find(logits, counted, notes)


def logits_of(counted: Sequence[Run]) -> AllLogits:
    """Return both logits at the end of every run, by increasing D'."""
    found: dict[int, dict[int, Logits | None]] = {}
    for one in counted:
        by_seed = found.setdefault(one.dataset_size, {})
        assert one.seed not in by_seed, "two runs of one seed at one size"
        by_seed[one.seed] = final(one.outcome.numbers)
    return {D: found[D] for D in sorted(found)}


def _find(logits: AllLogits, counted: Sequence[Run], notes: tuple[str, ...]) -> Finding:
    smallest, largest = min(logits), max(logits)
    mem = {s: bounds_of_ratio(pair)[1] < 1 / TIMES for s, pair in logits[smallest].items()}
    gen = {s: bounds_of_ratio(pair)[0] > TIMES for s, pair in logits[largest].items()}
    clauses = [most(MEM, mem), most(GEN, gen)]
    numbers: Numbers = {MEM: share(list(mem.values())), GEN: share(list(gen.values()))}
    for D, by_seed in logits.items():
        numbers[Labelled("gen_to_mem", dataset_size=D)] = _median(list(by_seed.values()))
        accuracies = by_start([one for one in counted if one.dataset_size == D], "novel_accuracy")
        numbers[Labelled("accuracy", dataset_size=D)] = over_seeds(
            accuracies.values(), least=0.0, most=1.0
        )
    numbers |= _where_equal(logits, counted)
    ends = [numbers[Labelled("gen_to_mem", dataset_size=D)] for D in (smallest, largest)]
    return Finding.of(
        decide(clauses),
        f"Mem's correct logit is more than {TIMES:g} times Gen's in {sum(mem.values())} of "
        f"{len(mem)} networks at D' = {smallest}, Gen's more than {TIMES:g} times Mem's in "
        f"{sum(gen.values())} at D' = {largest}; Gen / Mem is "
        f"{ends[0]} and {ends[1]}.",
        numbers,
        notes,
    )


def _median(pairs: Sequence[Logits | None]) -> Estimate:
    """Return the median of Gen / Mem as an estimate, whose ends may be open."""
    middle, low, high = median_ratio(pairs)
    return Estimate(
        value=middle if math.isfinite(middle) else None,
        low=low,
        high=high if math.isfinite(high) else None,
        n=len(pairs),
        unit="1",
        status="measured" if math.isfinite(middle) else "censored",
    )


def _where_equal(logits: AllLogits, counted: Sequence[Run]) -> Numbers:
    """Return the D' of equal logits, and the threshold of the networks that have one."""
    found = {}
    for seed in {one.seed for one in counted}:
        gen_part = [_part(by_seed[seed]) for by_seed in logits.values()]
        at = crossing_of(list(logits), gen_part)
        if at is not None:
            found[seed] = at
    if len(found) < 2:
        return {}
    fallen = thresholds(sweeps(counted), WEIGHT_DECAY)
    return {
        "size_of_equal_logits": geometric(list(found.values()), unit="examples"),
        "threshold": critical_size.population(
            [[fallen[seed]] for seed in sorted(found)], unit="examples"
        ),
    }


def _part(pair: Logits | None) -> float:
    """Return Gen's part of what both have, in [0, 1]; NaN where neither has anything."""
    if pair is None:
        return math.nan
    gen, mem = (max(logit, 0.0) for logit in pair)
    return gen / (gen + mem) if gen + mem > 0 else math.nan


def crossing_of(sizes: Sequence[int], gen_part: Sequence[float]) -> float | None:
    """Return the D' at which Gen's part crosses one half, if it does once and upwards."""
    above = np.asarray(gen_part) >= 0.5
    if np.isnan(gen_part).any() or above[0] or not above[-1] or (np.diff(above) != 0).sum() != 1:
        return None
    k = int(above.argmax())
    low, high = (math.log(sizes[i]) for i in (k - 1, k))
    part = (0.5 - gen_part[k - 1]) / (gen_part[k] - gen_part[k - 1])
    return math.exp(low + part * (high - low))
