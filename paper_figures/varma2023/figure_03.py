"""Figure 3 of Varma et al. (2023): efficiency of Mem and Gen against dataset size."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.base import Evidence, MissingRunsError, Need, PaperFigure
from paper_figures.panels.efficiency import isologit, networks
from predictions.circuit_efficiency.efficiency.judge import usable


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw the panels of the prediction's report, with D_crit on the right if it was judged."""
    efficiency, *critical = evidence
    drawn, (left, right) = style.figure(2, 3.6)
    curves, at, _ = usable(efficiency.runs)
    if not curves:
        raise MissingRunsError(
            "of efficiency no seed has settled networks on both arms, so that there is nothing to "
            f"draw at the size {efficiency.verdict.size}; a larger --size has"
        )
    networks(left, curves, at)
    isologit(right, curves, at)
    for one in critical:
        style.mark(right, one.verdict.numbers.get("foretold"), style.D_CRIT)
    return drawn


FIGURE = PaperFigure(
    name="figure-03",
    after="Figure 3 of Varma et al. (2023)",
    title="Efficiency of Mem and Gen against D",
    shows="Left: norm against log-odds of every settled network of a seed that counts, Mem filled "
    "(random labels), Gen open (large D). Right: the norm that each needs for one log-odds ŝ, "
    "against D; seeds faint, geometric means with 95% intervals where ŝ lies within what the "
    "networks of every seed span. Dashed: ŝ on the left, on the right D_crit as foretold, where "
    "both need the same, with its interval.",
    needs=(Need(prediction="efficiency"),),
    wants=(Need(prediction="critical-size-ratio"),),
    draw=draw,
    apart="The paper reads the correct logit; here it is the log-odds, of which the loss is a "
    "function.",
)
