"""Simulated records of the first study's predictions, with a known truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from efficiency.estimates import Estimate
from efficiency.training.outcome import Outcome
from predictions.cells import Cell, Run
from tests.build import number


@dataclass(frozen=True)
class Left:
    """What a planted run left behind."""

    history: pd.DataFrame
    held: Mapping[str, np.ndarray]

    def weights(self) -> Mapping[str, np.ndarray]:
        return self.held


def ended(cell: Cell, left: Left | None = None, **numbers: float) -> Run:
    """Return a run with these final numbers, which fits its examples unless told otherwise."""
    held = {name: number(value) for name, value in {"train_accuracy": 1.0, **numbers}.items()}
    return Run(
        cell=cell,
        outcome=Outcome(status="settled", reasons=(), numbers=held),
        left=left,
    )


def diverged(cell: Cell) -> Run:
    outcome = Outcome(status="diverged", reasons=("nan",), numbers={})
    return Run(cell=cell, outcome=outcome)


def timed(cell: Cell, steps: float, **numbers: float) -> Run:
    """Return a run that generalises at a step, or not by its end."""
    run = ended(cell, **numbers)
    budget = float(cell.settings.num_steps)
    if steps > budget:
        at = Estimate(value=None, low=budget, high=None, n=1, unit="steps", status="censored")
    else:
        at = number(steps, "steps")
    held = {**run.outcome.numbers, "step_generalised": at}
    return Run(cell=cell, outcome=Outcome(status="settled", reasons=(), numbers=held), left=None)


def remembered(runs: Sequence[Run], history: Callable[[Run], pd.DataFrame]) -> list[Run]:
    """Return runs with histories, made when asked for."""

    class Lazy:
        def __init__(self, run: Run) -> None:
            self.run = run

        @property
        def history(self) -> pd.DataFrame:
            return history(self.run)

        def weights(self) -> Mapping[str, np.ndarray]:
            raise AssertionError

    return [replace(run, left=Lazy(run)) for run in runs]


def labelled(axes) -> dict[str, tuple[list[float], list[float]]]:
    """Return the lines of a panel that have a label, their points by it."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }
