"""The command ``paper_figures``. It prints; everything it says comes from elsewhere."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from predictions.cli.options import (
    AS_DESIGNED,
    Asked,
    SizeOrDesign,
    StoreOption,
    folder,
    whole_number,
)
from predictions.command import FAILED, USAGE_ERROR

app = App(
    name="paper_figures",
    help="Draw the figures of the papers from a store of finished runs. Trains nothing.",
    version=lambda: importlib.metadata.version("circuit-efficiency"),
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
    result_action="return_value",
)


@app.command(name="list")
def list_figures() -> int:
    """List the figures and the predictions whose runs they read."""
    from paper_figures.catalogue import FIGURES

    width = max(map(len, FIGURES)) + 2
    for figure in FIGURES.values():
        needs = ", ".join(
            " ".join([need.prediction, *need.variant.options()]) for need in figure.needs
        )
        wants = ", ".join(
            " ".join([need.prediction, *need.variant.options()]) for need in figure.wants
        )
        also = "if there " if not needs else "; if there "
        print(f"{figure.name:{width}}{figure.title} ({figure.after})")
        print(f"{'':{width}}  reads {needs}{also + wants if wants else ''}")
    return 0


@app.command
def build(
    *names: str,
    size: SizeOrDesign = None,
    seeds: Annotated[
        int | None,
        Parameter(
            help="Independent networks; default: as many as were last looked at.",
            converter=whole_number,
        ),
    ] = None,
    asked: Asked = AS_DESIGNED,
    file_format: Annotated[
        Literal["svg", "pdf", "png"], Parameter(name="--format", help="Of the files.")
    ] = "svg",
    columns: Annotated[
        Literal[1, 2], Parameter(help="Columns of a paper that a figure is wide.")
    ] = 2,
    store: StoreOption = Path("store"),
    out: Annotated[Path, Parameter(help="Folder for the figures.", converter=folder)] = Path(
        "figures"
    ),
) -> int:
    """Draw figures into a folder, with a contact sheet and a manifest of the runs behind each.

    Parameters
    ----------
    names:
        The figures; default: all whose runs are in the store.
    """
    from paper_figures.base import Source
    from paper_figures.build import SHEET
    from paper_figures.build import build as build_figures
    from paper_figures.catalogue import select
    from predictions.cli.asking import DEFAULT_SIZE, size_of, variant_of
    from predictions.cli.running import existing
    from predictions.columns import columns as in_columns

    chosen, variant = select(names), variant_of(asked)
    source = Source(existing(store), size_of(size, variant) or DEFAULT_SIZE, variant, seeds)
    with in_columns(columns):
        results = build_figures(chosen, source, file_format, out)
    for one in results.built:
        print(one.file)
    print(f"sheet: {out / SHEET}")
    told = {**(results.missing if names or not results.built else {}), **results.failed}
    for name, why in told.items():
        print(f"{name} was not drawn: {why}", file=sys.stderr)
    if left := [name for name in results.missing if name not in told]:
        print(
            f"not drawn: {', '.join(left)}; the sheet and paper_figures build NAME say why, and "
            "how to train what is missing",
            file=sys.stderr,
        )
    if results.failed:
        return FAILED
    return USAGE_ERROR if results.missing and (names or not results.built) else 0


if __name__ == "__main__":
    from predictions.command import paper_figures

    paper_figures()
