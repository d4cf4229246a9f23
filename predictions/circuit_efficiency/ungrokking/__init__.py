"""Networks that forget how to generalise on fewer examples."""
