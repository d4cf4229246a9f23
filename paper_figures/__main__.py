"""``python -m paper_figures``."""

from predictions.command import paper_figures

paper_figures()
