"""Measures that a run can be asked to record: ``RecordingSettings(measures=("smallest-margin",))``.

To add one: a function from a ``Reading`` to a number under ``@recorded``; or name it
``mymodule:function`` and register nothing.
"""

from __future__ import annotations

from efficiency.measures import (
    arithmetic,
    circuits,
    induction,
    progress,
    representation,
    spectra,
)
from efficiency.measures.base import MEASURES, Measure, Reading, recorded, value_of
from efficiency.measures.trial import try_out

__all__ = [
    "MEASURES",
    "Measure",
    "Reading",
    "arithmetic",
    "circuits",
    "induction",
    "progress",
    "recorded",
    "representation",
    "spectra",
    "try_out",
    "value_of",
]
