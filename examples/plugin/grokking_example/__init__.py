"""Importing the modules registers what they add."""

from grokking_example import figure, network, operation, prediction

__all__ = ["figure", "network", "operation", "prediction"]
