"""Sparse parity, a task that is no table: real numbers in, one answer out."""

from typing import ClassVar

import numpy as np

from efficiency.settings import Examples, TaskBase
from efficiency.settings.task import register


class SparseParity(TaskBase):
    """The parity of the first few of n signs; its examples are all 2ⁿ of them."""

    gives: ClassVar = "features"
    num_classes: ClassVar = 2

    num_bits: int = 10
    num_relevant: int = 3

    @property
    def num_examples(self):
        """N."""
        return 2**self.num_bits

    def build(self):
        """Return all signs and the parity of the relevant ones."""
        bits = np.arange(self.num_examples)[:, None] >> np.arange(self.num_bits) & 1
        parity = bits[:, : self.num_relevant].sum(1, keepdims=True) % 2
        return Examples(inputs=1.0 - 2 * bits, targets=parity)


SparseParity = register("sparse-parity", SparseParity)
