"""How a run ended: its status, and final numbers that one late spike cannot decide.

All of it is read from the *tail*, the last quarter of the run in learning time (the sum of the
learning-rate factors, see ``efficiency.training.optimiser.learning_time``). Counting time this way,
a network does not look settled merely because its learning rate has been turned down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from efficiency.measures.base import MEASURES
from efficiency.settings import RunSettings
from efficiency.statistics.intervals import FloatArray
from efficiency.training.losses import NOT_OF_SOFTMAX
from efficiency.training.optimiser import learning_time

TAIL_FRACTION = 0.25
"""Share of the learning time that counts as the tail."""

MAX_NORM_DRIFT = 0.01
"""Largest |log ratio| of the median norms of the tail's two halves in a settled run."""

MAX_LOG_ODDS_DRIFT = 0.01
"""Largest relative change of the median log-odds between the tail's two halves in a settled run."""

FITTED = 0.99
"""Training accuracy from which a run has fitted its examples."""

GENERALISED = 0.9
"""Accuracy on novel pairs from which a run has generalised."""

MIN_CHANGE = 0.1
"""Least change of accuracy on novel pairs, from beginning to end, that has a half-way point."""

STEADY = 3
"""Records in a row that must lie half-way: one alone may be luck on a few novel pairs."""

MAX_LOSS_SPIKE = 10.0
"""Largest ratio of the tail's highest training loss at any step to its median, if settled."""

RunStatus = Literal["settled", "not settled", "diverged"]

_IN_NATS = ("_loss", "_loss_peak", "log_odds", "margin", "centred_logit")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: ``settled``, ``not settled`` or ``diverged``, from training quantities alone.
        reasons: Why it is not settled, one sentence each; empty if it is.
        numbers: Median over the tail of every recorded quantity, with the tail's range as its
            interval and n the records in it; ``novel_accuracy_drift``, by how much the median
            accuracy on novel pairs in the tail's later half exceeds that in its earlier half;
            ``step_fitted``, the first record with training accuracy ≥ 0.99; and ``step_halfway``,
            the first of ``STEADY`` records in a row at which accuracy on novel pairs has come half
            of the way to where it ended, if that way is 0.1 at least. The way begins at the
            accuracy of the network that the run starts from, up or down, or at chance 1/S and then
            leads up: what fresh weights happen to score is luck. ``step_generalised``, likewise the
            first of so many at 0.9 or more. Their intervals reach back to the record before.
    """

    status: RunStatus
    reasons: tuple[str, ...]
    numbers: dict[str, Estimate]

    def document(self) -> dict[str, Any]:
        """Return the outcome as JSON types."""
        return {
            "status": self.status,
            "reasons": list(self.reasons),
            "numbers": {name: number.document() for name, number in self.numbers.items()},
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Outcome:
        """Return the outcome that ``document`` describes.

        Raises:
            InvalidInputError: It is none, or a number is outside what it can be.
        """
        try:
            status, reasons = document["status"], tuple(document["reasons"])
            numbers = {n: Estimate.from_document(one) for n, one in document["numbers"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"this is no outcome: {type(error).__name__}: {error}"
            ) from error
        if status not in get_args(RunStatus) or not all(isinstance(one, str) for one in reasons):
            raise InvalidInputError(
                f"an outcome is one of {get_args(RunStatus)} with reasons in words, not {status!r} "
                f"with {reasons!r}"
            )
        for name, number in numbers.items():
            least, most = _limits(name)
            held = [x for x in (number.low, number.value, number.high) if x is not None]
            if held != sorted(held) or not all(least <= x <= most for x in held):
                raise InvalidInputError(
                    f"{name} = {number.value} [{number.low} to {number.high}] cannot be: it lies "
                    f"between {least} and {most}, and a median within its range"
                )
        return cls(status=status, reasons=reasons, numbers=numbers)


def _unit(name: str) -> str:
    return "nats" if name.endswith(_IN_NATS) else "1"


def _limits(name: str) -> tuple[float, float]:
    """Return between what a final number lies."""
    if ":" in name:  # a measure of some module
        return -math.inf, math.inf
    if name.endswith("_accuracy") or name.startswith("gen_share"):
        return 0.0, 1.0 + 1e-9
    if name.startswith(("norm", "step_")) or name.endswith(("_loss", "_loss_peak")):
        return 0.0, math.inf
    return -math.inf, math.inf


def tail_halves(history: pd.DataFrame, run: RunSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records of the earlier and the later half of a run's tail, in learning time.

    Each has at least one, if necessary (in a run of a few steps) from just before the tail.
    """
    left = 1 - _learned(history["step"], run)
    later = history[left <= TAIL_FRACTION / 2]
    earlier = history[(left <= TAIL_FRACTION) & (left > TAIL_FRACTION / 2)]
    if earlier.empty:
        earlier = history.iloc[[max(len(history) - len(later) - 1, 0)]]
    return earlier, later


def tail_at(history: pd.DataFrame, run: RunSettings, part: float, name: str) -> tuple[float, float]:
    """Return a quantity in the tail that a run would have if it ended earlier, and when that is.

    Args:
        history: A row for every recorded step, the last one at ``run.num_steps``.
        run: Its settings.
        part: The part of its learning time after which it would end, in (0, 1].
        name: The quantity.

    Returns:
        Its median over the records of that tail, and that of the parts of the learning time that
        they come after. (Where the learning rate falls, records are nearer to each other.)
    """
    learned = _learned(history["step"].to_numpy(), run)
    last = int(np.searchsorted(learned, part, side="right"))
    first = int(np.searchsorted(learned, (1 - TAIL_FRACTION) * part, side="right"))
    tail = slice(min(first, last - 1), last)
    return float(np.median(history[name].to_numpy()[tail])), float(np.median(learned[tail]))


def _learned(step: npt.ArrayLike, run: RunSettings) -> FloatArray:
    """Return the part of the learning time that each recorded step comes after, in [0, 1]."""
    time = learning_time(
        step,
        num_steps=run.num_steps,
        warmup_steps=run.optimiser.warmup_steps,
        decay_fraction=run.optimiser.decay_fraction,
    )
    learned: FloatArray = time / time[-1]
    return learned


def of_training(quantities: Iterable[str]) -> list[str]:
    """Return those of the usual quantities that are finite unless training has diverged.

    On examples that it is not trained on, even a network that has settled may overflow.
    """
    unseen = ("test", "removed", "never_seen", "novel")
    return [name for name in quantities if not name.startswith(unseen)]


def outcome(history: pd.DataFrame, run: RunSettings) -> Outcome:
    """Judge how a finished run ended.

    *Diverged*: the training loss, a norm or a reading of the logits is not finite. *Settled*:
    throughout the tail the training accuracy is 1, the medians of norm and log-odds move by at most
    1% from the tail's first half to its second, and the training loss of no step exceeds ten times
    the tail's median (where training is random, or by another loss than is recorded, the median of
    the highest losses between records). *Not settled*: anything else.

    Args:
        history: A row for every recorded step, the last one at ``run.num_steps``.
        run: Its settings.
    """
    asked = {one.column: one for one in map(MEASURES.find, run.recording.measures or ())}
    held = of_training([name for name in history.columns if name not in asked])
    finite = np.isfinite(history[held].to_numpy(dtype=float)).all(axis=1)
    if not finite.all():
        step = int(history["step"][~finite].iloc[0])
        reason = f"a recorded quantity was not finite from step {step} on"
        return Outcome(status="diverged", reasons=(reason,), numbers={})

    earlier, later = tail_halves(history, run)
    tail = pd.concat([earlier, later])
    reasons = []
    if (lowest := tail["train_accuracy"].min()) < 1:
        reasons.append(f"training accuracy fell to {lowest:.4f} in the tail")
    drift = float(np.log(later["norm"].median() / earlier["norm"].median()))
    if abs(drift) > MAX_NORM_DRIFT:
        reasons.append(f"the norm still moved by {drift:+.1%} between the halves of the tail")
    before, after = (float(half["log_odds"].median()) for half in (earlier, later))
    if abs(after - before) > MAX_LOG_ODDS_DRIFT * abs(before):
        reasons.append(f"the log-odds still moved from {before:.2f} to {after:.2f} in the tail")
    # A loss is held against others of its kind: what is recorded has no noise in it, and is by
    # softmax whatever is trained by.
    of_a_kind = not run.is_random and run.loss not in NOT_OF_SOFTMAX
    usual = tail["train_loss" if of_a_kind else "train_loss_peak"].median()
    spike = tail["train_loss_peak"].max() / max(usual, np.finfo(float).tiny)
    if spike > MAX_LOSS_SPIKE:
        reasons.append(f"the training loss spiked to {spike:.0f} times its median in the tail")

    status: RunStatus = "not settled" if reasons else "settled"
    numbers = {}
    values = tail.to_numpy(dtype=float)
    middles, lows, highs = (f(values, axis=0).tolist() for f in (np.median, np.min, np.max))
    finite_columns = np.isfinite(values).all(axis=0)
    for q, name in enumerate(history.columns):
        if name == "step" or not finite_columns[q]:
            continue  # on examples that are not trained on, even a settled network may overflow
        numbers[name] = Estimate(
            value=middles[q],
            low=lows[q],
            high=highs[q],
            n=len(tail),
            unit=asked[name].unit if name in asked else _unit(name),
            status="measured" if status == "settled" else "not settled",
        )
    if "novel_accuracy" in history:
        moved = float(later["novel_accuracy"].median() - earlier["novel_accuracy"].median())
        numbers["novel_accuracy_drift"] = Estimate(
            value=moved, low=None, high=None, n=len(tail), unit="1"
        )
        began, ended = _beginning(history, run), numbers["novel_accuracy"].value
        assert ended is not None
        # From scratch the way leads up: a network that only memorises may end below chance.
        way = abs(ended - began) if run.continues else ended - began
        if way >= MIN_CHANGE:
            there = (history["novel_accuracy"] - began) / (ended - began) >= 0.5
            numbers["step_halfway"] = _first(history["step"], steadily(there))
        knows = history["novel_accuracy"] >= GENERALISED
        numbers["step_generalised"] = _first(history["step"], steadily(knows))
    numbers["step_fitted"] = _first(history["step"], history["train_accuracy"] >= FITTED)
    return Outcome(status=status, reasons=tuple(reasons), numbers=numbers)


def _beginning(history: pd.DataFrame, run: RunSettings) -> float:
    """Return the accuracy on novel pairs from which a run sets out."""
    if run.continues:
        return float(history["novel_accuracy"].iloc[0])
    return run.task.chance


def steadily(holds: pd.Series[bool]) -> pd.Series[bool]:
    """Return where something begins to hold for ``STEADY`` records in a row.

    With fewer records left nothing is said to. The first records of a run are of almost the same
    network: what it knows by luck at step 0 it knows in all of them.
    """
    return holds[::-1].rolling(STEADY).min()[::-1] == 1


def _first(steps: pd.Series[int], holds: pd.Series[bool]) -> Estimate:
    """Return the first recorded step at which something holds; censored if it never does."""
    last = float(steps.iloc[-1])
    if not holds.any():
        return Estimate(value=None, low=last, high=None, n=1, unit="steps", status="censored")
    at = int(holds.to_numpy().argmax())
    return Estimate(
        value=float(steps.iloc[at]),
        low=float(steps.iloc[max(at - 1, 0)]),
        high=float(steps.iloc[at]),
        n=1,
        unit="steps",
    )
