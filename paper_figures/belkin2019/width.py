"""Test loss and norm over width (Belkin et al. 2019)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.double_descent import norms

FIGURE = PaperFigure(
    name="double-descent-width",
    after="Belkin et al. (2019) on fully connected networks",
    title="Test loss and norm over width",
    shows="Test loss and norm of networks with one hidden layer after training without decay, and"
    " norm at equal log-odds, against width, geometric means over seeds with 95% intervals;"
    " dashed: where each is highest.",
    needs=(Need(prediction="width-norm"),),
    draw=as_in_reports(norms),
    apart="Cross-entropy on scikit-learn's digits, a fifth of them with a wrong label, where the "
    "paper has the squared error on MNIST; that it shows norms for random features is sure,"
    " for networks they are added here.",
)
