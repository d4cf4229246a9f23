"""Measures of embeddings as a representation of numbers (Liu et al. 2022)."""

from __future__ import annotations

import math

import numpy as np

from efficiency.analysis import parallelograms
from efficiency.errors import InvalidInputError
from efficiency.measures.base import Reading, recorded
from efficiency.training.ensemble import labels


@recorded("parallelograms", "Share of parallelograms that embeddings close")
def closed(reading: Reading) -> float:
    """Return the representation quality index of ``W_E``, see ``analysis.parallelograms.quality``.

    Of the operands' rows; NaN where there is no ``W_E`` with a row for every operand.
    """
    E = _embeddings(reading)
    return math.nan if E is None else parallelograms.quality(E)


@recorded("parallelograms-read", "Share of parallelograms that embeddings of read operands close")
def closed_of_read(reading: Reading) -> float:
    """Return the same of those operands alone that some training example has.

    What no example reads has no gradient, and weight decay moves it wherever it likes. NaN where
    fewer than three are left, or no quadruple.
    """
    E = _embeddings(reading)
    if E is None:
        return math.nan
    left = ~np.isin(np.arange(len(E)), reading.run.task.inputs[reading.parts["train"]])
    E[left] = np.nan
    try:
        return parallelograms.quality(E)
    except InvalidInputError:
        return math.nan


def _embeddings(reading: Reading) -> np.ndarray | None:
    """Return (V, M) the embeddings of the operands, if there are any."""
    W_E, task = reading.weights.get("W_E"), reading.run.task
    if W_E is None or W_E.dim() != 2 or task.gives != "operands":
        return None
    num_operands = int(task.inputs.max()) + 1
    if not 3 <= num_operands <= W_E.shape[0]:
        return None
    found: np.ndarray = W_E[:num_operands].double().cpu().numpy().copy()
    return found


@recorded("known-answer", "Accuracy on test examples that training examples tell of")
def known_answer(reading: Reading) -> float:
    """Return the accuracy on test examples each of whose answers some training example has.

    And each of whose inputs, where these are operands or tokens: nothing can be known of what a
    network was never given. NaN where there is none.
    """
    labels_NA, train = labels(reading.run), reading.parts["train"]
    task = reading.run.task
    given = np.ones(len(labels_NA), dtype=bool)
    for of_N in labels_NA.T:
        given &= np.isin(of_N, of_N[train])
    if task.gives != "features":
        given &= np.isin(task.inputs, task.inputs[train]).all(axis=1)
    asked = given & reading.parts["test"]
    if not asked.any():
        return math.nan
    right = (reading.margins > 0).cpu().numpy()
    return float(right[asked].mean())
