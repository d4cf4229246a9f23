"""Verdicts on standard output."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from predictions.protocol import Verdict


def print_verdicts(verdicts: Sequence[Verdict], *, json: bool) -> None:
    """Print verdicts with their numbers, for a reader or as JSON."""
    if json:
        documents = [verdict.document() for verdict in verdicts]
        print(json_module.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = 110  # a file has no edge to wrap at
    for verdict in verdicts:
        console.print(
            f"[bold]{verdict.prediction}[/bold] ({verdict.size}): "
            f"[bold]{verdict.outcome.upper()}[/bold]. {verdict.sentence}",
            highlight=False,
            soft_wrap=not console.is_terminal,
        )
        table = Table("number", "value", "95% interval", "n", "unit", "status")
        for column in table.columns:
            column.overflow = "fold"
        for name, number in verdict.numbers.items():
            table.add_row(name, *number.texts().values())
        if verdict.numbers:
            console.print(table)
        for note in (note for note in verdict.notes if note not in verdict.sentence):
            console.print(f"note: {note}", highlight=False, soft_wrap=not console.is_terminal)
