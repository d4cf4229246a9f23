"""The baseline: generalisation long after the examples are fitted."""
