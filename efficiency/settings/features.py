"""Tasks whose examples are real numbers."""

from __future__ import annotations

from typing import ClassVar, Literal

from efficiency.settings.task import TASKS
from efficiency.settings.task_base import Examples, Inputs, TaskBase


class HandwrittenDigitsSettings(TaskBase):
    """The 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn.

    Pixels are divided by 16 and lie in [0, 1]. (Alpaydin and Kaynak 1998, *Optical Recognition of
    Handwritten Digits*, UCI Machine Learning Repository; its test set.)
    """

    gives: ClassVar[Inputs] = "features"

    kind: Literal["handwritten-digits"] = "handwritten-digits"

    @property
    def num_examples(self) -> int:
        """N."""
        return 1797

    @property
    def num_classes(self) -> int:
        """Ten digits."""
        return 10

    @property
    def num_inputs(self) -> int:
        """F, the pixels of an image."""
        return 64

    def build(self) -> Examples:
        """See ``TaskBase``."""
        from sklearn.datasets import load_digits  # noqa: PLC0415 - half a second

        pixels, digits = load_digits(return_X_y=True)
        return Examples(inputs=pixels / 16, targets=digits[:, None])


TASKS.register("handwritten-digits", HandwrittenDigitsSettings)
