from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from efficiency.settings import (
    OneLayerTransformerSettings,
    OptimiserSettings,
    RunSettings,
    TaskSettings,
    explain,
)
from tests.build import run_settings


def test_settings_survive_json_exactly():
    start = run_settings(learning_rate=0.1 + 0.2)
    run = run_settings(start=start, init_seed=None, weight_decay=1 / 3)
    text = json.dumps(run.document())
    assert RunSettings.from_document(json.loads(text)) == run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset_size": 0}, "D = 0 is outside 1 … N = 49"),
        ({"dataset_size": 50}, "D = 50 is outside 1 … N = 49"),
        ({"weight_decay": -0.1}, "weight_decay.*greater than or equal to 0"),
        ({"learning_rate": float("nan")}, "finite"),
        ({"label_seed": 1}, "label_seed = 1 is given in the natural regime"),
        ({"regime": "memorising"}, "label_seed is missing in the memorising regime"),
        ({"init_seed": None}, "exactly one of init_seed, start and given"),
        ({"num_steps": 0}, "num_steps"),
        ({"loss": "hinge"}, "'log-odds', 'float64', 'plain', 'stablemax' or 'squared-error'"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=r"(?s)" + message):
        run_settings(**changes)


def test_a_start_with_another_network_is_refused():
    other = run_settings(network=OneLayerTransformerSettings(d_model=4, num_heads=2, d_mlp=12))
    with pytest.raises(ValueError, match="network differs from that of start"):
        run_settings(start=other, init_seed=None)


def test_heads_that_do_not_divide_the_width_are_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"num_heads = 5 does not divide.*\[1, 2, 3, 4, 6, 12\]"):
        OneLayerTransformerSettings(d_model=12, num_heads=5)


def test_a_modulus_that_is_not_prime_is_refused_where_division_needs_one():
    with pytest.raises(ValueError, match="not prime"):
        TaskSettings(operation="division", size=9)
    TaskSettings(operation="addition", size=9)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        OptimiserSettings().learning_rate = 1.0


def test_an_explanation_names_field_and_value_and_no_web_page():
    with pytest.raises(ValidationError) as caught:
        run_settings(weight_decay=-1)
    text = explain(caught.value)
    assert "weight_decay" in text
    assert "-1" in text
    assert "http" not in text


def test_a_copy_with_changes_is_checked_like_new_settings():
    run = run_settings()
    assert run.model_copy(update={"dataset_size": 9}) == run_settings(dataset_size=9)
    with pytest.raises(ValueError, match="D = 99999 is outside"):
        run.model_copy(update={"dataset_size": 99999})
    with pytest.raises(ValueError, match="datasize"):
        run.model_copy(update={"datasize": 9})
