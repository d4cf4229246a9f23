"""Figures in the manner of Belkin et al. (2019): a module for each, with a ``FIGURE``."""
