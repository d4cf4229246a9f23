"""The phase diagram: what most networks do by learning rate and weight decay (Liu et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from efficiency.notation import NOTATION
from paper_figures import style
from paper_figures.base import Evidence, Need, PaperFigure
from paper_figures.panels.representation import NOTHING, shares_of_phases
from predictions.representation.four_phases import Phase

COLOURS: dict[Phase, str] = {
    "comprehension": "#2c7fb8",
    "grokking": "#a1dab4",
    "memorisation": "#fdae61",
    "confusion": "#dedede",
}
"""From learned to not learned; each cell names its phase as well."""


@mpl.rc_context(style.STYLE)
def draw(evidence: Sequence[Evidence]) -> Figure:
    """Draw a cell for each setting: the most frequent phase as a colour, its share as text."""
    (one,) = evidence
    shares = shares_of_phases(one.verdict)
    if not shares:
        return style.nothing(NOTHING)
    rates, decays = (sorted({key[k] for key in shares}) for k in (1, 2))
    phases = get_args(Phase)
    every = np.array(
        [[[shares[phase, rate, decay] for rate in rates] for decay in decays] for phase in phases]
    )
    drawn, (axes,) = style.figure(1, 3.4)
    axes.imshow(
        every.argmax(axis=0),
        vmin=-0.5,
        vmax=len(phases) - 0.5,
        cmap=ListedColormap([COLOURS[phase] for phase in phases]),
        origin="lower",
        aspect="auto",
    )
    for (row, column), value in np.ndenumerate(every.max(axis=0)):
        phase = phases[every[:, row, column].argmax()]
        axes.text(column, row, f"{phase}\n{value:.0%}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.set_yticks(range(len(decays)), [f"{decay:g}" for decay in decays])
    axes.set_xlabel(f"{NOTATION['learning_rate'].axis_label} of the decoder")
    axes.set_ylabel(f"{NOTATION['weight_decay'].axis_label} of the decoder")
    handles = [Patch(color=COLOURS[phase], label=phase.capitalize()) for phase in phases]
    style.legend_beside(axes, handles=handles)
    return drawn


FIGURE = PaperFigure(
    name="representation-phases",
    after="Liu et al. (2022) on phases of learning",
    title="Phase diagram",
    shows="The phase that most networks are in, by learning rate and weight decay of the decoder,"
    " and the share of seeds that are in it; of equally frequent ones the first.",
    needs=(Need(prediction="four-phases"),),
    draw=draw,
    apart="The paper shows one network for each setting, here a cell counts seeds.",
)
