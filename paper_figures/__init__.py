"""Reads verdicts and histories, draws. Never trains."""
