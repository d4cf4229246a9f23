"""The command line. It prints; everything it says comes from elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from predictions.options import (
    JsonOption,
    NetworkOption,
    OperationOption,
    OperationSizeOption,
    OutOption,
    SeedsOption,
    SizeOption,
    StoreOption,
    folder,
    whole_number,
)

# torch and friends take seconds to import: every command imports what it needs, so that --help
# answers at once.
if TYPE_CHECKING:
    from predictions.protocol import Prediction

USAGE_ERROR = 2
INTERRUPTED = 130

app = App(
    name="predictions",
    help="Test the circuit-efficiency theory of grokking, and the findings of the first study of "
    "grokking, on real training.",
    version=lambda: importlib.metadata.version("circuit-efficiency"),
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


@app.command(name="list")
def list_predictions() -> int:
    """List the predictions."""
    from predictions.registry import GROUPS

    for group, members in GROUPS.items():
        print(f"{group}:")
        for prediction in members.values():
            print(f"  {prediction.name:24}{prediction.claim}")
    return 0


@app.command
def show(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    operation: OperationOption = None,
    operation_size: OperationSizeOption = None,
    network: NetworkOption = None,
) -> int:
    """Show a prediction: claim, design, rule, what would refute it, cost.

    Parameters
    ----------
    names:
        The predictions, or a group: "all" (of the theory), "first-study".
    """
    from predictions.showing import print_prediction

    chosen = _chosen(names, operation, operation_size, network)
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
    examples: Annotated[
        int | None,
        Parameter(help="Pairs to show, those that a run is trained on.", converter=whole_number),
    ] = None,
    seed: Annotated[int, Parameter(help="Decides which.", converter=whole_number)] = 0,
    picture: Annotated[
        Path | None,
        Parameter(help="Write a picture here instead: .svg, .pdf or .png.", converter=folder),
    ] = None,
) -> int:
    """Print the table of an operation, blank where a pair is held out.

    Parameters
    ----------
    operation:
        Its name; a wrong one is answered with all there are.
    size:
        The modulus p, or n for an operation in the symmetric group.
    """
    from predictions import tables

    square = tables.answers(operation, size, examples, seed)
    if picture is None:
        print(tables.as_text(square))
        if described := tables.key(operation, size):
            print(f"\n{described}")
    else:
        tables.write_picture(square, picture)
        print(f"picture: {picture}")
    return 0


@app.command
def run(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    operation: OperationOption = None,
    operation_size: OperationSizeOption = None,
    network: NetworkOption = None,
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
        The predictions, or a group: "all" (of the theory), "first-study".
    """
    from predictions.printing import print_verdicts
    from predictions.running import (
        make_writable,
        print_plan,
        set_damaged_aside,
        train_missing,
        verdicts_on,
        warn_of_memory,
        warn_of_too_few_seeds,
        write_reports,
    )
    from predictions.trainer import NetworkTrainer
    from runs import Store

    chosen = _chosen(names, operation, operation_size, network)
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
    verdicts = verdicts_on(place, chosen, size, seeds)
    print_verdicts(verdicts, chosen, json=json)
    write_reports(verdicts, chosen, place, out, seeds, quiet=json)
    return 0


@app.command
def judge(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    operation: OperationOption = None,
    operation_size: OperationSizeOption = None,
    network: NetworkOption = None,
    store: StoreOption = Path("store"),
    json: JsonOption = False,
) -> int:
    """Judge predictions on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions, or a group of them; default: all of the theory.
    """
    from predictions.printing import print_verdicts
    from predictions.running import existing, verdicts_on

    chosen = _chosen(names or _the_theory(), operation, operation_size, network)
    place = existing(store)
    print_verdicts(verdicts_on(place, chosen, size, seeds), chosen, json=json)
    return 0


@app.command
def report(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    operation: OperationOption = None,
    operation_size: OperationSizeOption = None,
    network: NetworkOption = None,
    store: StoreOption = Path("store"),
    out: OutOption = Path("report"),
) -> int:
    """Write the report on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions, or a group of them; default: all of the theory.
    """
    from predictions.running import existing, make_writable, verdicts_on, write_reports

    chosen = _chosen(names or _the_theory(), operation, operation_size, network)
    place = existing(store)
    make_writable(out)
    write_reports(verdicts_on(place, chosen, size, seeds), chosen, place, out, seeds, quiet=False)
    return 0


def _the_theory() -> tuple[str, ...]:
    """Return what is taken where nothing is named, and say so."""
    print("none was named: these are all of the theory; there is also first-study", file=sys.stderr)
    return ("all",)


def _chosen(
    names: tuple[str, ...], operation: str | None, operation_size: int | None, network: str | None
) -> list[Prediction]:
    from predictions.registry import GROUPS, PREDICTIONS, select
    from predictions.variants import Variant

    if not names:
        raise ValueError(
            f"name a prediction: choose from {', '.join(sorted(PREDICTIONS))}, "
            f"or {', '.join(GROUPS)}"
        )
    variant = Variant(operation=operation, operation_size=operation_size, network=network)
    return select(names, variant)


def main() -> None:
    """Run the command line; exit 2 for what a caller can mend, with one message and no trace."""
    try:
        sys.exit(app(sys.argv[1:], exit_on_error=False, print_error=False))
    except (CycloptsError, ValueError) as error:
        print(f"predictions: {_message(error)}", file=sys.stderr)
        sys.exit(USAGE_ERROR)
    except KeyboardInterrupt:
        print(
            "Interrupted; what was trained is in the store. The same command goes on:\n"
            f"  {shlex.join(sys.argv)}",
            file=sys.stderr,
        )
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
