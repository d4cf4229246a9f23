from __future__ import annotations

import pytest

from efficiency.settings import MLPSettings, RecordingSettings
from predictions.trainer import NetworkTrainer
from runs import Store
from runs.execution.checkpoints import Workplace
from tests.build import run_settings


@pytest.fixture
def begun(tmp_path):
    """A store with two networks in training, 60 of 100 steps of which are in a checkpoint."""
    runs = [
        run_settings(
            network=MLPSettings(d_model=8, d_mlp=16),
            recording=RecordingSettings(num_log=5, num_even=16),
            data_seed=seed,
            init_seed=seed,
            num_steps=100,
        )
        for seed in (1, 2)
    ]
    documents, store = [run.document() for run in runs], Store(tmp_path / "begun")
    store.create()
    group = NetworkTrainer("cpu").begin(documents, [None, None])
    place = Workplace(store, documents)
    assert place.claim()
    group.advance(60)
    place.write(group.state(), step=60)
    yield store, place, group
    place.release(finished=False)
