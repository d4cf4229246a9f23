"""Claims about both circuits inside networks that are trained as usual."""
