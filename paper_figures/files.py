"""Figures as bytes: the same figure gives the same."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure

from efficiency.errors import InvalidInputError

FORMATS = ("svg", "pdf", "png")

_DATED = {"svg": "Date", "pdf": "CreationDate"}
"""Where a format would write the time."""


def as_bytes(figure: Figure, file_format: str, name: str) -> bytes:
    """Return a figure as a file; text of vector formats stays text.

    Args:
        figure: The figure.
        file_format: ``svg``, ``pdf`` or ``png``.
        name: Sets the ids of this figure apart from those of others on a page.

    Raises:
        ValueError: Another format.
    """
    if file_format not in FORMATS:
        raise InvalidInputError(
            f"pictures are written as {', '.join(FORMATS)}, not as {file_format!r}; end the name "
            "of the file with one of them"
        )
    undated = _DATED.get(file_format)
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure.savefig(
            buffer,
            format=file_format,
            dpi=200,
            metadata={undated: None} if undated else None,
        )
    return buffer.getvalue()
