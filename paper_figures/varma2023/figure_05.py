"""Figure 5 of Varma et al. (2023): final accuracy from scratch against dataset size."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.semi_grokking import finals
from predictions.circuit_efficiency import scratch


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw one panel, of the runs that count."""
    (one,) = evidence
    drawn, (axes,) = style.figure(1, 3.4)
    by_seed, left_out = scratch.usable(one.runs)
    finals(axes, [run for by in by_seed.values() for run in by.values()])
    midpoint = one.verdict.numbers.get("from_scratch_midpoint")
    style.mark(axes, midpoint, "half from scratch", text=False)  # marks may lie anywhere
    half = f"; half of the way at D = {style.shown(midpoint)}"
    without = f", {len(left_out)} left out" if left_out else ""
    axes.set_title(f"From scratch, {len(by_seed)} seeds{without}{half}")
    task = one.runs[0].task
    style.accuracy_axis(axes, task.chance)
    return drawn


FIGURE = PaperFigure(
    name="figure-05",
    after="Figure 5 of Varma et al. (2023)",
    title="Final accuracy from scratch against D",
    shows="Final accuracy on novel pairs of networks trained from scratch, against D, a mark for "
    "each run by what became of it, seeds side by side (moving: still changes at the end; "
    "partial at once: without delay). Dashed: the D at which half of the way is reached, with "
    "its 95% interval.",
    needs=(Need(prediction="semi-grokking"),),
    draw=draw,
)
