"""The norm that each circuit needs for a logit, against dataset size."""
