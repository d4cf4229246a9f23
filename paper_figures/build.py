"""Write figures, what is behind each, and a sheet that shows them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from paper_figures import style
from paper_figures.base import MissingRunsError, PaperFigure, Source
from paper_figures.files import as_bytes
from runs import StoreError
from runs.files import explain_os_error, write_file

SHEET, MANIFEST = "index.html", "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Built:
    """A figure that was written.

    Attributes:
        figure: Which.
        file: Its file.
        caption: Its caption.
        runs: Identities of the runs behind it.
    """

    figure: PaperFigure
    file: Path
    caption: str
    runs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What came of building.

    Attributes:
        built: Figures that were written.
        missing: For each other one why it was not, with the command that makes its runs.
    """

    built: list[Built]
    missing: dict[str, str]


def build(figures: Sequence[PaperFigure], source: Source, file_format: str, out: Path) -> Results:
    """Write figures, ``manifest.json`` and the contact sheet ``index.html`` into a folder.

    Args:
        figures: Which.
        source: What they read.
        file_format: ``svg``, ``pdf`` or ``png``.
        out: The folder, made if it is not there.

    Raises:
        StoreError: A run is damaged, or the folder cannot be written.
        ValueError: Another format.
    """
    built: list[Built] = []
    missing: dict[str, str] = {}
    for figure in figures:
        try:
            evidence = figure.evidence(source)
        except MissingRunsError as error:
            missing[figure.name] = str(error)
            continue
        width = "-1-column" if style.stacked() else ""
        file = out / f"{figure.name}-{source.size}{width}.{file_format}"
        runs = {run.identity for one in evidence for run in one.runs}
        drawn = as_bytes(figure.draw(evidence), file_format, figure.name)
        built.append(
            Built(
                figure=figure,
                file=file,
                caption=figure.caption(source),
                runs=tuple(sorted(runs)),
            )
        )
        _write(file, drawn)
    results = Results(built=built, missing=missing)
    _write(out / MANIFEST, json.dumps(_manifest(results, source), indent=2, ensure_ascii=False))
    _write(out / SHEET, _sheet(results, source))
    return results


def _write(file: Path, content: str | bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, content)
    except OSError as error:
        message = str(explain_os_error(error, file.parent)).replace("--store", "--out")
        raise StoreError(message) from error


def _manifest(results: Results, source: Source) -> dict[str, object]:
    """Return what is behind each figure, as JSON types."""
    return {
        "store": str(source.store.path),
        "size": source.size,
        "columns": 1 if style.stacked() else 2,
        "figures": {
            one.figure.name: {
                "file": one.file.name,
                "after": one.figure.after,
                "caption": one.caption,
                "predictions": [
                    " ".join([need.prediction, *need.variant.options()])
                    for need in (*one.figure.needs, *one.figure.wants)
                    if need not in one.figure.missing(source)
                ],
                "runs": list(one.runs),
                "not_drawn": list(one.figure.missing(source).values()),
            }
            for one in results.built
        },
        "missing": results.missing,
    }


def _sheet(results: Results, source: Source) -> str:
    """Return the contact sheet."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paper_figures"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("sheet.html.j2").render(
        built=results.built, missing=results.missing, size=source.size, manifest=MANIFEST
    )
