"""Training without weight decay by ways of keeping the softmax (Prieto et al. 2025, Figure 1)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.numerical_stability import build

FIGURE = PaperFigure(
    name="numerical-stability",
    after="Figures 1, 2 and 6 of Prieto et al. (2025)",
    title="Training without weight decay, and with it",
    shows="Accuracy on novel pairs over steps, and the share of training pairs whose softmax has "
    "collapsed in single precision (dashed), a panel for each way of training, a line for "
    "each network.",
    needs=tuple(
        Need(prediction=name)
        for name in ("softmax-collapse", "exact-loss", "stablemax-scratch", "orthogonal-sooner")
    ),
    draw=as_in_reports(build),
    apart="In place of softmax in float64 the loss is exact in single precision; the way with "
    "weight decay is their baseline for speed. They show one network each.",
)
