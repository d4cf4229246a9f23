"""Measures of how few frequencies a network computes with (Nanda et al. 2023, section 5).

Shapes: p residues, M = d_model, F = ⌊p/2⌋ frequencies above 0.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from efficiency.measures.base import Reading, recorded


def embedding_spectrum(W_E: npt.ArrayLike, p: int) -> np.ndarray:
    """Return (F,) the power of the embedding at frequencies 1 … ⌊p/2⌋ of Z_p, summing to 1.

    Σ_m |Σ_a W_E[a, m] e^{−2πi k a / p}|² for each k, without the constant part, which says nothing
    of the residue. Where p is even, frequency p/2 is its own mirror image and counts once.

    Args:
        W_E: (at least p, M) embedding; rows from p on are other tokens.
        p: The modulus.
    """
    power_FM = np.abs(np.fft.rfft(np.asarray(W_E, dtype=float)[:p], axis=0)) ** 2
    power_F = power_FM.sum(axis=1)[1:] * 2
    if p % 2 == 0:
        power_F[-1] /= 2
    found: np.ndarray = power_F / power_F.sum()
    return found


@recorded("num-frequencies", "Frequencies of the embedding")
def num_frequencies(reading: Reading) -> float:
    """Return in how many frequencies the embedding lies: 1 / Σ_k share_k², from 1 to ⌊p/2⌋.

    NaN where there is no ``W_E`` with a row for every symbol.
    """
    W_E, p = reading.weights.get("W_E"), reading.run.task.num_classes
    if W_E is None or W_E.dim() != 2 or W_E.shape[0] < p:
        return math.nan
    share_F = embedding_spectrum(W_E.double().cpu().numpy(), p)
    return float(1 / np.square(share_F).sum())
