from __future__ import annotations

import numpy as np
import pytest

from efficiency import Training, train
from efficiency.settings import OptimiserSettings, RunSettings
from efficiency.training.ensemble import initial_weights
from tests.build import run_settings
from tests.efficiency import by_hand


def held(factor: float | None, **changes) -> RunSettings:
    decay = 0.0 if factor is not None else 1.0
    return run_settings(norm_factor=factor, weight_decay=decay, warmup_steps=0, **changes)


@pytest.mark.parametrize("engine", ["auto", "stacked"])
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_training_at_a_fixed_norm_is_adamw_on_the_textbook_network_scaled_back(engine, factor):
    run = held(factor)
    (trained,) = train([run], engine=engine)
    assert trained.history["train_loss"].iloc[-1] == pytest.approx(
        by_hand.trained(run)[0], rel=1e-4
    )


@pytest.mark.parametrize("engine", ["auto", "stacked"])
def test_the_norm_is_held_and_only_where_it_is_asked_for(engine):
    free, fixed = train([held(None), held(0.8)], engine=engine)
    began = np.sqrt(sum((v**2).sum() for v in initial_weights(held(None)).values()).item())
    assert fixed.history["norm"].to_numpy() == pytest.approx(0.8 * began, rel=1e-5)
    assert np.ptp(free.history["norm"]) > 0.01 * began


@pytest.mark.parametrize("engine", ["auto", "stacked"])
def test_a_resumed_run_is_held_at_the_same_norm(engine):
    runs = [held(0.8), held(1.2)]
    (whole,) = {tuple(t.history["train_loss"].iloc[-1] for t in train(runs, engine=engine))}
    first = Training(runs, [None, None], engine=engine)
    first.advance(17)
    state = {name: array.copy() for name, array in first.state().items()}
    second = Training(runs, [None, None], engine=engine)
    second.restore(state)
    second.advance(second.num_steps)
    assert tuple(t.history["train_loss"].iloc[-1] for t in second.results()) == whole


def test_decay_beside_a_fixed_norm_is_refused():
    with pytest.raises(ValueError, match=r"weight_decay = 0.5 is given with norm_factor = 1.0"):
        OptimiserSettings(weight_decay=0.5, norm_factor=1.0)
