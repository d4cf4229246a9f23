"""The command line. It prints; everything it says comes from elsewhere."""

from __future__ import annotations

import importlib.metadata
import json as json_module
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from efficiency.errors import InvalidInputError
from predictions.cli.options import (
    AS_DESIGNED,
    Asked,
    EngineOption,
    JsonOption,
    OutOption,
    SeedsOption,
    SizeName,
    SizeOption,
    StoreOption,
    folder,
    whole_number,
)
from predictions.command import INTERRUPTED

# torch and friends take seconds to import: every command imports what it needs, so that --help
# answers at once.
if TYPE_CHECKING:
    from predictions.protocol import Prediction
    from runs import Store

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
def list_predictions(*, json: JsonOption = False) -> int:
    """List the predictions."""
    from predictions.registry import GROUPS

    if json:
        _print_json(
            [
                {"name": one.name, "group": group, "title": one.title, "claim": one.claim}
                for group, members in GROUPS.items()
                for one in members.values()
            ]
        )
        return 0
    width = max(len(name) for members in GROUPS.values() for name in members)
    for group, members in GROUPS.items():
        print(f"{group}:")
        for prediction in members.values():
            print(f"  {prediction.name:{width}}  {prediction.claim}")
    return 0


@app.command
def show(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    json: JsonOption = False,
) -> int:
    """Show a prediction: claim, design, rule, what would refute it, cost.

    Parameters
    ----------
    names:
        The predictions, or a group: "all" (of the theory), "circuits", "critical-size",
        "first-study", "controls", "substitutes", "at-rest".
    """
    from predictions.cli.showing import described, print_prediction

    chosen = _chosen(names, asked, size)
    if json:
        _print_json([{"Name": one.name} | described(one, size, seeds) for one in chosen])
        return 0
    for prediction in chosen:
        if len(chosen) > 1:
            print(f"{prediction.name}\n{'=' * len(prediction.name)}\n")
        print_prediction(prediction, size, seeds)
    return 0


@app.command
def table(
    operation: str,
    size: Annotated[int, Parameter(converter=whole_number)],
    /,
    *,
    examples: Annotated[
        int | None,
        Parameter(help="Pairs to show, those that a run is trained on.", converter=whole_number),
    ] = None,
    seed: Annotated[
        int | None,
        Parameter(
            help="Decides which; 0 unless given.",
            converter=whole_number,
            validator=Number(gte=0),
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        Parameter(help="Write a picture here instead: .svg, .pdf or .png.", converter=folder),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Print the table of an operation, blank where a pair is held out.

    Parameters
    ----------
    operation:
        Its name; a wrong one is answered with all there are.
    size:
        The modulus p, or n for an operation in the symmetric group.
    """
    from predictions.cli import tables

    square = tables.answers(operation, size, examples, seed)
    if json:
        answers = [[None if c < 0 else c for c in row] for row in square.tolist()]
        _print_json({"operation": operation, "size": size, "answers": answers})
    elif picture is None:
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
    until_decided: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Double the seeds until each claim is decided, at 5% in all looks together.",
        ),
    ] = False,
    max_seeds: Annotated[
        int | None,
        Parameter(
            help="The largest number of seeds then; default: eight times those of the first look.",
            converter=whole_number,
        ),
    ] = None,
    asked: Asked = AS_DESIGNED,
    device: Annotated[Literal["auto", "cpu", "cuda"], Parameter(help="Where to train.")] = "auto",
    engine: EngineOption = "auto",
    memory: Annotated[
        float | None,
        Parameter(
            help="GiB that training may take; default: four fifths of what is free.",
            validator=Number(gt=0),
        ),
    ] = None,
    workers: Annotated[
        int | None,
        Parameter(
            help="Ensembles that train side by side; default: one for each core that may be used.",
            converter=whole_number,
            validator=Number(gte=1, lte=4096),
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
        The predictions, or a group: "all" (of the theory), "circuits", "critical-size",
        "first-study", "controls", "substitutes", "at-rest".
    """
    from predictions.cli.printing import print_verdicts
    from predictions.cli.running import (
        Commands,
        make_writable,
        print_plan,
        set_damaged_aside,
        warn_of_too_few_seeds,
        write_reports,
    )
    from predictions.cli.sequence import documents_of, known_in, ranges, run_in_looks
    from predictions.plans import Extent
    from predictions.report import stem
    from predictions.trainer import NetworkTrainer
    from runs import Store

    chosen = _chosen(names, asked, size)
    extent = Extent(seeds=seeds, until_decided=until_decided, max_seeds=max_seeds)
    looks = {prediction.name: extent.looks(prediction, size) for prediction in chosen}
    place = Store(store)
    known = known_in(place, chosen, size, looks)
    documents = documents_of(known, size, looks)
    trainer = NetworkTrainer(
        device, engine, None if memory is None else memory * 2**30, workers=workers
    )
    if not dry_run:
        make_writable(out, stem(chosen, size, extent))
        if retrain_damaged:
            place.require_writable()
    set_damaged_aside(place, documents, retrain=retrain_damaged and not dry_run)
    warn_of_too_few_seeds(chosen, seeds)
    if dry_run:
        foreseen, later = ranges(known, size, looks)
        return print_plan(documents, place, trainer, foreseen=foreseen, later=later, json=json)
    judged = run_in_looks(chosen, size, extent, place, trainer)
    if judged is None:
        return INTERRUPTED
    # First what is kept, then what is shown: printing may fail.
    write_reports(judged.verdicts, chosen, place, out, extent, quiet=json)
    commands = Commands(store=place, extent=extent, out=out)
    print_verdicts(judged.verdicts, chosen, json=json, commands=commands)
    return judged.code


@app.command
def judge(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    store: StoreOption = Path("store"),
    json: JsonOption = False,
) -> int:
    """Judge predictions on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions, or a group of them; default: all of the theory.
    """
    from predictions.cli.printing import print_verdicts
    from predictions.cli.running import Commands, existing, verdicts_on
    from predictions.cli.sequence import seeds_to_judge
    from predictions.plans import Extent

    chosen = _chosen(names or _the_theory(), asked, size)
    place = existing(store)
    judged = verdicts_on(place, chosen, size, seeds_to_judge(place, chosen, size, seeds))
    commands = Commands(store=place, extent=Extent(seeds=seeds))
    print_verdicts(judged.verdicts, chosen, json=json, commands=commands)
    return judged.code


@app.command
def report(
    *names: str,
    size: SizeOption = "quick",
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    store: StoreOption = Path("store"),
    out: OutOption = Path("report"),
) -> int:
    """Write the report on the runs of a store; train nothing.

    Parameters
    ----------
    names:
        The predictions, or a group of them; default: all of the theory.
    """
    from predictions.cli.running import existing, make_writable, verdicts_on, write_reports
    from predictions.cli.sequence import seeds_to_judge
    from predictions.plans import Extent
    from predictions.report import stem

    chosen = _chosen(names or _the_theory(), asked, size)
    place = existing(store)
    extent = Extent(seeds=seeds)
    make_writable(out, stem(chosen, size, extent))
    judged = verdicts_on(place, chosen, size, seeds_to_judge(place, chosen, size, seeds))
    write_reports(judged.verdicts, chosen, place, out, extent, quiet=False)
    return judged.code


@app.command
def plans(*, store: StoreOption = Path("store"), json: JsonOption = False) -> int:
    """Show what was planned in a store, and every look that `run` took at it."""
    from predictions.cli.printing import print_plans
    from predictions.looks import described

    found = described(existing_store(store))
    if json:
        _print_json(found)
    else:
        print_plans(found)
    return 0


@app.command(name="foretold")
def list_foretold(*, store: StoreOption = Path("store"), json: JsonOption = False) -> int:
    """Show what designs in stages foretold in a store before they went on, and when."""
    from predictions.cli.printing import print_foretold
    from predictions.foretold import described

    found = described(existing_store(store))
    if json:
        _print_json(found)
    else:
        print_foretold(found)
    return 0


@app.command
def status(
    *names: str,
    size: Annotated[
        SizeName | None, Parameter(help="One size; default: all that have a run in the store.")
    ] = None,
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    store: StoreOption = Path("store"),
    json: JsonOption = False,
) -> int:
    """Show what a store holds for each prediction, what is missing, and what that would cost.

    Parameters
    ----------
    names:
        The predictions, or groups of them; default: all there are.
    """
    from predictions.cli.status import print_status, status_of

    chosen = _chosen(names or _groups(), asked, size)
    found = status_of(existing_store(store), chosen, size, seeds)
    if json:
        _print_json([row.document() for row in found])
    else:
        print_status(found)
    return 0


def existing_store(path: Path) -> Store:
    """Return the store at a path, which must be there."""
    from predictions.cli.running import existing

    return existing(path)


def _print_json(value: object) -> None:
    print(json_module.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _groups() -> tuple[str, ...]:
    from predictions.registry import GROUPS

    return tuple(GROUPS)


def _the_theory() -> tuple[str, ...]:
    """Return what is taken where nothing is named, and say so."""
    first, *others = _groups()
    there = ", ".join(others)
    print(f"none was named: these are all of the theory; there are also {there}", file=sys.stderr)
    return (first,)


def _chosen(names: tuple[str, ...], asked: Asked, size: SizeName | None) -> list[Prediction]:
    from predictions.registry import GROUPS, PREDICTIONS, select
    from predictions.variants import Variant

    if not names:
        raise InvalidInputError(
            f"name a prediction: choose from {', '.join(sorted(PREDICTIONS))}, "
            f"or {', '.join(GROUPS)}"
        )
    return select(names, Variant(**asdict(asked)), size)


if __name__ == "__main__":
    from predictions.command import predictions

    predictions()
