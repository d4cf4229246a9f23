"""From a list of settings to a store that holds them all: who trains what, and what is kept."""
