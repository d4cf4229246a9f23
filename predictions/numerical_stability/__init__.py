"""Grokking without weight decay, and what arithmetic has to do with it (Prieto et al. 2025)."""
