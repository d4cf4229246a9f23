"""Figures of predictions, found by name.

``predictions`` may not import ``paper_figures``: figures read verdicts, not the other way round.
Ours are offered by an entry point in the group ``predictions.figures``: a function from the
name of a prediction to what draws it, (verdict, runs) → matplotlib figure, or to ``None``. Another
package calls ``register``.
"""

from __future__ import annotations

import html
import importlib.metadata
import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from efficiency.errors import InvalidInputError
from predictions.cells import Run
from predictions.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Verdict, Sequence[Run]], "Figure"]

_GROUP = "predictions.figures"

REGISTERED: dict[str, Draw] = {}
"""What draws the figures of predictions of other packages."""


def register(prediction: str, draw: Draw) -> None:
    """Register what draws the figure of a prediction of another package.

    Raises:
        InvalidInputError: Something draws it already.
    """
    if find(prediction) not in (None, draw):
        raise InvalidInputError(f"the figure of {prediction!r} is drawn by something else")
    REGISTERED[prediction] = draw


def find(prediction: str) -> Draw | None:
    """Return what draws the figure of a prediction, if anything does."""
    if prediction in REGISTERED:
        return REGISTERED[prediction]
    for entry in importlib.metadata.entry_points(group=_GROUP):
        draw: Draw | None = entry.load()(prediction)
        if draw is not None:
            return draw
    return None


def svg(figure: Figure, *, name: str, title: str, description: str) -> str:
    """Return a figure as an SVG element to put in a page: same input, same bytes.

    Args:
        figure: The figure.
        name: Sets the ids of this figure apart from those of others on the page.
        title: Read out by a screen reader.
        description: What it shows, in words.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    # A size in points overflows a phone; the viewBox keeps the proportions.
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    # Groups are numbered in each figure, and nothing refers to them.
    drawing = re.sub(r'<g id="[^"]*"', "<g", drawing)
    words = (
        f' role="img" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{html.escape(title)}</title>'
        f'<desc id="{name}-description">{html.escape(description)}</desc>'
    )
    return re.sub(r"(<svg[^>]*)>", lambda match: match[1] + words, drawing, count=1)
