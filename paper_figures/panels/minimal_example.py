"""Figure 2 of the paper: the three ingredients of grokking in two lookup tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from efficiency.notation import NOTATION
from paper_figures import style
from predictions.cells import Run
from predictions.circuit_efficiency.minimal_example.claim import PANELS, losses
from predictions.verdicts import Verdict

_TITLES = {
    "all_three": "All three ingredients",
    "less_efficient_gen": "Gen less efficient",
    "equal_speed": "Gen as fast as Mem",
}


@mpl.rc_context(style.STYLE)
def build(verdict: Verdict, runs: Sequence[Run]) -> Figure:
    """Draw training and test loss of gradient descent, a panel for each example."""
    drawn, panels = style.figure(len(PANELS), 2.8)
    for axes, (name, example) in zip(panels, PANELS.items(), strict=True):
        train, test = losses(example)
        # Evenly spaced in the logarithm: 40,000 points would only make the picture large.
        steps = np.unique(np.geomspace(1, len(train), 400).astype(int)) - 1
        axes.plot(steps + 1, train[steps], "--", color=style.MEM, label="training")
        axes.plot(steps + 1, test[steps], "-", color=style.GEN, label="test")
        axes.axhline(math.log(example.num_classes), color=style.CHANCE, lw=1, ls=":")
        axes.set_xscale("log")
        axes.set_ylim(0, 8)
        axes.set_title(_TITLES[name])
        axes.set_xlabel(NOTATION["step"].axis_label)
    panels[0].set_ylabel(NOTATION["loss"].axis_label)
    panels[0].legend(loc="lower left")
    return drawn
