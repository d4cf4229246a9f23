"""Addition of whole numbers, the task of Liu et al. (2022)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from efficiency.settings.task import TASKS
from efficiency.settings.task_base import Examples, Inputs, TaskBase


class WholeNumberAdditionSettings(TaskBase):
    """a + b of whole numbers from 0 to p − 1, without a modulus, each unordered pair once.

    Liu et al. 2022, *Towards understanding grokking*, section 2. N = p(p + 1)/2 examples, a ≤ b,
    and S = 2p − 1 sums. No example has a mirror image: it would be itself.

    Args:
        size: p.
    """

    gives: ClassVar[Inputs] = "operands"

    kind: Literal["whole-number-addition"] = "whole-number-addition"
    size: int = Field(default=10, ge=3, le=200)

    @property
    def num_examples(self) -> int:
        """N."""
        return self.size * (self.size + 1) // 2

    @property
    def num_classes(self) -> int:
        """S, the sums."""
        return 2 * self.size - 1

    @property
    def num_tokens(self) -> int:
        """V = p operands."""
        return self.size

    @property
    def words(self) -> str:
        """See ``TaskBase``."""
        return f"addition of whole numbers below {self.size}"

    def build(self) -> Examples:
        """See ``TaskBase``."""
        pairs = np.stack(np.triu_indices(self.size), axis=1)
        return Examples(inputs=pairs, targets=pairs.sum(axis=1, keepdims=True))


TASKS.register("whole-number-addition", WholeNumberAdditionSettings)
