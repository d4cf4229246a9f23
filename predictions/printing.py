"""Verdicts on standard output."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from predictions import family
from predictions.protocol import Prediction, Verdict

if TYPE_CHECKING:
    from predictions.running import Commands

MOST_NOTES = 3
"""Notes on each verdict that are printed where there are several verdicts."""


def print_verdicts(
    verdicts: Sequence[Verdict],
    predictions: Sequence[Prediction],
    *,
    json: bool,
    commands: Commands,
) -> None:
    """Print verdicts, for a reader or as JSON; the numbers of one alone, a table of several.

    Args:
        verdicts: The verdicts.
        predictions: That of each.
        json: Whether to print JSON.
        commands: Those that a reader may want next.
    """
    if json:
        documents = [verdict.document() for verdict in verdicts]
        print(json_module.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 110  # a file has no edge to wrap at
    told: set[str] = set()
    for verdict in verdicts:
        console.print(
            f"[bold]{verdict.prediction}[/bold] ({verdict.size}"
            f"{' ' + escape(verdict.options) if verdict.options else ''}): "
            f"[bold]{verdict.outcome.upper()}[/bold]. {escape(verdict.sentence)}",
            highlight=False,
            soft_wrap=not console.is_terminal,
        )
        if verdict.next_command is not None:
            console.print(
                f"to go on: {commands.going_on(verdict.next_command)}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
        if len(verdicts) > 1:
            notes = [note for note in verdict.notes if note not in told]
            told.update(notes)
            for note in notes[:MOST_NOTES]:
                console.print(f"  note: {note}", highlight=False, markup=False, soft_wrap=True)
            if (more := len(notes) - MOST_NOTES) > 0:
                console.print(
                    f"  and {more} more: {commands.judging(verdict)}",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            continue
        table = Table("number", "value", "95% interval", "n", "unit", "status")
        for column in table.columns:
            column.overflow = "fold"
        for name, number in verdict.numbers.items():
            table.add_row(name, *number.texts().values())
        if verdict.numbers:
            console.print(table)
        for note in verdict.notes:
            console.print(
                f"note: {note}",
                highlight=False,
                markup=False,
                soft_wrap=not console.is_terminal,
            )
    if len(verdicts) > 1:
        _print_table(console, family.rows(verdicts, predictions))


def _print_table(console: Console, rows: Sequence[family.Row]) -> None:
    """Print all verdicts side by side."""
    table = Table("prediction", "outcome", "number", "value", "95% interval", "n", "p, Holm")
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(
            row.name, row.outcome, row.number, row.value, row.interval, row.n, row.adjusted
        )
    console.print(table)
