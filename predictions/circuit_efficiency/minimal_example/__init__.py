"""Two circuits alone, without any network."""
