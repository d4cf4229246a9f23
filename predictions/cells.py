"""Runs in their place in a design, before they are trained and after.

A design says of every run what it is there for. A judge reads that from the run that comes back,
and never guesses it from settings: what tells two arms apart in one design may be what they share
in the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings, TaskBase, TaskSettings
from efficiency.training.outcome import Outcome
from runs.identity import identity

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Role = Literal["start", "judged"]
"""Whether a run only gives others their beginning, or is what the claim is about."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A run in its place in a design, beside its seed, D and λ, which its settings say.

    Attributes:
        settings: The run.
        arm: What it is compared as; empty in a design with one arm.
        role: Whether others begin from it, or it is judged.
        stage: Of a design in stages, see ``predictions.stages``; else empty.

    Raises:
        InvalidInputError: A value is of another kind.
    """

    settings: RunSettings
    arm: str = ""
    role: Role = "judged"
    stage: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.settings, RunSettings):
            raise InvalidInputError(
                f"settings of a cell are RunSettings; given: {type(self.settings).__name__}"
            )
        if self.role not in get_args(Role):
            raise InvalidInputError(
                f"the role of a cell is one of {get_args(Role)}; given: {self.role!r}. What it is "
                "compared as is its arm"
            )
        for name in ("arm", "stage"):
            if not isinstance(value := getattr(self, name), str):
                raise InvalidInputError(f"the {name} of a cell is a text; given: {value!r}")

    @property
    def seed(self) -> int:
        """Its seed: that of its data, which all runs of an independent unit share."""
        return self.settings.data_seed


def settings_of(cells: Iterable[Cell]) -> list[RunSettings]:
    """Return the runs of cells in their order, each once.

    Raises:
        InvalidInputError: Something is no cell.
    """
    cells = list(cells) if isinstance(cells, Iterable) else [cells]
    for cell in cells:
        if not isinstance(cell, Cell):
            raise InvalidInputError(
                "cells() must return predictions.cells.Cell, Cell(settings=run, arm=…) for each "
                f"run; it returned {type(cell).__name__}"
            )
    return list(dict.fromkeys(cell.settings for cell in cells))


def starting(
    first: Iterable[RunSettings], later: Iterable[RunSettings], arm: str = ""
) -> list[Cell]:
    """Return the cells of start networks and of what continues them, in one arm."""
    begun = [Cell(settings=run, role="start", arm=arm) for run in first]
    return begun + [Cell(settings=run, arm=arm) for run in later]


class Left(Protocol):
    """What a run left behind, read when asked for."""

    @property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        ...

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Where it comes from."""
        ...

    def weights(self) -> Mapping[str, np.ndarray]:
        """Return the final weights."""
        ...

    def snapshots(self) -> Mapping[int, Mapping[str, np.ndarray]]:
        """Return the weights at each step at which they were kept, the first step first."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run as a judge sees it.

    Attributes:
        cell: What was run, and what for.
        outcome: How it ended.
        left: Its history and its weights, for the few judges that need more than the outcome.
    """

    cell: Cell
    outcome: Outcome
    left: Left | None = field(default=None, compare=False, repr=False)

    @property
    def settings(self) -> RunSettings:
        """What was run."""
        return self.cell.settings

    @property
    def arm(self) -> str:
        """What it is compared as."""
        return self.cell.arm

    @property
    def is_start(self) -> bool:
        """Whether others begin from it, and it is not what is judged."""
        return self.cell.role == "start"

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.cell.seed

    @property
    def start(self) -> RunSettings | None:
        """What it continues."""
        return self.settings.start

    @property
    def dataset_size(self) -> int:
        """D, or D' of a network that is continued on fewer examples."""
        return self.settings.dataset_size

    @property
    def weight_decay(self) -> float:
        """λ."""
        return self.settings.optimiser.weight_decay

    @property
    def task(self) -> TaskBase:
        """What it was trained on."""
        return self.settings.task

    @property
    def table(self) -> TaskSettings:
        """The same where it is a table, of which judges ask for operation and size."""
        return self.settings.table_task

    @cached_property
    def identity(self) -> str:
        """The identity of the run."""
        return identity(self.settings.document())

    @property
    def history(self) -> pd.DataFrame:
        """A row for every recorded step."""
        assert self.left is not None, self.identity
        return self.left.history

    @property
    def began(self) -> datetime:
        """When its training began, to the second."""
        assert self.left is not None, self.identity
        return datetime.fromisoformat(self.left.provenance["times"]["began"])

    def weights(self) -> Mapping[str, np.ndarray]:
        """Return the final weights."""
        assert self.left is not None, self.identity
        return self.left.weights()

    def snapshots(self) -> Mapping[int, Mapping[str, np.ndarray]]:
        """Return the weights at each step at which they were kept, the first step first."""
        assert self.left is not None, self.identity
        return self.left.snapshots()

    def found(self, name: str) -> float | None:
        """Return the value of one of its final numbers, ``None`` where there is none."""
        number = self.outcome.numbers.get(name)
        return None if number is None else number.value

    def number(self, name: str) -> float:
        """Return the value of one of its final numbers, which it must have."""
        value = self.found(name)
        assert value is not None, name
        return value


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Return runs in the order in which judges get them: sums round by it."""
    return sorted(runs, key=lambda run: (run.identity, run.arm, run.cell.stage))


def starts(runs: Iterable[Run]) -> dict[RunSettings | None, Run]:
    """Return the start networks among runs by their settings, as ``start`` of others has them."""
    return {run.settings: run for run in runs if run.is_start}


def of_arm(runs: Iterable[Run], arm: str) -> list[Run]:
    """Return what is judged in an arm."""
    return [run for run in runs if run.arm == arm and not run.is_start]


def by_arm(runs: Sequence[Run]) -> dict[int, dict[str, list[Run]]]:
    """Return what is judged by seed and arm, seeds in their order, those of an arm by D."""
    found: dict[int, dict[str, list[Run]]] = {}
    judged = (run for run in runs if not run.is_start)
    for run in sorted(judged, key=lambda run: (run.seed, run.dataset_size, run.identity)):
        found.setdefault(run.seed, {}).setdefault(run.arm, []).append(run)
    return found


def by_seed(runs: Iterable[Run], arm: str, name: str) -> dict[int, float]:
    """Return a final number of each seed that has it in an arm; start networks are in none.

    Raises:
        ValueError: No run has this arm, or this number, or a seed has two runs there: a fault of
            the judge that asks.
    """
    runs = [run for run in runs if not run.is_start]
    arms = sorted({run.arm for run in runs})
    if runs and arm not in arms:
        raise ValueError(f"no run has the arm {arm!r}; there are {', '.join(map(repr, arms))}")
    numbers = sorted({one for run in runs for one in run.outcome.numbers})
    if numbers and name not in numbers:
        raise ValueError(f"no run has the number {name!r}; there are {', '.join(numbers)}")
    by: dict[int, Run] = {}
    for run in of_arm(runs, arm):
        if run.seed in by:
            pair = " and ".join(one.identity[:12] for one in (by[run.seed], run))
            raise ValueError(
                f"seed {run.seed} has two runs in the arm {arm!r}, {pair}; give each an arm of its "
                "own in cells(), or hand over those that are meant"
            )
        by[run.seed] = run
    found = {seed: run.found(name) for seed, run in by.items()}
    return {seed: value for seed, value in found.items() if value is not None}
