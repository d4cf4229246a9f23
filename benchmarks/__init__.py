"""Speed, measured; never tested."""
