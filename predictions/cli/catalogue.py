"""Commands that need no store: what predictions there are, and what each is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from predictions.cli.asking import (
    chosen_of,
    print_json,
    warn_of_no_effect,
)
from predictions.cli.options import (
    AS_DESIGNED,
    Asked,
    JsonOption,
    SeedsOption,
    SizeOrDesign,
    folder,
    whole_number,
)


def list_predictions(*, json: JsonOption = False) -> int:
    """List the predictions."""
    from predictions.groups import GROUPS

    if json:
        print_json(
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


def show(
    *names: str,
    size: SizeOrDesign = None,
    seeds: SeedsOption = None,
    asked: Asked = AS_DESIGNED,
    toml: Annotated[
        bool,
        Parameter(negative=(), help="Print the design as a file to change, for --design."),
    ] = False,
    json: JsonOption = False,
) -> int:
    """Show a prediction: claim, design, rule, what would refute it, cost.

    Parameters
    ----------
    names:
        The predictions, or a group: "all" (of the theory), "circuits", "critical-size",
        "first-study", "controls", "substitutes", "at-rest",
        "representation", "double-descent", "numerical-stability", "phase-changes",
        "facts".
    """
    from predictions.cli.showing import described, design_file, print_prediction

    chosen, size = chosen_of(names, asked, size)
    warn_of_no_effect(chosen)
    if toml:
        print(design_file(chosen, size))
        return 0
    if json:
        print_json([{"Name": one.name} | described(one, size, seeds) for one in chosen])
        return 0
    for prediction in chosen:
        if len(chosen) > 1:
            print(f"{prediction.name}\n{'=' * len(prediction.name)}\n")
        print_prediction(prediction, size, seeds)
    return 0


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
        print_json({"operation": operation, "size": size, "answers": answers})
    elif picture is None:
        print(tables.as_text(square))
        if described := tables.key(operation, size):
            print(f"\n{described}")
    else:
        tables.write_picture(square, picture)
        print(f"picture: {picture}")
    return 0
