"""What a measure is: one number of one network at one moment of its training.

Shapes: N examples of the task, S classes; where a task has A > 1 answers, logits are (N, A, S).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast, final

import numpy as np
import torch
from torch import Tensor

from efficiency import networks
from efficiency.errors import InvalidInputError
from efficiency.measurements import PARTS
from efficiency.registry import Registry
from efficiency.settings import RunSettings
from efficiency.training.ensemble import labels, part_masks
from efficiency.training.losses import relative_to_correct

Said = TypeVar("Said")


@final
class Reading:
    """A network while it is measured; what no measure asks for is not computed.

    Args:
        run: Its settings.
        weights: Its weights by name.

    Attributes:
        run: Its settings.
        weights: Its weights by name; not to be changed.
    """

    def __init__(self, run: RunSettings, weights: Mapping[str, Tensor]) -> None:
        self.run, self.weights = run, weights
        self._as_made = {name: value._version for name, value in weights.items()}
        self._said: dict[Callable[[Reading], Any], Any] = {}

    def once(self, say: Callable[[Reading], Said]) -> Said:
        """Return what a function says of this network, asked once by however many measures."""
        if say not in self._said:
            self._said[say] = say(self)
        return cast("Said", self._said[say])

    @cached_property
    def logits(self) -> Tensor:
        """(N, S) logits of all examples, in nats."""
        device = next(iter(self.weights.values())).device
        program = networks.program(self.run.task, self.run.network)
        inputs_NI = networks.inputs(self.run.task, self.run.network).to(device)
        stacked = {name: value.unsqueeze(0) for name, value in self.weights.items()}
        with torch.no_grad():
            made = program.logits(stacked, program.prepare(inputs_NI.unsqueeze(0)))[0]
        self._as_made["logits"] = made._version
        return made

    def changed(self) -> str | None:
        """Return what a measure has changed in place, which another would then read.

        As far as torch counts changes: not what is changed through ``.numpy()`` or ``.data``.
        """
        held = {**self.weights, **({"logits": self.logits} if "logits" in self._as_made else {})}
        wrong = [name for name, one in held.items() if one._version != self._as_made[name]]
        return wrong[0] if wrong else None

    @cached_property
    def parts(self) -> Mapping[str, np.ndarray]:
        """(N,) booleans: which examples are in each of ``efficiency.measurements.PARTS``."""
        return part_masks(self.run)

    @cached_property
    def margins(self) -> Tensor:
        """(N,) o^{y*} − max_{y≠y*} o^y in nats, y* the label that the run is measured by.

        Of several answers to an example, the smallest.
        """
        labels_NA = torch.as_tensor(labels(self.run), device=self.logits.device)
        relative_NAS = relative_to_correct(self.logits.view(*labels_NA.shape, -1), labels_NA)
        return -relative_NAS.amax(-1).amax(-1).double()


_TAKEN = (
    (*(f"{part}_" for part in PARTS), "step", "norm", "gen_share", "log_odds", "margin", "centred"),
    ("_loss", "_loss_peak", "_accuracy"),
)
"""How names of usual quantities begin and end; what may be said of these is said by name."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A quantity that a run can be asked to record beside the usual ones.

    Attributes:
        name: What settings call it; its column in a history has _ for -.
        label: For an axis, without the unit.
        read: From a reading to the number; NaN where it is not defined.
        unit: ``"1"`` for a fraction or a ratio.
    """

    name: str
    label: str
    read: Callable[[Reading], float]
    unit: str = "1"

    def __post_init__(self) -> None:
        begins, ends = _TAKEN
        if ":" not in self.name and (self.column.startswith(begins) or self.column.endswith(ends)):
            raise InvalidInputError(
                f"a measure cannot be called {self.name!r}: names that begin with "
                f"{', '.join(begins)} or end with {', '.join(ends)} are of what is recorded anyway"
            )

    @property
    def column(self) -> str:
        """Its name in histories and outcomes."""
        return self.name.replace("-", "_")


def value_of(measure: Measure, reading: Reading) -> float:
    """Return what a measure says.

    Raises:
        InvalidInputError: It fails, says what is no number, or changes what it reads.
    """
    try:
        said = float(measure.read(reading))
    except Exception as error:
        raise InvalidInputError(
            f"the measure {measure.name!r} failed ({type(error).__name__}: {error}); it is given a "
            "Reading (efficiency.measures) and must return one number"
        ) from error
    if (changed := reading.changed()) is not None:
        raise InvalidInputError(
            f"the measure {measure.name!r} changes {changed} in place, which other measures read; "
            f"let it change a copy, {changed}.clone()"
        )
    return said


def _of_module(name: str, thing: Any) -> Measure:
    """Return what a module has under a name as the measure of that name."""
    if isinstance(thing, Measure):
        return Measure(name=name, label=thing.label, read=thing.read, unit=thing.unit)
    if callable(thing):
        said = (thing.__doc__ or name).strip().splitlines()[0].rstrip(".")
        return Measure(name=name, label=said, read=thing)
    raise InvalidInputError(
        f"{name!r} is no measure but a {type(thing).__name__}; it must be a Measure "
        "(efficiency.measures) or a function from a Reading to a number"
    )


MEASURES: Registry[Measure] = Registry("measure", _of_module)
"""Those that can be asked for by name."""


def recorded(
    name: str, label: str, unit: str = "1"
) -> Callable[[Callable[[Reading], float]], Callable[[Reading], float]]:
    """Register the function below as a measure.

    Args:
        name: See ``Measure``.
        label: See ``Measure``.
        unit: See ``Measure``.
    """

    def register(read: Callable[[Reading], float]) -> Callable[[Reading], float]:
        MEASURES.register(name, Measure(name=name, label=label, unit=unit, read=read))
        return read

    return register
