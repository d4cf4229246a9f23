"""Controls: what should not happen if the theory is right about why the rest does, and rivals."""
