"""The trial of measures that are not ours, before anything is trained that they shall read."""

from __future__ import annotations

from collections.abc import Iterable

from efficiency.measures.base import MEASURES, Measure, Reading, value_of
from efficiency.settings import RunSettings
from efficiency.training.ensemble import initial_weights, part_masks

OURS = "efficiency"
"""The package whose measures its tests have tried."""


def _is_ours(measure: Measure) -> bool:
    module: str = getattr(measure.read, "__module__", "")
    return module.partition(".")[0] == OURS


def try_out(runs: Iterable[RunSettings]) -> None:
    """Let each measure of others read one untrained network of each kind that it shall read.

    Networks that are trained on begin with what they know: a measure may be defined of that alone,
    so that it is not tried on them here.

    Raises:
        InvalidInputError: One fails, or says what is no number.
    """
    one_of_each = {
        (name, run.task, run.network, _empty(run)): run
        for run in runs
        if run.start is None
        for name in run.recording.measures or ()
        if not _is_ours(MEASURES.find(name))
    }
    for (name, *_), run in one_of_each.items():
        value_of(MEASURES.find(name), Reading(run, initial_weights(run)))


def _empty(run: RunSettings) -> tuple[str, ...]:
    """Return the parts of a run's examples that have none."""
    return tuple(part for part, mask_N in part_masks(run).items() if not mask_N.any())
