"""What the judge of ungrokking reads: the runs that count, and their accuracies by size."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from efficiency.settings import RunSettings
from efficiency.statistics import critical_size
from efficiency.statistics.critical_size import Crossing
from efficiency.statistics.intervals import FloatArray
from predictions.cells import Run, starts


def describe(run: Run) -> str:
    """Return a short name for a run: what it was and its identity."""
    s = run.settings
    if s.start is None:
        return f"start network {run.identity[:12]} (seed {s.data_seed}, {s.dataset_size} pairs)"
    return (
        f"run {run.identity[:12]} (seed {s.data_seed}, D' = {s.dataset_size}, "
        f"weight decay {s.optimiser.weight_decay:g})"
    )


MIN_START_ACCURACY = 0.95
"""Least accuracy of a start network on what it held out: below it, it has not grokked."""


MIN_START_SHARE = 0.5
"""Least part of the logit norm of a start network that lies in the answer subspace, where it held
nothing out: below it, more of what it knows is pairs than the operation."""


def _why_not_a_start(run: Run) -> str | None:
    """Return why a start network does not count, if it does not."""
    if run.outcome.status != "settled":
        return f"{run.outcome.status} ({'; '.join(run.outcome.reasons)})"
    held_out = run.outcome.numbers.get("test_accuracy")
    if held_out is not None and (held_out.value is None or held_out.value < MIN_START_ACCURACY):
        return f"it has not grokked (accuracy on held-out pairs {held_out})"
    share = run.outcome.numbers.get("gen_share_answer")
    if held_out is None and share is not None and (share.value or 0.0) < MIN_START_SHARE:
        return f"it knows the table by heart (share of the logits in the answer subspace {share})"
    return None


def _why_not_a_continuation(run: Run) -> str | None:
    """Return why a continued run does not count, if it does not."""
    if run.outcome.status == "diverged":
        return f"diverged ({'; '.join(run.outcome.reasons)})"
    if (fit := run.outcome.numbers["train_accuracy"].value) != 1:
        return f"no longer fits its examples (training accuracy {fit:.3f})"
    return None


def usable(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Return the continued runs that count, in a fixed order, and why others do not.

    A start network counts if it has settled, which includes training accuracy 1, if it generalises
    to what it held out, and if every one of its continuations counts: a sweep with holes would
    compare unlike things. A continuation counts if it has not diverged and still fits its examples.
    One that still moves counts as well: leaving it out would select on the outcome.
    """
    notes: list[str] = []
    continued: list[Run] = []
    first = starts(runs)
    # All start networks of an arm must have been continued alike.
    grids: dict[str, set[tuple[str, int, float]]] = {}
    by_start: dict[RunSettings | None, dict[tuple[str, int, float], Run]] = {}
    for run in runs:
        if run.is_start or run.start not in first:
            continue
        place = (run.arm, run.dataset_size, run.weight_decay)
        grids.setdefault(first[run.start].arm, set()).add(place)
        assert place not in by_start.setdefault(run.start, {}), f"two runs for {place}"
        by_start[run.start][place] = run
    for settings, start in first.items():
        why = _why_not_a_start(start)
        found = by_start.get(settings, {})
        lost = [(run, w) for run in found.values() if (w := _why_not_a_continuation(run))]
        if why is None and lost:
            why = "; ".join(sorted(f"{describe(run)} {reason}" for run, reason in lost))
        if why is None and found and found.keys() != grids[start.arm]:
            why = f"{len(grids[start.arm] - found.keys())} of its runs are missing"
        if why is None:
            continued.extend(found.values())
        else:
            notes.append(f"{describe(start)} is left out with all that continues it: {why}.")
    continued.sort(key=lambda run: (first[run.start].dataset_size, run.seed, run.identity))
    return continued, sorted(notes)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Final test accuracies of one start network at one weight decay, by increasing size."""

    sizes: tuple[int, ...]
    accuracy: tuple[float, ...]
    num_symbols: int

    @property
    def retained(self) -> FloatArray:
        """The part of the accuracy that is retained: 0 at chance, 1 when nothing is lost."""
        return critical_size.retained(self.accuracy, self.num_symbols)

    @cached_property
    def crossing(self) -> Crossing:
        """Where and how sharply the accuracy falls."""
        return _crossing(self.sizes, tuple(self.retained))

    def crosses(self, accuracy: float) -> tuple[float, float]:
        """Return bounds on log D' at which it comes to an accuracy."""
        level = float(critical_size.retained(accuracy, self.num_symbols))
        return _crossing(self.sizes, tuple(self.retained), level).threshold


@functools.lru_cache(maxsize=2**12)
def _crossing(sizes: tuple[int, ...], retained: tuple[float, ...], level: float = 0.5) -> Crossing:
    # Several claims, and every look at more seeds, ask it of the same sweeps.
    return critical_size.crossing(sizes, retained, level)


Seeds = dict[int, dict[float, Sweep]]
"""By the seed of each start network its sweeps by weight decay."""


def thresholds(seeds: Seeds, weight_decay: float) -> dict[int, tuple[float, float]]:
    """Return bounds on the log threshold of each start network at a weight decay, by seed."""
    return {seed: by[weight_decay].crossing.threshold for seed, by in seeds.items()}


def sweeps(continued: Sequence[Run]) -> Seeds:
    """Return the sweeps of each start network by weight decay; no two may have one seed."""
    assert len({one.start for one in continued}) == len({one.seed for one in continued})
    points: dict[int, dict[float, dict[int, float]]] = {}
    for one in continued:
        by_decay = points.setdefault(one.seed, {})
        by_decay.setdefault(one.weight_decay, {})[one.dataset_size] = one.number("novel_accuracy")
    return {
        seed: {
            decay: Sweep(
                sizes=tuple(sorted(by_size)),
                accuracy=tuple(by_size[size] for size in sorted(by_size)),
                num_symbols=continued[0].task.num_classes,
            )
            for decay, by_size in sorted(by_decay.items())
        }
        for seed, by_decay in points.items()
    }
