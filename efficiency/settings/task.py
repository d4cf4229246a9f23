"""What is learned."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from efficiency import operations, tasks
from efficiency.operations import IntArray, Table
from efficiency.settings.base import Settings

BoolArray = npt.NDArray[np.bool_]


class TaskSettings(Settings):
    """A binary operation on a finite set.

    Args:
        operation: A name from ``efficiency.operations.OPERATIONS``.
        size: The modulus p, or n for an operation on the permutations of n things.
    """

    operation: str = "addition"
    size: int = 113

    @model_validator(mode="after")
    def _the_operation_is_defined_here(self) -> Self:
        operations.check(self.operation, self.size)
        return self

    @property
    def num_examples(self) -> int:
        """N, all examples that there are: the pairs of the table."""
        return operations.find(self.operation).num_pairs(self.size)

    @property
    def num_classes(self) -> int:
        """S, the possible answers."""
        return operations.find(self.operation).num_symbols(self.size)

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return 1 / self.num_classes

    @property
    def halfway(self) -> float:
        """The accuracy half-way from chance to 1."""
        return (1 + self.chance) / 2

    @property
    def table(self) -> Table:
        """All examples with their answers, pairs in row-major order."""
        return tasks.table(self.operation, self.size)

    @property
    def mirror(self) -> IntArray | None:
        """(N,) the index of (b, a) for each pair (a, b); ``None`` unless a∘b = b∘a everywhere."""
        return tasks.mirror(self.operation, self.size)

    @property
    def differences(self) -> IntArray | None:
        """(S, S) labels of (answer, class), see ``Operation``; ``None`` where there are none."""
        return tasks.differences(self.operation, self.size)

    def novel(self, trained_N: BoolArray) -> BoolArray:
        """Return (N,) booleans: pairs not trained on, and their mirror images neither.

        Args:
            trained_N: Which pairs are trained on.
        """
        mirror = self.mirror
        return ~trained_N if mirror is None else ~(trained_N | trained_N[mirror])

    def split(self, dataset_size: int, data_seed: int) -> tuple[IntArray, IntArray]:
        """Return the indices trained on, (D,), and the rest, (N − D,)."""
        return tasks.split(self.num_examples, dataset_size, data_seed)
