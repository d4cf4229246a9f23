"""Collect what a report says, and write it: one page for any number of verdicts."""

from __future__ import annotations

import hashlib
import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from efficiency.operations import OPERATIONS
from efficiency.settings import TaskSettings
from predictions import labelled, plugins, rows
from predictions import multiplicity as family
from predictions.cells import Run
from predictions.columns import below_each_other, columns
from predictions.groups import TITLES
from predictions.plans import ONE_LOOK, Extent
from predictions.protocol import Prediction
from predictions.registry import group_of, in_groups
from predictions.report import figures, run_details, run_table
from predictions.sizes import Size
from predictions.verdicts import Verdict
from runs import Record, Store, StoreError
from runs.files import explain_os_error, write_file
from runs.identity import SCHEMA_VERSION

_LOG = logging.getLogger(__name__)


LONGEST_NAME = "-delayed-generalisation.svg"
"""What may be appended to the name of a report to name one of its files."""

_MOST_LETTERS = 120
"""Of a name that lists predictions."""


def stem(predictions: Sequence[Prediction], size: Size, extent: Extent) -> str:
    """Return the name of a report without ending: ``NAME-SIZE``, ``GROUP-SIZE``, ``A+B-SIZE``.

    What differs from the size's design follows, and how many seeds were asked for.
    """
    names = "+".join(in_groups([prediction.name for prediction in predictions], size))
    if len(names) > _MOST_LETTERS:
        digest = hashlib.sha256(names.encode()).hexdigest()[:8]
        names = f"{predictions[0].name}+{len(predictions) - 1}-more-{digest}"
    return f"{names}-{size}{predictions[0].variant.label()}{extent.label()}"


def write_report(
    verdicts: Sequence[Verdict],
    predictions: Sequence[Prediction],
    store: Store,
    out: Path,
    *,
    name: str,
    extent: Extent = ONE_LOOK,
) -> tuple[Path, Path]:
    """Write ``out/name.html`` and ``.md``, with a figure for each verdict; return both paths.

    ``name-runs.csv`` beside them has a row for each run and ``name-numbers.csv`` one for each
    number of each verdict, see ``predictions.rows``.

    Args:
        verdicts: One at least.
        predictions: That of each verdict.
        store: Where their runs are.
        out: Folder, made if it is not there.
        name: Of the files, without ending.
        extent: How many seeds were asked for, to say how to reproduce it.

    Raises:
        StoreError: They cannot be written, or a run is damaged.
    """
    wanted = sorted({run for verdict in verdicts for run in verdict.runs})
    records = {run: store.load(run) for run in wanted}
    context = _context(verdicts, predictions, records, store, extent)
    context |= {f"table_of_{which}": f"{name}-{which}.csv" for which in ("runs", "numbers")}
    html, markdown = (out / f"{name}.{ending}" for ending in ("html", "md"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for section in context["sections"]:
            which = f"-{section['verdict'].prediction}" if len(verdicts) > 1 else ""
            picture = out / f"{name}{which}.svg"
            section["picture"] = picture.name
            if section["figure"]:
                write_file(picture, section["figure"])
            else:
                picture.unlink(missing_ok=True)
        for which in ("runs", "numbers"):
            path, table = out / context[f"table_of_{which}"], context[f"every_{which}"]
            if len(table):
                write_file(path, table.to_csv(index=False))
            else:
                path.unlink(missing_ok=True)
        write_file(markdown, render("report.md.j2", context))
        write_file(html, render("report.html.j2", context))
    except OSError as error:
        raise explain_os_error(error, out, named_by="--out") from error
    return html, markdown


def page(
    verdict: Verdict,
    prediction: Prediction,
    store: Store,
    *,
    extent: Extent = ONE_LOOK,
    source: str = "",
) -> tuple[str, dict[str, str]]:
    """Return the page of one verdict, and the tables that stand beside it as CSV by name.

    Args:
        verdict: The verdict.
        prediction: Its prediction.
        store: Where its runs are.
        extent: See ``write_report``.
        source: Where a run is found that the page itself does not hold: an address to which its
            identity is appended.

    Raises:
        StoreError: A run is damaged.
    """
    records = {run: store.load(run) for run in sorted(verdict.runs)}
    context = _context([verdict], [prediction], records, store, extent)
    tables = {f"{which}.csv": context[f"every_{which}"] for which in ("runs", "numbers")}
    context |= {"table_of_runs": "runs.csv", "table_of_numbers": "numbers.csv", "source": source}
    html = render("report.html.j2", context)
    return html, {name: table.to_csv(index=False) for name, table in tables.items()}


class _Code(str):
    """Text between backticks, where Markdown means nothing by what it holds."""

    __slots__ = ()


def _as_code(text: str) -> _Code:
    return _Code(" ".join(text.replace("`", "'").split("\n")))


def _in_markdown(value: object) -> object:
    """Return a value as text that Markdown shows as it is: no tag, no cell, no link of its own."""
    if value is None or isinstance(value, _Code):
        return value
    text = str(value).replace("\n", " ").replace("\\", "\\\\")
    for dangerous, harmless in (("|", "\\|"), ("`", "\\`"), ("](", "]\\("), ("<", "&lt;")):
        text = text.replace(dangerous, harmless)
    return text


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return a template of this package, filled in; values are escaped as its format wants it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("predictions.report"),
        autoescape=template.endswith(".html.j2"),
        finalize=None if template.endswith(".html.j2") else _in_markdown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _as_code
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}  # in their own order
    return environment.get_template(template).render(context)


def _context(
    verdicts: Sequence[Verdict],
    predictions: Sequence[Prediction],
    records: Mapping[str, Record],
    store: Store,
    extent: Extent,
) -> dict[str, Any]:
    claims: list[tuple[str, Sequence[Run]]] = []
    one = predictions[0] if len(predictions) == 1 else None
    group = group_of([verdict.prediction for verdict in verdicts], verdicts[0].size) or ""
    sections: list[dict[str, Any]] = []
    told: set[str] = set()
    for verdict, prediction in zip(verdicts, predictions, strict=True):
        notes = _new_notes(verdict, told)
        claims.append((prediction.name, verdict.evidence))
        sections.append(_section(verdict, prediction, extent) | notes)
    return {
        "title": f"{one.title if one else TITLES.get(group, 'Predictions')}, {_at(verdicts[0])}",
        "sections": sections,
        "table": family.rows(verdicts, predictions),
        "explained": family.EXPLAINED,
        "runs": run_table.table(run for _, runs in claims for run in runs),
        "every_runs": rows.judged(claims),
        "every_numbers": rows.of_verdicts(verdicts),
        "command": _command(predictions, verdicts[0].size, store, extent),
        "source": "",  # all that is shown of runs is in the page
        "details": run_details.details(list(records.values())),
        "origins": run_table.origins(list(records.values())),
        "schema": SCHEMA_VERSION,
    }


def _new_notes(verdict: Verdict, told: set[str]) -> dict[str, Any]:
    """Return the notes of a verdict that no section before it has, and how many one has.

    Predictions share runs, and what was left out of one was left out of others for the same reason.
    """
    notes = [note for note in verdict.notes if note not in told]
    told.update(notes)
    again = len(verdict.notes) - len(notes)
    return {
        "notes": notes,
        "repeated": f"Here too: {again} of the reasons given above." if again else "",
    }


def _at(verdict: Verdict) -> str:
    """Return the size of a verdict and what differs from it."""
    return f"{verdict.size} {verdict.options}".strip()


def _command(predictions: Sequence[Prediction], size: str, store: Store, extent: Extent) -> str:
    names = [prediction.name for prediction in predictions]
    place = [] if str(store.path) == "store" else ["--store", str(store.path)]
    options = predictions[0].variant.options()
    return shlex.join(
        [
            *("predictions", "run", *names, "--size", size),
            *(*extent.options(), *options, *place, *plugins.options()),
        ]
    )


def _section(
    verdict: Verdict,
    prediction: Prediction,
    extent: Extent,
) -> dict[str, Any]:
    seeds = extent.seeds if verdict.look is None else verdict.look.seeds
    wide, narrow = _drawn(verdict, prediction)
    return {
        "verdict": verdict,
        "prediction": prediction,
        "design": " ".join(
            [prediction.design(verdict.size, seeds), *_operations(verdict.evidence)]
        ),
        "figure": wide,
        "narrow": narrow,
        "narrow_caption": below_each_other(prediction.figure_caption),
        "numbers": [
            {
                "name": labelled.told(name),
                "meaning": prediction.glossary.get(labelled.word(name), ""),
                **number.texts(),
            }
            for name, number in verdict.numbers.items()
        ],
    }


def _operations(runs: Sequence[Run]) -> list[str]:
    """Return what each operation is whose table is trained on, in a sentence."""
    tables = [run.task for run in runs if isinstance(run.task, TaskSettings)]
    names = dict.fromkeys(table.operation for table in tables)
    told = [f"{name} is {OPERATIONS.find(name).meaning}" for name in names]
    return [f"Of operands a and b, {'; '.join(told)}."] if told else []


def _drawn(verdict: Verdict, prediction: Prediction) -> tuple[str, str]:
    """Return the figure of a verdict, and as a telephone shows it if that is another one."""
    draw = figures.find(prediction.name)
    if draw is None or not verdict.numbers:
        return "", ""
    drawn: dict[tuple[float, ...], str] = {}
    try:
        for number, name in ((2, prediction.name), (1, f"{prediction.name}-narrow")):
            with columns(number):
                figure = draw(verdict, verdict.evidence)
            if (size := tuple(figure.get_size_inches())) not in drawn:
                drawn[size] = figures.svg(
                    figure,
                    name=name,
                    title=f"{prediction.title}, {verdict.size}",
                    description=verdict.sentence,
                )
    except StoreError:
        raise
    except Exception:  # what the verdict says does not depend on its figure
        _LOG.warning("the figure of %s could not be drawn:", prediction.name, exc_info=True)
        return "", ""
    wide, narrow, *_ = *drawn.values(), ""
    return wide, narrow
