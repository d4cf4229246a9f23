"""Keeps a worker: a program of its own between whoever began it and what trains.

    python -I keeper.py PARENT COMMAND …

Whoever began it may be killed in ways in which it can do nothing, and may kill what it began the
same way. The kernel sends this program SIGTERM if that happens, and the command if it happens to
this program; SIGTERM goes on to all processes of its group. It needs nothing but Python.
"""

import ctypes
import os
import signal
import subprocess
import sys

_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def main(parent: int, command: list[str]) -> int:
    """Run the command; return how it ended, 128 and the signal if it was by one."""

    def pass_on(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)

    signal.signal(signal.SIGTERM, pass_on)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        return 128 + signal.SIGTERM  # it was gone before the kernel was asked
    worker = subprocess.Popen([sys.executable, "-I", "-c", _WITH_PARENT, *command])
    ended = worker.wait()
    return ended if ended >= 0 else 128 - ended


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
