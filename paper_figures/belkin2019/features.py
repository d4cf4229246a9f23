"""Test loss and norm over the number of random features (Belkin et al. 2019)."""

from __future__ import annotations

from paper_figures.base import Need, PaperFigure, as_in_reports
from paper_figures.panels.double_descent import norms

FIGURE = PaperFigure(
    name="double-descent-features",
    after="Belkin et al. (2019) on random features",
    title="Test loss and norm over features",
    shows="Mean squared error on test examples and norm of the solution of least norm, against the"
    " number of random features, geometric means over seeds with 95% intervals; dashed: where each "
    "is highest.",
    needs=(Need(prediction="features-norm"),),
    draw=as_in_reports(norms),
    apart="Features of scikit-learn's digits, where the paper has them of MNIST.",
)
