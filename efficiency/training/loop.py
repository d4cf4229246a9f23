"""The loop: settings of several runs in, their trajectories out.

Shapes: K members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from efficiency import engines, networks
from efficiency.analysis import shares as structure
from efficiency.errors import InvalidInputError
from efficiency.settings import RunSettings
from efficiency.training.ensemble import initial_weights, unlike
from efficiency.training.outcome import Outcome, outcome
from efficiency.training.recording import Recorder

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run leaves behind.

    Attributes:
        history: A row for every recorded step.
        weights: The final weights by name.
        outcome: How the run ended, and its robust final numbers.
        snapshots: All weights by name at each step at which they were to be kept.
    """

    history: pd.DataFrame
    weights: dict[str, np.ndarray]
    outcome: Outcome
    snapshots: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)


@final
class Training:
    """K runs in training, as one program.

    Args:
        members: Their settings; all must share a ``shape_key``.
        starts: For each member the final weights of its ``start``, or those that its ``given``
            stands for; ``None`` where it has neither.
        device: ``auto``, ``cpu`` or ``cuda``.
        engine: A name from ``efficiency.engines.ENGINES``, or ``auto``.

    Raises:
        ValueError: Members that cannot share a program, a start that is missing or unasked for, or
            a device or engine that cannot train them.
    """

    def __init__(
        self,
        members: Sequence[RunSettings],
        starts: Sequence[Weights | None],
        device: str = "cpu",
        engine: str = "auto",
    ) -> None:
        if isinstance(members, RunSettings):
            raise InvalidInputError(
                "one RunSettings was given; give a list of them: train([settings])"
            )
        if not members or len(members) != len(starts):
            raise InvalidInputError(
                f"{len(members)} runs and {len(starts)} starts were given; give at least one run, "
                "and for each the weights of its start, or None"
            )
        if unlike(members):
            raise InvalidInputError(
                f"the runs of an ensemble differ in {', '.join(unlike(members))}, which they must "
                "share; group them with efficiency.pack"
            )
        for run, start in zip(members, starts, strict=True):
            if run.continues != (start is not None):
                raise InvalidInputError(
                    f"a run {'that continues another' if run.continues else 'of its own'} was "
                    f"{'not ' if start is None else ''}given weights to start from"
                )
        self.members = tuple(members)
        self.num_steps = members[0].num_steps
        self.step = 0
        device = choose_device(device)
        self.engine_name = engines.choose(engine, members[0], device)
        # One after another: the weights of all at once would be another copy of the ensemble.
        given = (_first_weights(r, s) for r, s in zip(members, starts, strict=True))
        self.engine = engines.ENGINES.find(self.engine_name)(members, given, torch.device(device))
        self._recorder = Recorder(self.engine, members[0].recording, self.num_steps)
        self._recorder.record(0)

    def advance(self, num_steps: int) -> None:
        """Make up to ``num_steps`` updates, as many as are left."""
        end = min(self.step + num_steps, self.num_steps)
        while self.step < end:
            next_record = next(step for step in self._recorder.steps if step > self.step)
            stop = min(end, next_record)
            self.engine.advance(self.step, stop - self.step)
            self.step = stop
            if stop == next_record:
                self._recorder.record(stop)

    def state(self) -> dict[str, np.ndarray]:
        """Return everything that ``restore`` needs to go on exactly from here.

        On a CPU these are the arrays in use, not copies: save them before training goes on.
        """
        return {
            "step": np.array(self.step, dtype=np.int64),
            **{name: tensor.cpu().numpy() for name, tensor in self._state().items()},
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state of the same ensemble.

        Raises:
            ValueError: It is of another ensemble; what was restored until then is undefined.
        """
        step = int(state["step"]) if "step" in state else -1
        if not 0 <= step <= self.num_steps:
            raise InvalidInputError(
                f"the state is of step {step}, and these runs have the steps 0 … {self.num_steps}; "
                "restore what state() of the same ensemble returned"
            )
        for name, tensor in self._state().items():
            saved = state.get(name)
            if saved is None or saved.shape != tensor.shape:
                given = "none" if saved is None else f"shape {saved.shape}"
                raise InvalidInputError(
                    f"the state of this ensemble has {name} of shape {tuple(tensor.shape)}, and "
                    f"{given} was given; restore what state() of the same ensemble returned"
                )
            tensor.copy_(torch.as_tensor(saved))
        self.step = step

    def _state(self) -> dict[str, Tensor]:
        return {**self.engine.state(), **self._recorder.state()}

    def results(self) -> Iterator[Trained]:
        """Return what each finished run leaves behind, one after another.

        All at once would be another copy of every weight.

        Raises:
            ValueError: The runs are not finished.
        """
        if self.step < self.num_steps:
            raise InvalidInputError(
                f"only {self.step} of {self.num_steps} steps are done; advance first"
            )
        return (self._result(k) for k in range(len(self.members)))

    def _result(self, k: int) -> Trained:
        history = self._recorder.history(k)
        views = self.engine.weights.views
        weights = {name: stacked[k].cpu().numpy().copy() for name, stacked in views.items()}
        run = self.members[k]
        ended = outcome(history, run)
        if ended.status != "diverged":
            ended = replace(ended, numbers=ended.numbers | structure.shares(run, weights))
        kept = self._recorder.snapshots(k)
        return Trained(history=history, weights=weights, outcome=ended, snapshots=kept)


def train(
    members: Sequence[RunSettings],
    starts: Sequence[Weights | None] | None = None,
    device: str = "cpu",
    engine: str = "auto",
) -> list[Trained]:
    """Train runs that share a ``shape_key`` from beginning to end, as one program.

    Args:
        members: Their settings.
        starts: For each the weights it starts from, if any has a ``start``.
        device: ``auto``, ``cpu`` or ``cuda``.
        engine: A name from ``efficiency.engines.ENGINES``, or ``auto``.
    """
    if starts is None:
        starts = [None] * (1 if isinstance(members, RunSettings) else len(members))
    training = Training(members, starts, device, engine)
    training.advance(training.num_steps)
    return list(training.results())


def _first_weights(run: RunSettings, start: Weights | None) -> dict[str, torch.Tensor]:
    """Return the weights that a run begins with.

    Raises:
        ValueError: ``start`` does not fit the run's network.
    """
    if start is None:
        return initial_weights(run)
    networks.require_weights(run.task, run.network, start)
    return {name: torch.as_tensor(value) for name, value in start.items()}


def choose_device(name: str) -> str:
    """Return the device to use for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ValueError: The name is not known, or CUDA is asked for and there is none.
    """
    names: dict[str, Any] = {"auto": None, "cpu": "cpu", "cuda": "cuda"}
    if name not in names:
        raise InvalidInputError(f"unknown device {name!r}; choose from {list(names)}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InvalidInputError(
            "device 'cuda' was asked for and this PyTorch sees no CUDA device; "
            "use --device cpu, or install a CUDA build of torch on a machine with a GPU"
        )
    return names[name] or ("cuda" if available else "cpu")
