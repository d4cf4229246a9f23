"""What every task has.

Shapes: N examples, D of them trained on, I numbers that are read of each, A answers, S classes.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from efficiency import tasks
from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray
from efficiency.settings.base import Settings

BoolArray = npt.NDArray[np.bool_]

Inputs = Literal["operands", "tokens", "features"]
"""What a network reads: two operands, from which it makes its own prompt; tokens; real numbers."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """All examples of a task.

    Attributes:
        inputs: (N, I) operands or tokens (integers from 0 on), or features (finite numbers).
        targets: (N, A) the right answers, in [0, S).
    """

    inputs: npt.NDArray[Any]
    targets: IntArray


class TaskBase(Settings, ABC):
    """A finite set of examples with right answers; the base of every kind of task.

    A kind of one's own is a subclass with its own settings, a ``num_examples``, ``num_classes`` and
    ``build``; to be found by name it is registered (``register``), or named ``mymodule:MyTask``.
    Everything must follow from its settings: equal tasks have equal examples.
    """

    gives: ClassVar[Inputs]

    @property
    @abstractmethod
    def num_examples(self) -> int:
        """N, all examples that there are."""

    @property
    @abstractmethod
    def num_classes(self) -> int:
        """S, the possible answers; where they are of different sizes, the most."""

    @abstractmethod
    def build(self) -> Examples:
        """Return all examples."""

    @property
    def num_inputs(self) -> int:
        """I, what is read of an example: two operands, T tokens or F features."""
        return int(self.inputs.shape[1])

    @property
    def num_tokens(self) -> int:
        """V, different tokens."""
        return self.num_classes

    @property
    def answers(self) -> tuple[str, ...]:
        """A names, one of each answer, for what is measured of it alone; empty if A = 1."""
        return ()

    @property
    def num_answers(self) -> int:
        """A, answers to an example; it counts as right if all of them are."""
        return max(1, len(self.answers))

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return float(self.num_classes) ** -self.num_answers

    @property
    def halfway(self) -> float:
        """The accuracy half-way from chance to 1."""
        return (1 + self.chance) / 2

    @property
    def inputs(self) -> npt.NDArray[Any]:
        """(N, I) what is read, see ``Examples``."""
        return _examples(self).inputs

    @property
    def targets(self) -> IntArray:
        """(N, A) the right answers."""
        return _examples(self).targets

    @property
    def has_mirrors(self) -> bool:
        """Whether examples have mirror images: the same question with its parts exchanged."""
        return self.mirror is not None

    @property
    def relabels(self) -> bool:
        """Whether other labels than the true ones can be learned: not where answers are read."""
        return True

    @property
    def mirror(self) -> IntArray | None:
        """(N,) the index of each mirror image, −1 where it is not among the examples."""
        return None

    @property
    def words(self) -> str:
        """What it is, in a few words."""
        own = {name: value for name, value in self if name != "kind" and value is not None}
        values = ", ".join(f"{name} {value}" for name, value in own.items())
        return f"{getattr(self, 'kind', type(self).__name__)}{f' ({values})' if own else ''}"

    def continues(self, earlier: TaskBase) -> bool:
        """Return whether a network that learned an earlier task can go on with this one.

        Then both read the same examples and have the same classes.
        """
        return self == earlier

    def novel(self, trained_N: BoolArray) -> BoolArray:
        """Return (N,) booleans: examples not trained on, and their mirror images neither.

        Args:
            trained_N: Which are trained on.
        """
        mirror = self.mirror
        if mirror is None:
            return ~trained_N
        return ~(trained_N | (trained_N[mirror] & (mirror >= 0)))

    def split(self, dataset_size: int, data_seed: int) -> tuple[IntArray, IntArray]:
        """Return the indices trained on, (D,), and the rest, (N − D,)."""
        return tasks.split(self.num_examples, dataset_size, data_seed)

    def meaning(self) -> Mapping[str, npt.NDArray[Any] | None]:
        """Return all that the task's names stand for now, to be compared with what they stood for.

        Their code is no part of the identity of a run.
        """
        said = np.array([self.chance, self.num_tokens, self.num_answers], dtype=np.float64)
        return {
            "inputs": self.inputs,
            "targets": self.targets,
            "mirror": self.mirror,
            "said": said,
        }


@functools.lru_cache(maxsize=32)
def _examples(task: TaskBase) -> Examples:
    """Return the examples of a task, after comparing them with what it says of itself.

    Raises:
        InvalidInputError: They are not as many, of another kind, or outside the classes.
    """
    found = task.build()
    if task.gives not in get_args(Inputs):
        raise InvalidInputError(
            f"{task.words} gives {task.gives!r}; choose from {', '.join(get_args(Inputs))}"
        )
    inputs, targets = np.asarray(found.inputs), np.asarray(found.targets)
    N, A, S = task.num_examples, task.num_answers, task.num_classes
    if targets.shape != (N, A) or inputs.ndim != 2 or len(inputs) != N:
        raise InvalidInputError(
            f"{task.words} has inputs of shape {inputs.shape} and targets of {targets.shape}; it "
            f"says that it has {N} examples of {A} answers: they must be ({N}, inputs) and "
            f"({N}, {A})"
        )
    says_how_many = type(task).num_inputs is not TaskBase.num_inputs
    if says_how_many and inputs.shape[1] != task.num_inputs:
        raise InvalidInputError(
            f"{task.words} has {inputs.shape[1]} numbers to an example; it says that it has "
            f"{task.num_inputs}"
        )
    if not np.issubdtype(targets.dtype, np.integer) or targets.min() < 0 or targets.max() >= S:
        raise InvalidInputError(
            f"{task.words} has targets from {targets.min()} to {targets.max()} ({targets.dtype}); "
            f"they must be integers from 0 to {S - 1}"
        )
    _require_involution(task)
    if not 0 < task.chance < 1:
        raise InvalidInputError(f"{task.words} is guessed with probability {task.chance}")
    if task.gives == "features":
        if not np.issubdtype(inputs.dtype, np.floating) or not np.isfinite(inputs).all():
            raise InvalidInputError(
                f"{task.words} has features of {inputs.dtype}; they must be finite real numbers"
            )
        inputs = inputs.astype(np.float64)
    else:
        V = S if task.gives == "operands" else task.num_tokens
        if task.gives == "operands" and inputs.shape[1] != 2:
            raise InvalidInputError(
                f"{task.words} gives {inputs.shape[1]} operands; there must be two: give tokens"
            )
        if not np.issubdtype(inputs.dtype, np.integer) or inputs.min() < 0 or inputs.max() >= V:
            raise InvalidInputError(
                f"{task.words} has {task.gives} from {inputs.min()} to {inputs.max()} "
                f"({inputs.dtype}); they must be integers from 0 to {V - 1}"
            )
        inputs = inputs.astype(np.int64)
    return Examples(inputs=inputs, targets=targets.astype(np.int64))


def _require_involution(task: TaskBase) -> None:
    """Compare the mirror images of a task with what they must be.

    Raises:
        InvalidInputError: They are no indices, or the image of an image is another example.
    """
    mirror, N = task.mirror, task.num_examples
    if mirror is None:
        return
    held = np.asarray(mirror)
    if (
        held.shape != (N,)
        or not np.issubdtype(held.dtype, np.integer)
        or held.min() < -1
        or held.max() >= N
        or (held[held[held >= 0]] != np.flatnonzero(held >= 0)).any()
    ):
        raise InvalidInputError(
            f"{task.words} has mirror images {held.dtype} of shape {held.shape}; they must be "
            f"({N},) integers from -1 to {N - 1}, and the image of an image the example itself"
        )
