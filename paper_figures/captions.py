"""Sentences of captions, made from the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from efficiency.settings import RunSettings, TaskSettings
from predictions.cells import Run
from predictions.grounds import named
from predictions.judging import plural
from predictions.verdicts import Verdict

MOST_NOTES = 2
"""Notes of the verdicts that a caption repeats."""


def facts(runs: Sequence[Run]) -> str:
    """Return operations, networks, seeds and lengths of runs in a sentence; nothing of none."""
    if not runs:
        return ""
    settings = [run.settings for run in runs]
    tables = _listed(s.task.words for s in settings)
    networks = _listed(named(s.network) for s in settings)
    seeds = len({s.data_seed for s in settings})
    return (
        f"Read from {plural(len(runs), 'run')}: {tables}; {networks}; {plural(seeds, 'seed')}; "
        f"{_range(settings, lambda s: s.num_steps)} steps."
    )


def notes(verdicts: Sequence[Verdict]) -> str:
    """Return what verdicts say of what they left out, the first of it; nothing where nothing is."""
    said = list(dict.fromkeys(note for verdict in verdicts for note in verdict.notes))
    more = len(said) - MOST_NOTES
    shown = [note if note.endswith(".") else f"{note}." for note in said[:MOST_NOTES]]
    if more > 0:
        shown.append(f"The verdicts have {more} more such {'note' if more == 1 else 'notes'}.")
    return " ".join(f"{note[0].upper()}{note[1:]}" for note in shown)


def state(runs: Sequence[Run]) -> str:
    """Return how many runs had not settled or diverged; nothing if all had settled."""
    restless = sum(run.outcome.status == "not settled" for run in runs)
    diverged = sum(run.outcome.status == "diverged" for run in runs)
    found = [f"{restless} had not settled"] if restless else []
    found += [f"{diverged} diverged"] if diverged else []
    return f"Of all these, drawn or not, {' and '.join(found)}." if found else ""


def differences(settings: Sequence[RunSettings], papers: Sequence[RunSettings]) -> str:
    """Return in what runs differ from those of the size ``paper``, the paper's in brackets."""
    if not settings:
        return ""
    compared: dict[str, Callable[[RunSettings], float | None]] = {
        "p": lambda s: s.task.size if isinstance(s.task, TaskSettings) else None,
        "width": lambda s: s.network.d_model if hasattr(s.network, "num_heads") else None,
        "hidden units": lambda s: s.network.d_mlp or None,
        "η": lambda s: s.optimiser.learning_rate,
        "steps": lambda s: s.num_steps,
        "D": lambda s: s.dataset_size,
    }
    found = []
    for name, of in compared.items():
        ours, theirs = (_range(some, of) for some in (settings, papers))
        if ours != theirs:
            found.append(f"{name} = {ours} ({theirs})")
    seeds, usual = (len({s.data_seed for s in some}) for some in (settings, papers))
    if seeds != usual:
        found.append(f"{seeds} seeds ({usual})")
    return (
        f"Not as at the size paper of this project (in brackets): {', '.join(found)}."
        if found
        else ""
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _range(settings: Sequence[RunSettings], of: Callable[[RunSettings], float | None]) -> str:
    """Return the range of what some runs have; nothing where none has it."""
    had = [value for one in settings if (value := of(one)) is not None]
    if not had:
        return ""
    low, high = min(had), max(had)
    return _shown(low) if low == high else f"{_shown(low)} to {_shown(high)}"


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"
