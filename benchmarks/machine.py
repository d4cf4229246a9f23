"""Which machine a benchmark ran on, and the switch that lets subnormal numbers be."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

import torch

from efficiency.engines import binding, subnormals
from runs import provenance


def description() -> str:
    """Return processor and compiled code in a line."""
    compiled = binding.problem() or binding.compiled().kind
    return f"{provenance.processor()}; {compiled}; torch {torch.__version__}"


@contextlib.contextmanager
def flushing(*, on: bool) -> Iterator[None]:
    """Let numbers below the smallest normal one count as 0, or not, in every engine and here."""
    code = binding.library()
    held = ctypes.c_int32.in_dll(code, "flush_subnormals")
    before = held.value, subnormals.flush, subnormals.are_flushed()
    held.value, subnormals.flush = int(on), on
    torch.set_flush_denormal(on)
    try:
        yield
    finally:
        held.value, subnormals.flush = before[:2]
        torch.set_flush_denormal(before[2])
