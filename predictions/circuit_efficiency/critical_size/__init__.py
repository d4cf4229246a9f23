"""D_crit foretold for each network from norms, observed, and held against what was foretold."""
