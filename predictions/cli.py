"""The command line. It prints; everything it says comes from elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, Token
from cyclopts.validators import Number

# torch and friends take seconds to import: every command imports what it needs, so that --help
# answers at once.
if TYPE_CHECKING:
    from predictions.protocol import Prediction, Size, Verdict
    from runs import Store

SizeName = Literal["smoke", "quick", "standard", "paper"]
SizeOption = Annotated[SizeName, Parameter(help="How large an experiment.")]


def _whole_number(kind: object, tokens: Sequence[Token]) -> int:
    """Convert to an integer and never round."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is not a whole number") from None


def _folder(kind: object, tokens: Sequence[Token]) -> Path:
    """Convert to a path; an empty one is an unset variable, not the current folder."""
    if not tokens[0].value:
        raise ValueError("the name of a folder is empty; give one")
    return Path(tokens[0].value)


SeedsOption = Annotated[
    int | None,
    Parameter(
        help="Independent networks; default: as many as the design fixes.", converter=_whole_number
    ),
]
StoreOption = Annotated[Path, Parameter(help="Folder of finished runs.", converter=_folder)]
OutOption = Annotated[Path, Parameter(help="Folder for reports.", converter=_folder)]
JsonOption = Annotated[bool, Parameter(negative=(), help="Print JSON on standard output.")]

USAGE_ERROR = 2
INTERRUPTED = 130

app = App(
    name="predictions",
    help="Test the circuit-efficiency theory of grokking on real training.",
    version=lambda: importlib.metadata.version("circuit-efficiency"),
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


@app.command(name="list")
def list_predictions() -> int:
    """List the predictions."""
    from predictions.registry import PREDICTIONS

    for prediction in PREDICTIONS.values():
        print(f"{prediction.name:16}{prediction.claim}")
    return 0


@app.command
def show(*names: str, size: SizeOption = "quick", seeds: SeedsOption = None) -> int:
    """Show a prediction: claim, design, rule, what would refute it, cost.

    Parameters
    ----------
    names:
        The predictions, or "all".
    """
    from predictions.showing import print_prediction

    chosen = _chosen(names)
    for prediction in chosen:
        if len(chosen) > 1:
            print(f"{prediction.name}\n{'=' * len(prediction.name)}\n")
        print_prediction(prediction, size, seeds)
    return 0


@app.command
def table(
    operation: str,
    size: int,
    /,
    *,
    examples: Annotated[int | None, Parameter(converter=_whole_number)] = None,
    seed: Annotated[int, Parameter(converter=_whole_number)] = 0,
    picture: Annotated[Path | None, Parameter(converter=_folder)] = None,
) -> int:
    """Print the table of an operation, blank where a pair is held out.

    Parameters
    ----------
    operation:
        Its name; a wrong one is answered with all there are.
    size:
        The modulus p, or n for an operation in the symmetric group.

    Examples:
        Show only so many pairs, those that a run of this seed is trained on; default: all.
    seed:
        Which pairs.
    picture:
        Write a picture to this file (.svg, .pdf or .png) instead.
    """
    from predictions import tables

    square = tables.answers(operation, size, examples, seed)
    if picture is None:
        print(tables.as_text(square))
    else:
        tables.write_picture(square, picture)
        print(f"picture: {picture}")
    return 0


@app.command
def run(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    device: Annotated[Literal["auto", "cpu", "cuda"], Parameter(help="Where to train.")] = "auto",
    engine: Annotated[
        Literal["auto", "compiled", "stacked"],
        Parameter(help="What trains: compiled code on a CPU, or batched tensor operations."),
    ] = "auto",
    memory: Annotated[
        float | None,
        Parameter(
            help="GiB that training may take; default: four fifths of what is free.",
            validator=Number(gt=0),
        ),
    ] = None,
    store: StoreOption = Path("store"),
    out: OutOption = Path("report"),
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Only say what would be trained, and what it costs.")
    ] = False,
    retrain_damaged: Annotated[
        bool, Parameter(negative=(), help="Move damaged runs to aside/ and train them again.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Train what is missing, judge, and write the report.

    Parameters
    ----------
    names:
        The predictions, or "all".
    """
    from predictions.printing import print_verdicts
    from predictions.running import (
        make_writable,
        print_plan,
        set_damaged_aside,
        train_missing,
        warn_of_memory,
        warn_of_too_few_seeds,
    )
    from predictions.trainer import NetworkTrainer
    from runs import Store

    chosen = _chosen(names)
    documents = [s.document() for p in chosen for s in p.settings(size, seeds)]
    place = Store(store, for_writing=not dry_run)
    trainer = NetworkTrainer(device, engine, None if memory is None else memory * 2**30)
    set_damaged_aside(place, documents, retrain=retrain_damaged and not dry_run)
    warn_of_too_few_seeds(chosen, seeds)
    warn_of_memory(documents, place, trainer)
    if dry_run:
        return print_plan(documents, place, trainer, json=json)
    make_writable(out)
    finished = train_missing(documents, place, trainer)
    if not finished:
        return INTERRUPTED
    verdicts = _verdicts(chosen, size, place, seeds)
    print_verdicts(verdicts, chosen, json=json)
    _write_report(verdicts, chosen, place, out, seeds, quiet=json)
    return 0


@app.command
def judge(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    store: StoreOption = Path("store"),
    json: JsonOption = False,
) -> int:
    """Judge predictions on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions; default: all.
    """
    from predictions.printing import print_verdicts
    from predictions.registry import select
    from predictions.running import existing

    chosen = select(names or ("all",))
    place = existing(store)
    print_verdicts(_verdicts(chosen, size, place, seeds), chosen, json=json)
    return 0


@app.command
def report(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    store: StoreOption = Path("store"),
    out: OutOption = Path("report"),
) -> int:
    """Write the report on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions; default: all.
    """
    from predictions.registry import select
    from predictions.running import existing, make_writable

    chosen = select(names or ("all",))
    place = existing(store)
    make_writable(out)
    _write_report(_verdicts(chosen, size, place, seeds), chosen, place, out, seeds, quiet=False)
    return 0


def _chosen(names: tuple[str, ...]) -> list[Prediction]:
    from predictions.registry import PREDICTIONS, select

    if not names:
        raise ValueError(f"name a prediction: choose from {', '.join(sorted(PREDICTIONS))}, or all")
    return select(names)


def _verdicts(
    chosen: Sequence[Prediction], size: Size, store: Store, seeds: int | None
) -> list[Verdict]:
    from predictions.protocol import judge_stored

    return [judge_stored(prediction, size, store, seeds) for prediction in chosen]


def _write_report(
    verdicts: Sequence[Verdict],
    chosen: Sequence[Prediction],
    store: Store,
    out: Path,
    seeds: int | None,
    *,
    quiet: bool,
) -> None:
    from predictions.registry import PREDICTIONS
    from predictions.report import stem, write_report

    name = stem(verdicts, len(PREDICTIONS), seeds)
    html, markdown = write_report(verdicts, chosen, store, out, name=name, num_seeds=seeds)
    print(f"report: {html} and {markdown}", file=sys.stderr if quiet else sys.stdout)


def main() -> None:
    """Run the command line; exit 2 for what a caller can mend, with one message and no trace."""
    try:
        sys.exit(app(sys.argv[1:], exit_on_error=False, print_error=False))
    except (CycloptsError, ValueError) as error:
        print(f"predictions: {_message(error)}", file=sys.stderr)
        sys.exit(USAGE_ERROR)
    except KeyboardInterrupt:
        print("predictions: interrupted; the same command goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(f"predictions: {error}", file=sys.stderr)
        sys.exit(USAGE_ERROR)


def _message(error: Exception) -> str:
    if "pydantic" in type(error).__module__:
        from pydantic import ValidationError

        from efficiency.settings import explain

        if isinstance(error, ValidationError):
            return explain(error)
    return str(error)
