"""The runs of a report: a row for each in its table, and where they come from."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

from efficiency.settings import OptimiserSettings, RunSettings, leaves
from predictions.cells import Run
from runs import Record

SHOWN_LETTERS = 12
"""Of an identity, in tables."""


def table(runs: Iterable[Run]) -> list[dict[str, str]]:
    """Return a row for each run, whatever places it has, with all the arms that it is of."""
    every: dict[str, Run] = {}
    arms: dict[str, dict[str, None]] = {}
    for run in runs:
        every[run.identity] = run
        arms.setdefault(run.identity, {})[_place(run)] = None
    return [
        _row(run) | {"arms": "; ".join(filter(None, arms[run.identity]))}
        for run in sorted(every.values(), key=_order)
    ]


def _place(run: Run) -> str:
    """Return the arm of a cell, and whether others only begin from it."""
    return ", ".join(filter(None, [run.arm, "start" if run.is_start else ""]))


def _trained(settings: RunSettings) -> str:
    """Return how a run was trained."""
    if settings.optimiser.norm_factor is not None:
        return f"held at {settings.optimiser.norm_factor:g} × norm"
    if settings.regime in ("memorising", "mirrored"):
        return f"memorising{', mirror images alike' if settings.regime == 'mirrored' else ''}"
    return ", ".join(["continued" if settings.continues else "from scratch", *_choices(settings)])


def _choices(settings: RunSettings) -> list[str]:
    """Return what a run does besides plain AdamW on all of its examples."""
    o, dropout = settings.optimiser, settings.network.dropout_rate
    found = (
        [] if o.batch_size is None else [f"minibatches of {o.batch_size}, η {o.learning_rate:g}"]
    )
    usual = OptimiserSettings.model_fields["epsilon"].default
    found += [] if o.epsilon == usual else [f"ε {o.epsilon:g}"]
    found += [f"dropout {dropout:g}"] if dropout else []
    found += [] if o.weight_noise is None else [f"weight noise {o.weight_noise:g}"]
    found += [] if o.update_noise is None else [f"update noise {o.update_noise:g}"]
    found += [] if o.decay_form is None else ["L2"]
    found += [] if o.method is None else [o.method.replace("-", " ")]
    found += [] if o.decay_target is None else ["decay towards the start"]
    found += (
        []
        if o.orthogonal_gradient is None
        else [f"gradient orthogonal to the weights ({o.orthogonal_gradient})"]
    )
    found += [] if settings.loss == "log-odds" else [f"loss {settings.loss}"]
    found += [] if settings.num_corrupted is None else [f"{settings.num_corrupted} wrong labels"]
    return found


def _order(run: Run) -> tuple[Any, ...]:
    s = run.settings
    return (
        # Values of one kind only are compared, whatever the tasks are.
        [(type(value).__name__, value) for _, value in leaves(s.task)],
        _trained(s),
        s.data_seed,
        s.dataset_size,
        s.optimiser.weight_decay,
        run.identity,
    )


def _row(run: Run) -> dict[str, str]:
    s, numbers = run.settings, run.outcome.numbers

    def show(name: str, digits: int = 3) -> str:
        number = numbers.get(name)
        return "" if number is None or number.value is None else f"{number.value:.{digits}f}"

    started_on = "" if s.start is None else f"{s.start.dataset_size} pairs"
    return {
        "identity": run.identity[:SHOWN_LETTERS],
        "task": s.task.words,
        "trained": _trained(s),
        "seed": str(s.data_seed),
        "size": str(s.dataset_size),
        "started_on": started_on,
        "weight_decay": f"{s.optimiser.weight_decay:g}",
        "train_accuracy": show("train_accuracy"),
        "test_accuracy": show("test_accuracy"),
        "novel_accuracy": show("novel_accuracy"),
        "drift": show("novel_accuracy_drift"),
        "norm": show("norm", 1),
        "log_odds": show("log_odds", 1),
        "status": run.outcome.status,
        "reasons": "; ".join(run.outcome.reasons),
    }


def origins(records: Sequence[Record]) -> list[str]:
    """Return where the runs come from, a line for each distinct origin."""
    counts = collections.Counter(map(origin_of, records))
    return [f"{count} runs: {text}" for text, count in sorted(counts.items())]


def origin_of(record: Record) -> str:
    """Return where a run comes from: code, versions, machine, engine."""
    origin = record.provenance
    code, machine, training = origin["code"], origin["environment"], origin["training"]
    changed = " with uncommitted changes" if code["dirty"] else ""
    commit = f"commit {code['commit'][:12]}{changed}" if code["commit"] else "no checkout"
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    made = f" ({training['compiled']})" if training.get("compiled") else ""
    last = training.get("engine", "not recorded")
    others = {leg["training"].get("engine", "not recorded") for leg in origin.get("earlier", ())}
    begun = f", begun with {' and '.join(sorted(others - {last}))}" if others - {last} else ""
    return (
        f"version {code['version']}, {commit}; Python {machine['python']}, {packages}; "
        f"{machine['platform']}; {training['device']} ({training['device_name']}), "
        f"{training['threads']} threads, "
        f"engine {last}{made}{begun}"
    )
