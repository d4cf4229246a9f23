"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console

from runs import Progress

LINE_SECONDS = 10.0
"""Time between two plain lines."""


def duration(seconds: float) -> str:
    """Return a time like ``45 s``, ``3 min 20 s``, ``2 h 05 min`` or ``12 days``."""
    whole = round(seconds)
    if whole >= 48 * 3600:
        return f"{whole / 86400:.2g} days" if whole < 86400 * 100 else f"{whole // 86400:,} days"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


MARGIN = 1.3
"""By how much an estimated time may be off, on a quiet machine."""


def estimated(seconds: float) -> str:
    """Return an estimated time as the range that it is, ``2 to 4 min`` say."""
    low, high = (duration(round_to_two_digits(x)) for x in (seconds / MARGIN, seconds * MARGIN))
    if low == high:
        return low
    (number, _, unit), (other, _, same) = low.rpartition(" "), high.rpartition(" ")
    alike = unit == same and all(one.replace(".", "").isdigit() for one in (number, other))
    return f"{number if alike else low} to {high}"


def round_to_two_digits(seconds: float) -> float:
    """Return a time without digits that an estimate does not have."""
    if seconds <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return round(seconds / unit) * unit


class Display:
    """Shows ``runs.Progress``; use it as a context and pass ``update`` to ``runs.execute``."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._began = self._last_line = time.monotonic()
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}"),
                rich.progress.BarColumn(),
                rich.progress.TaskProgressColumn(),
                rich.progress.TextColumn("{task.fields[to_go]}"),
                console=self._console,
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far the work has come."""
        elapsed = time.monotonic() - self._began
        share = progress.seconds_done / progress.seconds_total if progress.seconds_total else 1.0
        # The estimate in advance knows nothing of this machine; the pace so far soon does.
        here = progress.seconds_done - progress.seconds_found
        pace = elapsed / here if here > 0.01 * progress.seconds_total else 1.0
        to_go = f"about {duration((progress.seconds_total - progress.seconds_done) * pace)} to go"
        text = f"{progress.runs_done} of {progress.runs_total} runs saved, {progress.activity}"
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(text, total=1.0, to_go=to_go)
            self._bar.update(self._task, completed=share, description=text, to_go=to_go)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            print(f"{share:4.0%}  {text}, {to_go}", file=sys.stderr, flush=True)
