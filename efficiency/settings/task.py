"""What is learned: tables of operations, and any other task by the name of its kind.

Shapes: N pairs of a table, S symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, SerializeAsAny, create_model, model_validator

from efficiency import operations, tasks
from efficiency.errors import InvalidInputError
from efficiency.operations import IntArray, Table
from efficiency.registry import Registry
from efficiency.settings.task_base import Examples, Inputs, TaskBase


class TaskSettings(TaskBase):
    """A binary operation on a finite set: its examples are the pairs of its table.

    Args:
        operation: A name from ``efficiency.operations.OPERATIONS``.
        size: The modulus p, or n for an operation on the permutations of n things.
    """

    gives: ClassVar[Inputs] = "operands"

    operation: str = "addition"
    size: int = 113

    @model_validator(mode="after")
    def _the_operation_is_defined_here(self) -> Self:
        operations.check(self.operation, self.size)
        return self

    @property
    def num_examples(self) -> int:
        """N, the pairs of the table."""
        return operations.find(self.operation).num_pairs(self.size)

    @property
    def num_classes(self) -> int:
        """S, the symbols of the set."""
        return operations.find(self.operation).num_symbols(self.size)

    @property
    def words(self) -> str:
        """See ``TaskBase``."""
        return f"{self.operation} at size {self.size}"

    @property
    def table(self) -> Table:
        """All examples with their answers, pairs in row-major order."""
        return tasks.table(self.operation, self.size)

    def build(self) -> Examples:
        """See ``TaskBase``."""
        table = self.table
        return Examples(
            inputs=np.stack([table.left, table.right], axis=1), targets=table.answer[:, None]
        )

    @property
    def num_inputs(self) -> int:
        """Two operands."""
        return 2

    @property
    def has_mirrors(self) -> bool:
        """Whether a∘b = b∘a everywhere."""
        return operations.find(self.operation).commutes

    @property
    def mirror(self) -> IntArray | None:
        """(N,) the index of (b, a) for each pair (a, b); ``None`` unless a∘b = b∘a everywhere."""
        return tasks.mirror(self.operation, self.size)

    @property
    def differences(self) -> IntArray | None:
        """(S, S) labels of (answer, class), see ``Operation``; ``None`` where there are none."""
        return tasks.differences(self.operation, self.size)

    def meaning(self) -> Mapping[str, npt.NDArray[Any] | None]:
        """Return every pair and answer, which are mirror images, and the differences of classes."""
        table = self.table
        return {
            "left": table.left,
            "right": table.right,
            "answer": table.answer,
            "mirror": self.mirror,
            "differences": self.differences,
        }


def _of_module(name: str, thing: Any) -> type[TaskBase]:
    """Return the kind of tasks that a module has under a name."""
    if not (isinstance(thing, type) and issubclass(thing, TaskBase)):
        raise InvalidInputError(
            f"{name!r} is no kind of tasks; it must be a class like efficiency.settings.TaskBase"
        )
    return _named(name, thing)


def _named(name: str, kind: type[TaskBase]) -> type[TaskBase]:
    fixed: Any = Literal[name]
    return create_model(kind.__name__, __base__=kind, kind=(fixed, name))


TASKS: Registry[type[TaskBase]] = Registry("task", _of_module)
"""The kinds of tasks beside tables of operations, which are described without a kind."""


def register(name: str, kind: type[TaskBase]) -> type[TaskBase]:
    """Give a name to a kind of tasks; return the class that has it as its ``kind``.

    Raises:
        InvalidInputError: It is none, or another has this name.
    """
    if name in TASKS and kind in TASKS[name].__mro__:
        return TASKS[name]
    return TASKS.register(name, _of_module(name, kind))


def _any_task(value: Any) -> Any:
    """Return a task of any kind from what describes it."""
    if isinstance(value, TaskBase) and type(value) is not TaskSettings:
        name = getattr(value, "kind", None)
        if name is None or type(value) is not TASKS.find(name):
            raise InvalidInputError(
                f"{type(value).__name__} has no name to be found by again; use the class that "
                "efficiency.settings.task.register returns, or TASKS.find('mymodule:MyTask')"
            )
    if not isinstance(value, Mapping):
        return value
    name = value.get("kind")
    if name is None:
        return TaskSettings.model_validate(value)
    if not isinstance(name, str):
        raise InvalidInputError(f"kind = {name!r}; choose from {', '.join(sorted(TASKS))}")
    return TASKS.find(name).model_validate(value)


AnyTask = Annotated[TaskBase, BeforeValidator(_any_task), SerializeAsAny()]
"""Any task; ``kind`` says which, none is a table's."""
