"""Importing the modules registers what they add."""

from grokking_example import engine, figure, measure, network, operation, prediction, task

__all__ = ["engine", "figure", "measure", "network", "operation", "prediction", "task"]
