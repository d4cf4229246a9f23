"""Which machine a benchmark ran on, and the switch that lets subnormal numbers be."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

import torch

from efficiency.engines import compiled, layered, subnormals
from runs import provenance


def description() -> str:
    """Return processor and compiled code in a line."""
    code = compiled.CODE.problem() or compiled.CODE.compiled().kind
    return f"{provenance.processor()}; {code}; torch {torch.__version__}"


@contextlib.contextmanager
def flushing(*, on: bool) -> Iterator[None]:
    """Let numbers below the smallest normal one count as 0, or not, in every engine and here."""
    held = [
        ctypes.c_int32.in_dll(code.library(), "flush_subnormals")
        for code in (compiled.CODE, layered.CODE)
    ]
    before = subnormals.flush, subnormals.are_flushed()

    def switch(*, flush: bool) -> None:
        for one in held:
            one.value = int(flush)
        subnormals.flush = flush

    switch(flush=on)
    torch.set_flush_denormal(on)
    try:
        yield
    finally:
        switch(flush=before[0])
        torch.set_flush_denormal(before[1])
