"""What attention heads do with a stretch that comes again (Olsson et al. 2022)."""

from __future__ import annotations

import math

import numpy as np
import torch

from efficiency.analysis.measured import module_of
from efficiency.analysis.points import activations
from efficiency.measures.base import Reading, recorded
from efficiency.networks import Transformer
from efficiency.settings import RepeatedSubsequenceSettings
from efficiency.tasks import sequences

_LOOKED_AT = 256
"""Examples that are looked at: their mean has an error of a hundredth or two."""


@recorded("prefix-matching-score", "Attention of the best head to what followed an earlier copy")
def prefix_matching_score(reading: Reading) -> float:
    """Return how much the most attentive head reads of the token that is to come again.

    Mean attention from each token of a second copy to the place after that token's first copy,
    over answers and the first test examples (of training examples, where there are no others); the
    largest of all heads of all layers. NaN but of transformers on repeated subsequences.
    """
    run = reading.run
    task = run.task
    if not isinstance(task, RepeatedSubsequenceSettings):
        return math.nan
    test = reading.parts["test"]
    chosen = np.flatnonzero(test if test.any() else ~test)[:_LOOKED_AT]
    weights = {name: value.cpu().numpy() for name, value in reading.weights.items()}
    network = module_of(task, run.network, weights)
    if not isinstance(network, Transformer):
        return math.nan
    names = [f"layers.{k}.attention" for k in range(len(network.layers))]
    A = task.num_answers
    copies_NA = sequences.first_copies(task.inputs[chosen], task.num_repeated)[:, -A:]
    there_NA = torch.as_tensor(copies_NA)
    found = activations(task, run.network, weights, names, examples=chosen)
    best = [
        attention_NRTH[:, -A:]
        .gather(2, there_NA[:, :, None, None].expand(-1, -1, 1, attention_NRTH.shape[-1]))
        .double()
        .mean((0, 1, 2))
        .max()
        for attention_NRTH in found.values()
    ]
    return float(max(best))
