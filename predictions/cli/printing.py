"""Verdicts on standard output."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from predictions import labelled
from predictions import multiplicity as family
from predictions.protocol import Prediction
from predictions.verdicts import Verdict

if TYPE_CHECKING:
    from predictions.cli.running import Commands

MOST_NOTES = 3
"""Notes on each verdict that are printed where there are several verdicts."""


def terminal() -> Console:
    """Return where tables are printed; a file has no edge to wrap at."""
    found = Console()
    if not found.is_terminal:
        found.width = 110
    return found


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
    console = terminal()
    told: set[str] = set()
    rows = family.rows(verdicts, predictions)
    for verdict, row in zip(verdicts, rows, strict=True):
        _print_outcome(console, verdict, row, commands)
        if len(verdicts) > 1:
            _print_some_notes(console, verdict, told, commands)
        else:
            _print_numbers(console, verdict)
    if len(verdicts) > 1:
        _print_table(console, rows)


def _print_outcome(console: Console, verdict: Verdict, row: family.Row, commands: Commands) -> None:
    """Print what a verdict says, which look it is, and what may be done next."""
    among = "" if row.outcome == row.alone else f", {row.outcome} among these predictions"
    console.print(
        f"[bold]{verdict.prediction}[/bold] ({verdict.size}"
        f"{' ' + escape(verdict.options) if verdict.options else ''}): "
        f"[bold]{verdict.outcome.upper()}[/bold]{among}. {escape(verdict.sentence)}",
        highlight=False,
        soft_wrap=not console.is_terminal,
    )
    if verdict.look is not None:
        console.print(str(verdict.look), highlight=False, markup=False, soft_wrap=True)
    if verdict.next_command is not None:
        console.print(
            f"to go on: {commands.going_on(verdict.next_command)}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )


def _print_some_notes(
    console: Console, verdict: Verdict, told: set[str], commands: Commands
) -> None:
    """Print the first notes of a verdict that none before it had."""
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


def _print_numbers(console: Console, verdict: Verdict) -> None:
    """Print every number of a verdict, and every note."""
    table = Table("number", "value", "95% interval", "n", "unit", "status")
    for column in table.columns:
        column.overflow = "fold"
    for name, number in verdict.numbers.items():
        table.add_row(labelled.told(name), *number.texts().values())
    if verdict.p_value is not None and verdict.p_refuted is not None:
        console.print(f"p {verdict.p_value:.2g} for the claim, {verdict.p_refuted:.2g} against it")
    if verdict.numbers:
        console.print(table)
    for note in verdict.notes:
        console.print(
            f"note: {note}", highlight=False, markup=False, soft_wrap=not console.is_terminal
        )


def print_plans(plans: Sequence[Mapping[str, Any]]) -> None:
    """Print the plans of a store and the looks at them, see ``predictions.looks.described``."""
    console = terminal()
    if not plans:
        console.print("nothing was planned in this store: its verdicts are exploratory")
        return
    table = Table("prediction", "size", "planned, UTC", "looks at seeds", "before", "looks taken")
    for column in table.columns:
        column.overflow = "fold"
    for one in plans:
        taken = [
            f"{look['seeds']}: "
            + ", ".join(
                f"p {look[key]:.2g} {side}"
                for key, side in (("p_value", "for"), ("p_refuted", "against"))
                if look[key] is not None
            )
            for look in one["taken"]
        ]
        before = [f"{one['runs_there_before']} runs"] * bool(one["runs_there_before"])
        before += ["another plan"] * bool(one["plans_before"])
        table.add_row(
            one["prediction"],
            f"{one['size']} {one['options']}".strip(),
            one["made"][:19].replace("T", " "),
            ", ".join(map(str, one["looks"])),
            " and ".join(before),
            "\n".join(taken),
        )
    console.print(table)
    console.print(
        "p of each look alone. Runs, or another plan with looks, that were there before a plan "
        "make its verdicts exploratory, and so do the seeds of the designs; see each verdict.",
        highlight=False,
    )


def print_foretold(found: Sequence[Mapping[str, Any]]) -> None:
    """Print what was foretold in a store, see ``predictions.foretold.described``."""
    console = terminal()
    if not found:
        console.print("nothing was foretold in this store: only designs in stages do")
        return
    table = Table("of", "size", "seed", "after", "written down, UTC", "there before", "foretold")
    for column in table.columns:
        column.overflow = "fold"
    for one in found:
        before = one["runs_there_before"]
        table.add_row(
            one["question"],
            " ".join([one["size"], *one["options"]]),
            str(one["seed"]),
            one["stage"],
            one["made"][:19].replace("T", " "),
            f"{before} runs" if before else "",
            ", ".join(
                f"{name.replace('_', ' ')} {value}"
                for name, value in one["foretold"].items()
                if value is not None and not isinstance(value, dict)
            )
            or "nothing",
        )
    console.print(table)
    console.print(
        "There before: runs that should follow from it, and make verdicts exploratory.",
        highlight=False,
    )


def _print_table(console: Console, rows: Sequence[family.Row]) -> None:
    """Print all verdicts side by side."""
    table = Table(
        "prediction", "outcome", "alone", "number", "value", "95% interval", "n", "p, corrected"
    )
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(
            row.name,
            row.outcome,
            row.alone,
            row.number,
            row.value,
            row.interval,
            row.n,
            row.corrected,
        )
    console.print(table)
    console.print(family.EXPLAINED, highlight=False, markup=False)
