"""Figure 2 of Power et al. (2022): interventions, and operations."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.interventions import rows
from paper_figures.panels.operations import shares_of_seeds


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw interventions on the left, operations on the right."""
    interventions, operations = evidence
    drawn, (left, right) = style.figure(2, 4.2)
    rows(left, interventions.verdict, interventions.runs)
    runs = interventions.runs
    left.set_title(f"When networks generalise, {len(runs)} runs{style.diverged(runs)}")
    shares_of_seeds(right, operations.verdict, operations.runs)
    return drawn


FIGURE = PaperFigure(
    name="first-study-02",
    after="Figure 2 of Power et al. (2022)",
    title="Interventions and operations",
    shows="Left: step at which networks generalise, by intervention, a mark for each seed, open at "
    "the budget (dotted) if they had not; bars are medians, none where that is beyond it. "
    "Right: share of seeds that generalise, by operation and part of the table, with 95% "
    "intervals.",
    needs=(Need(prediction="interventions"), Need(prediction="operations")),
    draw=draw,
    apart="The paper draws the best accuracy within its budget against the part of the table.",
)
