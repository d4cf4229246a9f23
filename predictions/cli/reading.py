"""Commands that read a store and train nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from efficiency.errors import InvalidInputError
from predictions.cli.asking import (
    chosen_of,
    groups,
    print_json,
    selected,
    size_of,
    the_theory,
    variant_of,
)
from predictions.cli.options import (
    AS_DESIGNED,
    Asked,
    JsonOption,
    OutOption,
    SeedsOption,
    SizeOrDesign,
    StoreOption,
)
from predictions.command import DONE, FAILED
from predictions.sizes import Size

if TYPE_CHECKING:
    from runs import Store


def judge(
    *names: str,
    size: SizeOrDesign = None,
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

    chosen, size = chosen_of(names or the_theory(), asked, size)
    place = existing(store)
    judged = verdicts_on(place, chosen, size, seeds_to_judge(place, chosen, size, seeds))
    commands = Commands(store=place, extent=Extent(seeds=seeds))
    print_verdicts(judged.verdicts, chosen, json=json, commands=commands)
    return judged.code


def report(
    *names: str,
    size: SizeOrDesign = None,
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
    from predictions.stored import on

    chosen, size = chosen_of(names or the_theory(), asked, size)
    place = existing(store)
    extent = Extent(seeds=seeds)
    judged = verdicts_on(place, chosen, size, seeds_to_judge(place, chosen, size, seeds))
    read = any(one.runs for one in judged.verdicts)
    if not judged.code and not read and any(one.cells(size, 1) for one in chosen):
        raise InvalidInputError(
            f"there is nothing to report: the store in {store} has no run of what was asked for at "
            f"{size}; `{on(place, 'predictions status')}` shows what it has, and --size takes "
            "another size"
        )
    make_writable(out, stem(chosen, size, extent))
    write_reports(judged.verdicts, chosen, place, out, extent, quiet=False)
    return judged.code


def plans(*, store: StoreOption = Path("store"), json: JsonOption = False) -> int:
    """Show what was planned in a store, and every look that `run` took at it."""
    from predictions.cli.printing import print_plans
    from predictions.looks import described

    found = described(existing_store(store))
    if json:
        print_json(found)
    else:
        print_plans(found)
    return 0


def list_foretold(*, store: StoreOption = Path("store"), json: JsonOption = False) -> int:
    """Show what designs in stages foretold in a store before they went on, and when."""
    from predictions.cli.printing import print_foretold
    from predictions.foretold import described

    found = described(existing_store(store))
    if json:
        print_json(found)
    else:
        print_foretold(found)
    return 0


def status(
    *names: str,
    size: Annotated[
        Size | None, Parameter(help="One size; default: all that have a run in the store.")
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
    from predictions.cli.status import MOST_LINES, print_status, status_of
    from predictions.underway import in_a_line
    from runs.execution.slurm_commands import in_the_queue
    from runs.execution.underway import underway
    from runs.execution.workplaces import in_training

    variant = variant_of(asked)
    size = size_of(size, variant)
    chosen = selected(names or groups(), variant, size)
    place = existing_store(store)
    found, failed = status_of(place, chosen, size, seeds)
    if json:
        print_json([row.document() for row in found])
    elif found or not failed:
        begun = [in_a_line(group) for group in underway(place)]
        more = [f"and {len(begun) - MOST_LINES} more"] if len(begun) > MOST_LINES else []
        lines = (in_training(place), *in_the_queue(place), *begun[:MOST_LINES], *more)
        print_status(found, [line for line in lines if line])
    return FAILED if failed else DONE


def export(
    file: Path,
    *names: str,
    to: Annotated[
        Literal["tensorboard", "wandb", "mlflow"] | None,
        Parameter(help="Write a folder for this program in place of a file; needs its package."),
    ] = None,
    size: SizeOrDesign = None,
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    store: StoreOption = Path("store"),
) -> int:
    """Write what a store holds as one file: a row for each run, with settings and final numbers.

    Parameters
    ----------
    file:
        Its name says what it is: .csv, .parquet, or .sqlite, which has all histories as well.
        With --to the name of a new folder.
    names:
        Predictions, or groups of them, whose runs are written, a row for each place that a run has
        in them; default: every run that is there.
    """
    from predictions.exports import export as write
    from predictions.opened import OpenStore

    opened = OpenStore(store)
    if names:
        chosen, size = chosen_of(names, asked, size)
        runs = opened.judged(chosen, size, seeds)
    elif (size, seeds, asked) == (None, None, AS_DESIGNED):
        runs = opened.frame()
    else:
        raise InvalidInputError(
            "without a prediction every run is written, whatever it was asked for; name one, or "
            "leave out the other options"
        )
    if runs.empty:
        raise InvalidInputError(
            f"there is nothing to write: {store} has no run of what was asked for; `predictions "
            f"status --store {store}` shows what it has"
        )
    if to is not None:
        from predictions.trackers import track

        print(f"{runs['run'].nunique()} runs; open them with: {track(opened, runs, file, to)}")
        return DONE
    write(opened, runs, file)
    print(f"{file}: {len(runs)} rows of {runs['run'].nunique()} runs, {len(runs.columns)} columns")
    return DONE


def existing_store(path: Path) -> Store:
    """Return the store at a path, which must be there."""
    from predictions.cli.running import existing

    return existing(path)
