"""What everything of another package must do, to be called from its tests.

Each function raises ``AssertionError`` with a sentence, as a test wants it.
"""

from predictions.testing.claims import check_prediction, finished
from predictions.testing.engines import check_engine
from predictions.testing.parts import check_measure, check_network, check_operation, check_task

__all__ = [
    "check_engine",
    "check_measure",
    "check_network",
    "check_operation",
    "check_prediction",
    "check_task",
    "finished",
]
