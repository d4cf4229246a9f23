"""The figures of Power et al. (2022): a module for each, with a ``FIGURE``."""
