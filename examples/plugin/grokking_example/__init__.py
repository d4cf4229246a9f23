"""Importing the modules registers what they add."""

from grokking_example import figure, network, operation, prediction, task

__all__ = ["figure", "network", "operation", "prediction", "task"]
