"""What of a design file changes a run, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from efficiency.settings import RunSettings
from predictions.design_files import GROUND, DesignFile
from predictions.grounds import GROUNDS, ground_table
from predictions.protocol import Prediction


def without_effect(file: DesignFile, chosen: Sequence[Prediction]) -> list[str]:
    """Return which tables and values of a design file change no run of these predictions.

    They may well be meant for others, which the same file asks. What the size has anyway is not
    counted.
    """
    read = {part.name for prediction in chosen for part in prediction.parts} | {GROUND}
    usual = [type(one)(replace(one.variant, design=None)).settings(file.size) for one in chosen]
    asked = [one.settings(file.size) for one in chosen]
    found = []
    for name, table in file.tables.items():
        if name not in read:
            found.append(f"[{name}]")
            continue
        for value in table:
            if _is_usual(file, name, value, chosen):
                continue
            less, alone = file.without(name, value), file.with_only(name, value)
            if _settings_by(less, chosen) == asked and _settings_by(alone, chosen) == usual:
                found.append(f"{value} of [{name}]")
    return found


def _settings_by(file: DesignFile, chosen: Sequence[Prediction]) -> list[list[RunSettings]] | None:
    """Return the runs that a file asks for; ``None`` if it is no design."""
    try:
        return [type(p)(replace(p.variant, design=file)).settings(file.size) for p in chosen]
    except ValueError:
        return None


def _is_usual(file: DesignFile, table: str, value: str, chosen: Sequence[Prediction]) -> bool:
    """Return whether a value is the one that the size has: then it may stand there."""
    usual = GROUNDS[file.size]
    held = ground_table(usual)
    if table != GROUND:
        held = next(p.table(usual) for one in chosen for p in one.parts if p.name == table)
    given = file.tables[table][value]
    if isinstance(given, dict):
        return bool(held[value] | given == held[value])
    return bool(held[value] == given)
