"""Figure 4 of Varma et al. (2023): accuracy after ungrokking against reduced dataset size."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.ungrokking import final_accuracies, number_of_starts, points


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw one panel."""
    (one,) = evidence
    drawn, (axes,) = style.figure(1, 3.6)
    task = one.runs[0].task
    chance = task.chance
    final_accuracies(axes, points(one.runs), one.verdict, chance)
    axes.set_title(f"Where networks end, {number_of_starts(one.runs)}")
    return drawn


FIGURE = PaperFigure(
    name="figure-04",
    after="Figure 4 of Varma et al. (2023)",
    title="Ungrokking against D′",
    shows="Final accuracy on novel pairs of networks that knew the whole table, trained on with D′ "
    "examples, by weight decay; networks faint, means bold with Student's 95% intervals cut "
    "at 0 and 1 (the same networks at each weight decay, set apart sideways); the threshold "
    "(mean over networks of where each crosses the middle between chance and 1, all weight "
    "decays together) with its own, chance dotted. Counted are start networks that knew the "
    "whole table.",
    needs=(Need(prediction="ungrokking"),),
    draw=draw,
)
