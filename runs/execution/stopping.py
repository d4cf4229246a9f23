"""Requests to stop, as signals from outside."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

ASKED_AGAIN = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals by which cluster software says that time is up, and that the job may go on later."""


@contextlib.contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[list[int]]:
    """Set ``stop`` on a signal to end; outside the main thread signals are left alone.

    Yields:
        The signals that came, in their order.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def request(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        stop.set()

    # What was ignored from the start stays so: nohup means it, and so does a shell's trap.
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *ASKED_AGAIN)
    listened = [number for number in signals if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, request) for number in listened}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
