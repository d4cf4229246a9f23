"""Write figures, what is behind each, and a sheet that shows them all."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from pydantic import ValidationError

from efficiency.errors import InvalidInputError
from paper_figures import style
from paper_figures.base import MissingRunsError, PaperFigure, Source
from paper_figures.catalogue import FIGURES
from paper_figures.files import as_bytes
from runs import StoreError
from runs.files import explain_os_error, write_file

_LOG = logging.getLogger(__name__)

SHEET, MANIFEST = "index.html", "manifest.json"


class _UnwritableError(StoreError):
    """The folder of the figures cannot be written: none of them can."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A figure that was written.

    Attributes:
        figure: Which.
        file: Its file.
        paragraphs: Those of its caption.
        runs: Identities of the runs behind it.
        outcomes: What became of each prediction that it reads.
    """

    figure: PaperFigure
    file: Path
    paragraphs: tuple[str, ...]
    outcomes: dict[str, str]
    runs: tuple[str, ...]

    @property
    def caption(self) -> str:
        """The paragraphs as one text."""
        return " ".join(self.paragraphs)


@dataclass(frozen=True, kw_only=True)
class Results:
    """What came of building.

    Attributes:
        built: Figures that were written.
        missing: For each whose runs are not there the command that makes them.
        failed: For each that could not be drawn from its runs what went wrong.
    """

    built: list[Built]
    missing: dict[str, str]
    failed: dict[str, str]


def build(figures: Sequence[PaperFigure], source: Source, file_format: str, out: Path) -> Results:
    """Write figures, ``manifest.json`` and the contact sheet ``index.html`` into a folder.

    Figures that are there already and show the same, of one store, size and set of options, stay on
    the sheet.

    Args:
        figures: Which.
        source: What they read.
        file_format: ``svg``, ``pdf`` or ``png``.
        out: The folder, made if it is not there.

    Raises:
        StoreError: The folder cannot be written.
        ValueError: Another format.
    """
    built: list[Built] = []
    missing: dict[str, str] = {}
    failed: dict[str, str] = {}
    for figure in figures:
        try:
            built.append(_built(figure, source, file_format, out))
        except MissingRunsError as error:
            missing[figure.name] = str(error)
        except (InvalidInputError, ValidationError, _UnwritableError):
            raise
        except StoreError as error:
            failed[figure.name] = str(error)
        except Exception as error:  # a fault of one figure must not take the others with it
            _LOG.debug("%s", figure.name, exc_info=True)
            failed[figure.name] = f"{type(error).__name__}: {error}"
    results = Results(built=built, missing=missing, failed=failed)
    manifest = _manifest(results, source, out)
    _write(out / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))
    _write(out / SHEET, _sheet(manifest))
    return results


def _built(figure: PaperFigure, source: Source, file_format: str, out: Path) -> Built:
    """Draw and write one figure."""
    evidence = figure.evidence(source)
    width = "-1-column" if style.stacked() else ""
    file = out / f"{figure.name}-{source.size}{source.label()}{width}.{file_format}"
    _write(file, as_bytes(figure.draw(evidence), file_format, figure.name))
    return Built(
        figure=figure,
        file=file,
        paragraphs=tuple(figure.paragraphs(source)),
        outcomes={
            " ".join([one.need.prediction, *one.need.variant.options()]): one.verdict.outcome
            for one in evidence
        },
        runs=tuple(sorted({run.identity for one in evidence for run in one.runs})),
    )


def _write(file: Path, content: str | bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_file(file, content)
    except OSError as error:
        message = str(explain_os_error(error, file.parent, named_by="--out"))
        raise _UnwritableError(message) from error


def _manifest(results: Results, source: Source, out: Path) -> dict[str, Any]:
    """Return what is behind each figure of the folder, as JSON types."""
    entries = _drawn_before(source, out)
    for one in results.built:
        missing = one.figure.missing(source)
        entries[one.figure.name] = {
            "file": one.file.name,
            "after": one.figure.after,
            "title": one.figure.title,
            "caption": one.caption,
            "paragraphs": list(one.paragraphs),
            "outcomes": one.outcomes,
            "predictions": [
                " ".join([need.prediction, *source.asks(need).variant.options()])
                for need in (*one.figure.needs, *one.figure.wants)
                if need not in missing
            ],
            "runs": list(one.runs),
            "not_drawn": list(missing.values()),
        }
    return {
        "store": str(source.store.path),
        "size": source.size,
        "options": shlex.join(source.options()),
        "figures": {name: entries[name] for name in FIGURES if name in entries},
        "missing": {
            name: why
            for name, why in {**results.missing, **results.failed}.items()
            if name not in entries
        },
    }


def _drawn_before(source: Source, out: Path) -> dict[str, Any]:
    """Return the entries of figures in the folder that show what is asked for now."""
    try:
        before = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        asked = str(source.store.path), source.size, shlex.join(source.options())
        same = (before["store"], before["size"], before["options"]) == asked
        entries = before["figures"] if same else {}
        whole = {
            n: one
            for n, one in entries.items()
            if {"file", "title", "paragraphs", "outcomes"} <= set(one)
        }
        return {name: one for name, one in whole.items() if (out / one["file"]).exists()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # none, or not ours


def _sheet(manifest: Mapping[str, Any]) -> str:
    """Return the contact sheet; what the captions of several figures say stands at the first."""
    seen: set[str] = set()
    captions: dict[str, tuple[list[str], int]] = {}
    for name, one in manifest["figures"].items():
        new = [part for part in one["paragraphs"] if part not in seen]
        captions[name] = new, len(one["paragraphs"]) - len(new)
        seen.update(new)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paper_figures"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _with_code
    return environment.get_template("sheet.html.j2").render(
        manifest, manifest=MANIFEST, captions=captions
    )


def _with_code(text: str) -> Markup:
    """Return a sentence as HTML, with what stands between backticks as code."""
    plain = str(escape(text))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", plain))  # noqa: S704 - escaped before
