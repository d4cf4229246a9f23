"""Findings of the study that found grokking, as predictions (Power et al. 2022).

And two questions of its readers. They share seeds, networks and rates (``ground``); claim, design
and rule of each stand in one module.
"""
