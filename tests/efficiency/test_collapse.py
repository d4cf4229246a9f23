"""Whether a softmax has collapsed is a matter of the precision of the logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from efficiency.measures import MEASURES, Reading, value_of
from efficiency.settings import MLPSettings, RunSettings, TaskSettings
from efficiency.training.ensemble import initial_weights

RUN = RunSettings(
    task=TaskSettings(operation="addition", size=5),
    network=MLPSettings(d_model=4, d_mlp=8),
    dataset_size=10,
    data_seed=0,
    init_seed=0,
    num_steps=1,
)


def share(logits: torch.Tensor) -> float:
    reading = Reading(RUN, initial_weights(RUN))
    reading.__dict__["logits"] = logits
    return value_of(MEASURES.find("collapsed-share"), reading)


@pytest.mark.parametrize(
    ("dtype", "margin", "collapsed"),
    [
        # A term is lost below half a unit in the last place of 1: 2⁻²⁴ = e^−16.6, 2⁻⁵³ = e^−36.7.
        (torch.float32, 16.0, 0.0),
        (torch.float32, 18.5, 1.0),
        (torch.float64, 18.5, 0.0),
        (torch.float64, 38.5, 1.0),
    ],
)
def test_a_softmax_collapses_where_its_terms_are_lost(dtype, margin, collapsed):
    logits = torch.zeros((25, 5), dtype=dtype)
    logits[:, 3] = margin
    assert share(logits) == collapsed
    assert (torch.log_softmax(logits, -1)[:, 3] == 0).all() == bool(collapsed)


def test_only_training_examples_count():
    train = Reading(RUN, initial_weights(RUN)).parts["train"]
    logits = torch.zeros((25, 5))
    logits[np.flatnonzero(train)[:4], 0] = 50.0
    logits[np.flatnonzero(~train), 0] = 50.0
    assert share(logits) == pytest.approx(0.4)
