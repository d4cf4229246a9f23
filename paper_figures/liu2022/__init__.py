"""Figures in the manner of Liu et al. (2022): a module for each, with a ``FIGURE``."""
