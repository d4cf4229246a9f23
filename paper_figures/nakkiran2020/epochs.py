"""Test error over training (Nakkiran et al. 2020)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.double_descent import epochs

FIGURE = PaperFigure(
    name="double-descent-epochs",
    after="Nakkiran et al. (2020) on the length of training",
    title="Test error over training",
    shows="Test error over steps of networks without decay, a line for each and their geometric "
    "mean.",
    needs=(Need(prediction="epochs-peak"),),
    draw=as_in_reports(epochs),
    apart="One hidden layer on scikit-learn's digits, a fifth of them with a wrong label, where "
    "the paper has residual networks on CIFAR-10.",
)
