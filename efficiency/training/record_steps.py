"""At which steps a run is measured, and at which its weights are kept."""

from __future__ import annotations

import numpy as np

from efficiency.settings import RecordingSettings


def recorded_steps(recording: RecordingSettings, num_steps: int) -> list[int]:
    """Return the steps at which a run is measured: 0, log-spaced ones, even ones, ``num_steps``.

    And those of a list of snapshots. Apart from these their number is at most
    ``num_log + num_even + 1``, whatever the length of the run.
    """
    asked = recording.snapshots if isinstance(recording.snapshots, tuple) else ()
    return sorted({*_log(recording, num_steps), *_even(recording, num_steps), *asked})


def snapshot_steps(recording: RecordingSettings, num_steps: int) -> list[int]:
    """Return the steps at which all weights are kept, none unless asked for."""
    if recording.snapshots is None:
        return []
    if isinstance(recording.snapshots, tuple):
        return sorted(set(recording.snapshots))
    spaced = {"log": _log, "even": _even}[recording.snapshots]
    return sorted({0, *spaced(recording, num_steps), num_steps})


def _log(recording: RecordingSettings, num_steps: int) -> list[int]:
    log = np.geomspace(1, num_steps, recording.num_log) if recording.num_log else np.array([])
    return [int(step) for step in np.rint(log)]


def _even(recording: RecordingSettings, num_steps: int) -> list[int]:
    return [int(step) for step in np.rint(np.linspace(0, num_steps, recording.num_even + 1))]
