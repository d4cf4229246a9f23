"""Measures of embeddings as a representation of numbers (Liu et al. 2022)."""

from __future__ import annotations

import math

import numpy as np

from efficiency.analysis import parallelograms
from efficiency.measures.base import Reading, recorded
from efficiency.training.ensemble import labels


@recorded("parallelograms", "Share of parallelograms that embeddings close")
def closed(reading: Reading) -> float:
    """Return the representation quality index of ``W_E``, see ``analysis.parallelograms.quality``.

    Of the operands' rows; NaN where there is no ``W_E`` with a row for every operand.
    """
    W_E, task = reading.weights.get("W_E"), reading.run.task
    if W_E is None or W_E.dim() != 2 or task.gives != "operands":
        return math.nan
    num_operands = int(task.inputs.max()) + 1
    if not 3 <= num_operands <= W_E.shape[0]:
        return math.nan
    return parallelograms.quality(W_E[:num_operands].double().cpu().numpy())


@recorded("known-answer", "Accuracy on test examples whose answer is trained on")
def known_answer(reading: Reading) -> float:
    """Return the accuracy on test examples each of whose answers some training example has.

    Nothing can be known of an answer that a network was never given. NaN where there is none.
    """
    labels_NA, train = labels(reading.run), reading.parts["train"]
    given = np.ones(len(labels_NA), dtype=bool)
    for of_N in labels_NA.T:
        given &= np.isin(of_N, of_N[train])
    asked = given & reading.parts["test"]
    if not asked.any():
        return math.nan
    right = (reading.margins > 0).cpu().numpy()
    return float(right[asked].mean())
