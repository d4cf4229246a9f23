"""Numbers below the smallest normal one, which count as 0 while an ensemble is trained or measured.

On some processors each operation on one takes a hundred times as long, and as a network settles its
gradients, moments and their products become many of them: five times longer training on an Intel
Sapphire Rapids. None of them matters: float32 gradients of 1e-38 beside an ε of 1e-8 or of 1e-25.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

flush = True
"""A switch for benchmarks, which want to know how long it takes without."""


def are_flushed() -> bool:
    """Return whether they count as 0 in the calling thread now."""
    smallest = torch.tensor(torch.finfo(torch.float64).tiny, dtype=torch.float64)
    return float(smallest / 2) == 0.0


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """Let them count as 0 in the calling thread, and in those that torch starts from it meanwhile.

    Where the processor cannot do that, nothing changes.
    """
    before = are_flushed()
    torch.set_flush_denormal(flush)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
