"""Claims about training without end: what comes to rest, where, and what never does."""
