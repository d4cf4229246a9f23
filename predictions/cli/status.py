"""What a store holds for each prediction and size, what is missing, and what that would cost."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError
from rich.table import Table

from efficiency.errors import InvalidInputError
from predictions.cli.printing import terminal
from predictions.cli.progress import estimated
from predictions.cli.running import problem_of
from predictions.foretold import knowing
from predictions.protocol import Prediction
from predictions.sizes import Size
from predictions.trainer import NetworkTrainer
from runs import Document, Store, StoreError, estimated_seconds, generations

MOST_LINES = 8
"""Ensembles that are told of one by one."""

_OTHERS = (
    "Other operations, networks and seeds are counted with --operation, --network and --first-seed."
)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One prediction at one size.

    Attributes:
        prediction: Its name.
        size: The size.
        runs: Runs of the design, with those that they continue.
        in_store: Those that are there and whole.
        damaged: Those that are there and damaged.
        missing: Those that are not there.
        open_seeds: Seeds of which something is to be foretold before all of their runs are known.
        seconds: Estimated time to train what is missing, on this machine's CPU.
    """

    prediction: str
    size: Size
    runs: int
    in_store: int
    damaged: int
    missing: int
    open_seeds: int
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the row as JSON types."""
        return asdict(self)


def status_of(
    store: Store, predictions: Sequence[Prediction], size: Size | None, seeds: int | None
) -> tuple[list[Row], int]:
    """Return a row for each prediction that has runs: at a size, or at all that the store has.

    A prediction that fails takes nothing from the others: its trace is shown, or what is wrong with
    it. Where nothing is left to be told, what is wrong is an error.

    Args:
        store: The store.
        predictions: The predictions.
        size: The size, ``None`` for all.
        seeds: Independent networks; ``None`` for the number fixed in each design.

    Returns:
        The rows, and how many predictions failed.
    """
    trainer = NetworkTrainer("cpu")
    rows: list[Row] = []
    refused: dict[str, InvalidInputError | ValidationError] = {}
    failed = 0
    for prediction in predictions:
        try:
            found = [
                _row(store, trainer, prediction, one, seeds, asked=size is not None)
                for one in (prediction.sizes if size is None else (size,))
            ]
        except StoreError:
            raise
        except (InvalidInputError, ValidationError) as error:
            refused[prediction.name] = error
        except Exception:
            _LOG.error("%s does not say what it needs:", prediction.name, exc_info=True)
            failed += 1
        else:
            rows += [row for row in found if row is not None]
    if refused and not rows:
        raise next(iter(refused.values()))
    for name, why in refused.items():
        print(f"{name} is left out: {why}", file=sys.stderr)
    return rows, failed + len(refused)


def _row(
    store: Store,
    trainer: NetworkTrainer,
    prediction: Prediction,
    size: Size,
    seeds: int | None,
    *,
    asked: bool,
) -> Row | None:
    """Return the row of a prediction, ``None`` if it trains nothing, or nothing of it is there.

    Args:
        store: The store.
        trainer: For the estimate.
        prediction: The prediction.
        size: The size.
        seeds: Independent networks.
        asked: Whether this size was asked for: it has a row if nothing of it is there, too. An
            operation need not be defined at every size.
    """
    try:
        prediction = knowing(prediction, size, store, seeds)
        documents = [settings.document() for settings in prediction.settings(size, seeds)]
    except (InvalidInputError, ValidationError):
        if asked:
            raise
        return None
    levels = generations(documents)
    states = {run: _state(store, run, d) for level in levels for run, d in level.items()}
    counts = [*states.values()]
    if not counts or (not asked and counts.count("missing") == len(counts)):
        return None  # before the estimate, which takes longer than all else
    missing = [[d for run, d in level.items() if states[run] == "missing"] for level in levels]
    return Row(
        prediction=prediction.name,
        size=size,
        runs=len(counts),
        in_store=counts.count("in store"),
        damaged=counts.count("damaged"),
        missing=counts.count("missing"),
        open_seeds=len(prediction.open_seeds(size, seeds)),
        seconds=_seconds(missing, trainer),
    )


def _state(store: Store, run: str, document: Document) -> str:
    if problem_of(store, run, document) is not None:
        return "damaged"
    return "in store" if store.has(run) else "missing"


def _seconds(levels: Sequence[Sequence[Document]], trainer: NetworkTrainer) -> float:
    packed = [[[level[i] for i in group] for group in trainer.pack(level)] for level in levels]
    return estimated_seconds(packed, trainer)


def print_status(rows: Sequence[Row], now: Sequence[str] = ()) -> None:
    """Print a table; nothing but a word if there is nothing.

    Args:
        rows: Its rows.
        now: Lines that say what trains.
    """
    console = terminal()
    for line in now:
        console.print(line, highlight=False)
    if not rows:
        console.print(
            f"no run of these predictions is in the store. {_OTHERS} "
            "`predictions export FILE` writes all runs that are there."
        )
        return
    table = Table("prediction", "size", "runs", "in the store", "damaged", "missing", "would take")
    for row in rows:
        counts = map(str, (row.runs, row.in_store, row.damaged, row.missing))
        time = estimated(row.seconds) if row.missing else ""
        more = " and what follows" if row.open_seeds else ""
        table.add_row(row.prediction, row.size, *counts, time + more)
    console.print(table)
    console.print(
        f"Predictions share runs; each row counts all of its own. {_OTHERS}",
        highlight=False,
    )
