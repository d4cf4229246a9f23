"""``python -m predictions``."""

from predictions.command import predictions

predictions()
