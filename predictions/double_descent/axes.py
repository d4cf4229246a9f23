"""What test loss is looked at along: random features, width, examples."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, final

from efficiency.analysis.isologit import isologit_norm
from efficiency.settings import RunSettings
from efficiency.statistics.intervals import TooFewError
from predictions.cells import Run
from predictions.double_descent.digits import (
    DECAYS,
    DESIGNS,
    LEARNING_RATE,
    RIDGES,
    WRONG,
    Digits,
    Places,
)
from predictions.ratios import Bounds, bracket
from predictions.sizes import Size

FITTED = 0.01
"""Share of wrong answers on training examples up to which they count as fitted."""

_ROUNDING = 1e-9
"""Of a share of examples."""

AT = 6.0
"""ŝ, nats: the mean log-odds on training examples at which matched norms are told."""

Curve = Mapping[int, float]
"""A number at each value of what is varied; missing where it is not defined."""


def _free(run: Run) -> bool:
    return run.weight_decay == 0


class Axis(ABC):
    """One thing that is varied.

    Attributes:
        label: What numbers are labelled by.
        varied: What it is, in words.
        decays: λ of its runs, the first of them 0.
        read: What its test loss is.
        unit: Its unit.
        fits: Where networks just fit, in the words of a rule.
    """

    label: ClassVar[str]
    varied: ClassVar[str]
    decays: ClassVar[tuple[float, ...]]
    read: ClassVar[str]
    unit: ClassVar[str]
    fits: ClassVar[str]

    @abstractmethod
    def design(self, d: Digits) -> str:
        """Return the networks of a size in words."""

    @abstractmethod
    def values(self, d: Digits) -> tuple[int, ...]:
        """Return the values that are tried, increasing."""

    @abstractmethod
    def places(self, d: Digits) -> Places:
        """Return the values at which a peak is read."""

    @abstractmethod
    def run(self, d: Digits, value: int, seed: int, decay: float) -> RunSettings:
        """Return the run of a value."""

    @abstractmethod
    def at(self, run: Run) -> int:
        """Return the value of a run."""

    @abstractmethod
    def loss(self, run: Run) -> float:
        """Return the test loss of a run."""

    @abstractmethod
    def fits_at(self, runs: Sequence[Run]) -> float | None:
        """Return the value where one seed's networks just fit, without decay, if it is among them.

        The geometric middle of the two between which it lies.
        """

    @abstractmethod
    def norms(self, runs: Sequence[Run]) -> Curve:
        """Return the norm of one seed's networks without decay at each value."""

    def matched(self, runs: Sequence[Run]) -> Curve:
        """Return the norm at log-odds of ``AT`` at each value at which networks come to them."""
        return {}

    def errors(self, runs: Sequence[Run]) -> Curve:
        """Return the share of wrong answers on test examples without decay at each value."""
        return {self.at(run): 1 - run.number("test_accuracy") for run in runs if _free(run)}

    def runs(
        self, size: Size, seeds: Sequence[int], decays: Sequence[float]
    ) -> Iterator[RunSettings]:
        """Yield the runs of a size."""
        d = DESIGNS[size]
        for decay in decays:
            for value in self.values(d):
                for seed in seeds:
                    yield self.run(d, value, seed, decay)

    def losses(self, runs: Sequence[Run], decay: float = 0.0) -> Curve:
        """Return one seed's test losses at each value, at a weight decay."""
        return {self.at(run): self.loss(run) for run in runs if run.weight_decay == decay}


@final
class Features(Axis):
    """The number of random features; D stays."""

    label: ClassVar[str] = "features"
    varied: ClassVar[str] = "the number of random features"
    decays: ClassVar[tuple[float, ...]] = RIDGES
    read: ClassVar[str] = "mean squared error of the outputs on test examples"
    unit: ClassVar[str] = "1"
    fits: ClassVar[str] = "as many features as examples, where least squares leaves no error"

    def design(self, d: Digits) -> str:
        """See ``Axis``."""
        return f"Random Fourier features, outputs fitted to {d.fitted} digits by least squares"

    def values(self, d: Digits) -> tuple[int, ...]:
        """See ``Axis``."""
        return d.features

    def places(self, d: Digits) -> Places:
        """See ``Axis``."""
        return d.features_places

    def run(self, d: Digits, value: int, seed: int, decay: float) -> RunSettings:
        """See ``Axis``."""
        return d.solved(value, seed, decay)

    def at(self, run: Run) -> int:
        """See ``Axis``."""
        return run.settings.network.d_mlp

    def loss(self, run: Run) -> float:
        """See ``Axis``."""
        return run.number("held_out_squared_error")

    def fits_at(self, runs: Sequence[Run]) -> float | None:
        """See ``Axis``; known beforehand."""
        return float(runs[0].dataset_size)

    def norms(self, runs: Sequence[Run]) -> Curve:
        """See ``Axis``: of the outputs' weights."""
        return {self.at(run): run.number("norm_W_U") for run in runs if _free(run)}


class Trained(Axis):
    """Of networks that are trained, by cross-entropy."""

    decays: ClassVar[tuple[float, ...]] = DECAYS
    read: ClassVar[str] = "cross-entropy on test examples"
    unit: ClassVar[str] = "nats"

    def loss(self, run: Run) -> float:
        """See ``Axis``."""
        return run.number("test_loss")

    def norms(self, runs: Sequence[Run]) -> Curve:
        """See ``Axis``."""
        return {self.at(run): run.number("norm") for run in runs if _free(run)}

    def matched(self, runs: Sequence[Run]) -> Curve:
        """See ``Axis``: between the two networks of one value that enclose them."""
        found = {}
        for value in sorted({self.at(run) for run in runs}):
            norm = norm_at(
                [
                    (run.number("log_odds"), run.number("norm"))
                    for run in runs
                    if self.at(run) == value
                ]
            )
            if norm is not None:
                found[value] = norm
        return found

    def fitted(self, runs: Sequence[Run]) -> dict[int, bool]:
        """Return at which values one seed's networks without decay fit their examples."""
        return {
            self.at(run): run.number("train_accuracy") >= 1 - FITTED - _ROUNDING
            for run in runs
            if _free(run)
        }


@final
class Width(Trained):
    """Hidden units; D stays."""

    label: ClassVar[str] = "width"
    varied: ClassVar[str] = "the width of the hidden layer"
    fits: ClassVar[str] = (
        f"the width from which on at most {FITTED:.0%} of answers to training examples are wrong"
    )

    def design(self, d: Digits) -> str:
        """See ``Axis``."""
        return (
            f"Networks with one hidden layer on {d.dataset_size} digits, {WRONG:.0%} of them with "
            f"a wrong label, for {d.num_steps:,} steps of Adam, η = {LEARNING_RATE:g}"
        )

    def values(self, d: Digits) -> tuple[int, ...]:
        """See ``Axis``."""
        return d.widths

    def places(self, d: Digits) -> Places:
        """See ``Axis``."""
        return d.widths_places

    def run(self, d: Digits, value: int, seed: int, decay: float) -> RunSettings:
        """See ``Axis``."""
        return d.trained(value, d.dataset_size, seed, decay)

    def at(self, run: Run) -> int:
        """See ``Axis``."""
        return run.settings.network.d_mlp

    def fits_at(self, runs: Sequence[Run]) -> float | None:
        """See ``Axis``."""
        return middle(bracket(self.fitted(runs)))


@final
class ExamplesTrainedOn(Trained):
    """D; the width stays."""

    label: ClassVar[str] = "dataset_size"
    varied: ClassVar[str] = "the number of examples"
    fits: ClassVar[str] = (
        f"the number of examples up to which at most {FITTED:.0%} of the answers to them are wrong"
    )

    def design(self, d: Digits) -> str:
        """See ``Axis``."""
        return (
            f"Networks with one hidden layer of {d.width} units on digits, {WRONG:.0%} of them "
            f"with a wrong label, for {d.num_steps:,} steps of Adam, η = {LEARNING_RATE:g}"
        )

    def values(self, d: Digits) -> tuple[int, ...]:
        """See ``Axis``."""
        return d.dataset_sizes

    def places(self, d: Digits) -> Places:
        """See ``Axis``."""
        return d.sizes_places

    def run(self, d: Digits, value: int, seed: int, decay: float) -> RunSettings:
        """See ``Axis``."""
        return d.trained(d.width, value, seed, decay)

    def at(self, run: Run) -> int:
        """See ``Axis``."""
        return run.dataset_size

    def fits_at(self, runs: Sequence[Run]) -> float | None:
        """See ``Axis``."""
        return middle(bracket({D: not so for D, so in self.fitted(runs).items()}))


def middle(log: Bounds) -> float | None:
    """Return the middle of bounds on a logarithm, ``None`` if one of them is open."""
    low, high = log
    return math.exp((low + high) / 2) if math.isfinite(low) and math.isfinite(high) else None


def norm_at(networks: Sequence[tuple[float, float]], at: float = AT) -> float | None:
    """Return the norm at a mean log-odds, between the two networks whose log-odds enclose it.

    Along a straight line of log norm in log log-odds, as a circuit that is scaled moves.

    Args:
        networks: Log-odds in nats and norm of each.
        at: ŝ, nats.
    """
    able = sorted((math.log(logit), norm) for logit, norm in networks if logit > 0)
    for (low, small), (high, large) in itertools.pairwise(able):
        if low <= math.log(at) <= high:
            try:
                return isologit_norm([small, large], [low, high], math.log(at))
            except TooFewError:
                return None
    return None
