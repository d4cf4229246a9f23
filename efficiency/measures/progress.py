"""Progress measures of networks that add modulo p (Nanda et al. 2023, section 5).

Key frequencies are those of the network as it is when it is measured. Early in training, when it
has none, they are whichever are strongest by chance: what a loss says of the circuit to come takes
the keys of the end, and of another network as a control (``efficiency.analysis.progress``).

Shapes: N pairs, p residues, M = d_model, L = d_mlp, F = ⌊p/2⌋ frequencies above 0.
"""

from __future__ import annotations

import math

import numpy as np

from efficiency.analysis import progress
from efficiency.measures.base import Reading, recorded
from efficiency.settings import TaskSettings


def _by_answer(reading: Reading) -> progress.ByAnswer | None:
    task = reading.run.task
    if not (isinstance(task, TaskSettings) and progress.defined(task)):
        return None
    found = progress.ByAnswer.of(reading.logits, task.table.answer)
    # Whatever is not finite among logits is not in their means either, of which there are fewer.
    return found if np.isfinite(found.mean_pp).all() else None


@recorded("loss-restricted", "Loss of the key frequencies alone, all pairs", "nats")
def restricted_loss(reading: Reading) -> float:
    """Return the loss of the restricted logits on all pairs, NaN on other tasks.

    See ``efficiency.analysis.progress``; keys are the network's own.
    """
    found = reading.once(_by_answer)
    return math.nan if found is None else found.restricted_loss(reading.once(_keys))


@recorded("loss-excluded", "Loss without the key frequencies, training pairs", "nats")
def excluded_loss(reading: Reading) -> float:
    """Return the loss of the excluded logits on training pairs, NaN on other tasks.

    By the true answers, whatever the regime; keys are the network's own.
    """
    found = reading.once(_by_answer)
    if found is None:
        return math.nan
    trained = np.flatnonzero(reading.parts["train"])
    answers = reading.run.table_task.table.answer
    return progress.excluded_loss(reading.logits, answers, trained, found, reading.once(_keys))


def _keys(reading: Reading) -> tuple[int, ...]:
    found = reading.once(_by_answer)
    return () if found is None else found.keys()


@recorded("key-frequencies", "Key frequencies of the logits")
def num_keys(reading: Reading) -> float:
    """Return how many frequencies have a quarter of the strongest one's power, NaN elsewhere."""
    return math.nan if reading.once(_by_answer) is None else float(len(reading.once(_keys)))


@recorded("key-share", "Share of the answer's part of the logits in key frequencies")
def key_share(reading: Reading) -> float:
    """Return the share of power that key frequencies have of what depends on the answer."""
    found = reading.once(_by_answer)
    if found is None:
        return math.nan
    return float(sum(found.powers[k - 1] for k in reading.once(_keys)))


@recorded("gini-embedding", "Gini coefficient of the embedding's frequencies")
def gini_embedding(reading: Reading) -> float:
    """Return how unequal the norms of W_E's rows are in the Fourier basis of residues.

    Constant, cosines and sines, p in all; NaN where there is no ``W_E`` with a row for each.
    """
    W_E, p = reading.weights.get("W_E"), reading.run.task.num_classes
    if W_E is None or W_E.dim() != 2 or W_E.shape[0] < p:
        return math.nan
    return _gini(W_E[:p].double().cpu().numpy())


@recorded("gini-neurons", "Gini coefficient of the frequencies of the map from neurons to logits")
def gini_neurons(reading: Reading) -> float:
    """Return the same of W_out·W_U, the map from neurons to logits, along the classes.

    NaN where there is none, or several.
    """
    W_out, W_U = reading.weights.get("W_out"), reading.weights.get("W_U")
    if W_out is None or W_U is None or W_out.dim() != 2 or W_out.shape[1] != W_U.shape[0]:
        return math.nan
    return _gini((W_out.double() @ W_U.double()).T.cpu().numpy())


def _gini(rows_pM: np.ndarray) -> float:
    """Return the Gini coefficient of the norms of (p, M) rows in the real Fourier basis."""
    p = len(rows_pM)
    spectrum = np.fft.rfft(rows_pM, axis=0, norm="ortho")
    parts = [spectrum.real, spectrum.imag[1 : (p + 1) // 2]]
    # A cosine and its sine share the power of k and p − k; the constant, and p/2, stand alone.
    scale = np.full(len(spectrum), math.sqrt(2))
    scale[0] = 1.0
    if p % 2 == 0:
        scale[-1] = 1.0
    norms = [
        np.linalg.norm(part * one[:, None], axis=1)
        for part, one in zip(parts, (scale, scale[1 : (p + 1) // 2]), strict=True)
    ]
    every = np.concatenate(norms)
    return progress.gini(every) if np.isfinite(every).all() and every.sum() > 0 else math.nan
