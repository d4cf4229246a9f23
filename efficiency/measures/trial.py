"""The trial of measures that are not ours, before anything is trained that they shall read."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from efficiency import networks
from efficiency.measures.base import MEASURES, Measure, Reading, value_of
from efficiency.settings import RunSettings

OURS = "efficiency"
"""The package whose measures its tests have tried."""


def _is_ours(measure: Measure) -> bool:
    module: str = getattr(measure.read, "__module__", "")
    return module.partition(".")[0] == OURS


def try_out(runs: Iterable[RunSettings]) -> None:
    """Let each measure of others read one untrained network of each kind that it shall read.

    Raises:
        InvalidInputError: One fails, or says what is no number.
    """
    one_of_each = {
        (name, run.task, run.network): run
        for run in runs
        for name in run.recording.measures or ()
        if not _is_ours(MEASURES.find(name))
    }
    for (name, task, kind), run in one_of_each.items():
        network = networks.network(task, kind).to(kind.dtype)
        network.initialise(torch.Generator().manual_seed(0))
        weights = {key: value.detach() for key, value in network.named_parameters()}
        value_of(MEASURES.find(name), Reading(run, weights))
