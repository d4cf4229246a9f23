"""Figures in the manner of Nanda et al. (2023), and of Nanda and Lieberum (2022) before it.

A module for each, with a ``FIGURE``.
"""
