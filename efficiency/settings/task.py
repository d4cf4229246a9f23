"""What is learned."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from efficiency import operations
from efficiency.settings.base import Settings


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
