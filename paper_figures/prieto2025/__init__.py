"""Figures in the manner of Prieto et al. (2025): a module for each, with a ``FIGURE``."""
