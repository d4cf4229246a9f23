"""Figures in the manner of Nakkiran et al. (2020): a module for each, with a ``FIGURE``."""
