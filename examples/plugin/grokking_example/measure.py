"""A measure: how far the norms of parameters are apart."""

import math

from efficiency.measures import Reading, recorded


@recorded("imbalance", "Largest over smallest norm of a parameter")
def imbalance(reading: Reading) -> float:
    """Return the largest norm of a parameter over the smallest, NaN where one is all 0."""
    norms = [float(value.norm()) for value in reading.weights.values()]
    return max(norms) / min(norms) if min(norms) > 0 else math.nan
