"""Test loss over the number of examples (Nakkiran et al. 2020)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.double_descent import losses

FIGURE = PaperFigure(
    name="double-descent-examples",
    after="Nakkiran et al. (2020) on the number of examples",
    title="Test loss over examples",
    shows="Test loss after training without decay against the number of examples, geometric means"
    " over seeds with 95% intervals; dashed: where the networks just fit them.",
    needs=(Need(prediction="examples-peak"),),
    draw=as_in_reports(losses),
    apart="One hidden layer on scikit-learn's digits, a fifth of them with a wrong label, where "
    "the paper has transformers on translation.",
)
