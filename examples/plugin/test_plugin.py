"""The package keeps to what the testbed asks of plug-ins."""

import grokking_example  # noqa: F401 - registers
from grokking_example.prediction import FasterFit

from predictions.testing import (
    check_engine,
    check_measure,
    check_network,
    check_operation,
    check_prediction,
    check_task,
    finished,
)


def test_the_operation_is_what_it_says():
    check_operation("weighted-sum")


def test_the_network_trains():
    check_network("product", gain=0.5)


def test_the_engine_trains_as_others_do():
    check_engine("one-by-one")


def test_the_measure_is_a_number():
    check_measure("imbalance")


def test_the_task_is_learned():
    check_task("sparse-parity", num_bits=6)


def world(ratio):
    """Return runs in which the larger rate fits sooner by a ratio that varies between seeds."""
    cells, found = FasterFit().cells("quick"), []
    for slow, fast in zip(cells[::2], cells[1::2], strict=True):
        steps = 100 * (ratio + 0.01 * (slow.seed % 10))
        found += [finished(slow, step_fitted=steps), finished(fast, step_fitted=100)]
    return found


def test_the_rule_knows_a_true_world_from_a_false_one():
    check_prediction(FasterFit(), true=world(1.8), false=world(0.5))
