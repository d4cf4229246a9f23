from __future__ import annotations

import numpy as np
import pytest
import torch

from efficiency import networks, tasks, train
from efficiency.analysis import logit_subspaces
from efficiency.analysis import shares as structure
from efficiency.training.ensemble import initial_weights
from tests.build import run_settings


def test_the_logits_of_a_table_are_those_of_the_textbook_network_in_batches(monkeypatch):
    monkeypatch.setattr(structure, "_BATCH", 10)
    run = run_settings()
    weights = {name: value.numpy() for name, value in initial_weights(run).items()}
    batches = list(structure.logits(run, weights))
    assert len(batches) == 5
    network = networks.network(run.task, run.network)
    network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})
    table = tasks.table("addition", 7)
    tokens = torch.as_tensor(np.stack([table.left, table.right, np.full(49, 7)], axis=1))
    expected = network(tokens).detach().numpy()
    np.testing.assert_allclose(np.concatenate([b for b, _ in batches]), expected, atol=1e-5)
    assert np.concatenate([z for _, z in batches]).tolist() == table.answer.tolist()


def test_a_network_that_generalises_has_its_logits_where_gen_must_and_a_random_one_has_not():
    run = run_settings(
        dataset_size=49, num_steps=3000, learning_rate=5e-3, weight_decay=1.0, decay_fraction=0.5
    )
    (trained,) = train([run])
    random = structure.shares(run, {n: v.numpy() for n, v in initial_weights(run).items()})
    for subspace in logit_subspaces.SUBSPACES:
        name = f"gen_share_{subspace}"
        # Random weights have logits that are simpler than isotropic noise, and share less.
        assert random[name].value < logit_subspaces.chance_share(run.task, subspace)
        assert trained.outcome.numbers[name].value > random[name].value + 0.3


def test_logits_that_are_not_finite_have_no_share():
    run = run_settings()
    weights = {name: np.full(v.shape, np.inf) for name, v in initial_weights(run).items()}
    with np.errstate(invalid="ignore"):
        assert structure.shares(run, weights) == {}


@pytest.mark.parametrize("subspace", logit_subspaces.SUBSPACES)
def test_chance_is_below_what_anything_learned_has(subspace):
    assert 0 < logit_subspaces.chance_share(run_settings().task, subspace) < 0.5
