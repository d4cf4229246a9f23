"""Training without weight decay by ways of keeping the softmax (Prieto et al. 2025, Figure 1)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.numerical_stability import build

FIGURE = PaperFigure(
    name="numerical-stability",
    after="Figure 1 of Prieto et al. (2025)",
    title="Grokking without weight decay",
    shows="Accuracy on novel pairs over steps, and the share of training pairs whose softmax has "
    "collapsed in single precision (dashed), a panel for each way of training, a line for each "
    "network.",
    needs=tuple(
        Need(prediction=name)
        for name in ("softmax-collapse", "stablemax-scratch", "orthogonal-sooner")
    ),
    draw=as_in_reports(build),
)
