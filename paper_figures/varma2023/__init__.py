"""The figures of Varma et al. (2023): a module for each, with a ``FIGURE``."""
