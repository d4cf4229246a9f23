"""The claims of the circuit-efficiency theory (Varma et al. 2023), a room for each."""
