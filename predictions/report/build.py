"""Collect what a report says, and write it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from efficiency.outcome import Outcome
from efficiency.settings import RunSettings
from predictions.protocol import Prediction, Run, Verdict
from predictions.report import figures
from runs import Record, Store, StoreError
from runs.files import explain_os_error, write_file
from runs.identity import SCHEMA_VERSION


def write_report(
    verdict: Verdict, prediction: Prediction, store: Store, out: Path, num_seeds: int | None
) -> tuple[Path, Path]:
    """Write ``out/NAME-SIZE[-N-seeds].html`` and ``.md``, its figure beside it; return both paths.

    Raises:
        StoreError: They cannot be written, or a run is damaged.
    """
    records = [store.load(run) for run in verdict.runs]
    context = _context(verdict, prediction, records, store, num_seeds)
    seeds = "" if num_seeds is None else f"-{num_seeds}-seeds"
    stem = f"{verdict.prediction}-{verdict.size}{seeds}"
    html, markdown, picture = (out / f"{stem}.{ending}" for ending in ("html", "md", "svg"))
    context["picture"] = picture.name
    try:
        out.mkdir(parents=True, exist_ok=True)
        if context["figure"]:
            write_file(picture, context["figure"])
        else:
            picture.unlink(missing_ok=True)
        write_file(markdown, _render("report.md.j2", context))
        write_file(html, _render("report.html.j2", context))
    except OSError as error:
        raise StoreError(str(explain_os_error(error, out)).replace("--store", "--out")) from error
    return html, markdown


def _render(template: str, context: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("predictions.report"),
        autoescape=template.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(context)


def _context(
    verdict: Verdict,
    prediction: Prediction,
    records: Sequence[Record],
    store: Store,
    num_seeds: int | None,
) -> dict[str, Any]:
    runs = {
        record.identity: Run(
            settings=RunSettings.from_document(record.settings),
            outcome=Outcome.from_document(record.outcome),
        )
        for record in records
    }
    by_identity = {record.identity: record for record in records}
    seeds = [] if num_seeds is None else ["--seeds", str(num_seeds)]
    place = [] if str(store.path) == "store" else ["--store", str(store.path)]
    command = ["predictions", "run", prediction.name, "--size", verdict.size, *seeds, *place]
    draw = figures.find(prediction.name)
    drawing = ""
    if draw is not None and verdict.numbers:
        figure = draw(verdict, list(runs.values()), lambda run: by_identity[run.identity].history)
        drawing = figures.svg(
            figure, title=f"{prediction.title}, {verdict.size}", description=verdict.sentence
        )
    return {
        "verdict": verdict,
        "prediction": prediction,
        "design": prediction.design(verdict.size, num_seeds),
        "figure": drawing,
        "numbers": [
            {
                "name": name.replace("_", " "),
                "meaning": _meaning(prediction, name),
                **number.texts(),
            }
            for name, number in verdict.numbers.items()
        ],
        "runs": [_run_row(run) for run in sorted(runs.values(), key=_run_order)],
        "command": shlex.join(command),
        "origins": _origins(records),
        "schema": SCHEMA_VERSION,
    }


def _meaning(prediction: Prediction, number: str) -> str:
    """Return what a number means; one entry explains all numbers that begin with its name."""
    entries = [name for name in prediction.glossary if number.startswith(name)]
    return prediction.glossary[max(entries, key=len)] if entries else ""


def _run_order(run: Run) -> tuple[Any, ...]:
    s = run.settings
    seed = s.data_seed if s.init_seed is None else s.init_seed
    return (s.start is not None, seed, s.dataset_size, s.optimiser.weight_decay, run.identity)


def _run_row(run: Run) -> dict[str, str]:
    s, numbers = run.settings, run.outcome.numbers

    def show(name: str, digits: int = 3) -> str:
        number = numbers.get(name)
        return "" if number is None or number.value is None else f"{number.value:.{digits}f}"

    started_on = "" if s.start is None else f"{s.start.dataset_size} pairs"
    return {
        "identity": run.identity[:12],
        "role": "start network" if s.start is None else "continued",
        "seed": str(s.data_seed),
        "size": str(s.dataset_size),
        "started_on": started_on,
        "weight_decay": f"{s.optimiser.weight_decay:g}",
        "train_accuracy": show("train_accuracy"),
        "test_accuracy": show("test_accuracy"),
        "drift": show("test_accuracy_drift"),
        "norm": show("norm", 1),
        "log_odds": show("log_odds", 1),
        "status": run.outcome.status,
        "reasons": "; ".join(run.outcome.reasons),
    }


def _origins(records: Sequence[Record]) -> list[str]:
    """Return where the runs come from, a line for each distinct origin: code, versions, machine."""
    counts: dict[str, int] = {}
    for record in records:
        origin = record.provenance
        code, machine, training = origin["code"], origin["environment"], origin["training"]
        changed = " with uncommitted changes" if code["dirty"] else ""
        commit = f"commit {code['commit'][:12]}{changed}" if code["commit"] else "no checkout"
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
        made = f" ({training['compiled']})" if training.get("compiled") else ""
        text = (
            f"version {code['version']}, {commit}; Python {machine['python']}, {packages}; "
            f"{machine['platform']}; {training['device']} ({training['device_name']}), "
            f"{training['threads']} threads, "
            f"engine {training.get('engine', 'not recorded')}{made}"
        )
        counts[text] = counts.get(text, 0) + 1
    return [f"{count} runs: {text}" for text, count in sorted(counts.items())]
