"""What is in training, in words and curves, as far as its last checkpoint tells."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from efficiency.settings import RunSettings
from efficiency.training.recording import history_until
from predictions.judging import plural
from predictions.report.run_details import curves
from runs.execution.checkpoints import part_of
from runs.execution.underway import Underway
from runs.execution.workplaces import in_words

_LOG = logging.getLogger(__name__)

MOST_MEMBERS = 24
"""Curves in one picture."""

PANELS = {
    title: {column: title}
    for title, column in {
        "accuracy on novel pairs": "novel_accuracy",
        "accuracy on test examples": "test_accuracy",
        "accuracy on training examples": "train_accuracy",
        "norm of the weights": "norm",
    }.items()
}
"""Pictures, each with one quantity of all networks."""


def members_of(group: Underway) -> list[RunSettings]:
    """Return the runs of a group; none if they are not understood.

    They may be of another version, or of a module of somebody's that fails or is not there: that
    takes nothing from other groups.
    """
    try:
        return [RunSettings.from_document(document) for document in group.documents]
    except Exception as error:
        _LOG.debug("%s is not understood: %r", group.folder.name, error)
        return []


def in_a_line(group: Underway) -> str:
    """Return what a group is, how far it has come, and who has it."""
    members = members_of(group)
    if not members:
        return f"an ensemble that is not understood here ({group.folder.name})"
    who = in_words([group.by]) if group.held else "left; the next to train it goes on"
    of = (
        ("D", [run.dataset_size for run in members]),
        ("λ", [run.optimiser.weight_decay for run in members]),
        ("seed", [run.data_seed for run in members]),
    )
    which = ", ".join(f"{name} {_range(values)}" for name, values in of)
    what = f"{plural(len(members), 'network')}, {members[0].task.words}, {which}"
    steps = f"step {group.step:,} of {members[0].num_steps:,}"  # an ensemble is of one length
    return f"{what}: {steps} at the last checkpoint ({who})"


def _range(values: Sequence[float]) -> str:
    # Whole numbers have all of their digits: a seed is a name.
    low, high = (f"{v:g}" if isinstance(v, float) else str(v) for v in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def curves_of(group: Underway) -> dict[str, Any]:
    """Return ``steps`` and ``panels``, a curve for each network; empty without a checkpoint."""
    members = members_of(group)[:MOST_MEMBERS]
    found = part_of(group.folder, "history", group.documents)
    if not members or found is None:
        return {}
    step, values_RQK = found
    panels: dict[str, list[list[float | None]]] = {}
    steps: list[int] = []
    for k, run in enumerate(members):
        shown = curves(history_until(step, run, values_RQK[:, :, k]), PANELS)
        steps = shown["steps"]
        for title, named in shown["panels"].items():
            panels.setdefault(title, []).append(named[title])
    return {"steps": steps, "panels": panels}
