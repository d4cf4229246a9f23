"""Progress measures against explicit projections, and on networks of which all is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.analysis.progress import ByAnswer, defined, excluded_loss, gini
from efficiency.measures import MEASURES, Reading, value_of
from efficiency.settings import (
    DigitAdditionSettings,
    MLPSettings,
    OneLayerTransformerSettings,
    RunSettings,
    SequenceTransformerSettings,
    TaskSettings,
)
from efficiency.training.ensemble import initial_weights


def table(p: int, operation: str = "addition"):
    return TaskSettings(operation=operation, size=p).table


def directions(answers: np.ndarray, p: int, keys) -> np.ndarray:
    """Return (N, 2·keys) cosines and sines of the answer over all pairs, of length 1."""
    waves = [wave(2 * np.pi * k * answers / p) for k in keys for wave in (np.cos, np.sin)]
    kept = [one / np.linalg.norm(one) for one in waves if np.linalg.norm(one) > 1e-6]
    return np.stack(kept, axis=1)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())


@given(p=st.sampled_from([5, 6, 7, 11]), seed=st.integers(0, 2**32 - 1), data=st.data())
@hypothesis_settings(max_examples=60, deadline=None)
def test_losses_are_those_of_explicit_projections(p, seed, data):
    keys = data.draw(st.sets(st.integers(1, p // 2), min_size=1))
    drawn = np.random.default_rng(seed)
    answers = table(p).answer
    logits = drawn.normal(size=(p * p, p))
    trained = np.sort(drawn.choice(p * p, size=drawn.integers(1, p * p + 1), replace=False))
    by_answer = ByAnswer.of(torch.from_numpy(logits), answers)

    u = directions(answers, p, sorted(keys))
    part = u @ (u.T @ logits)
    restricted = logits.mean(axis=0) + part
    assert by_answer.restricted(keys)[answers] == pytest.approx(restricted, abs=1e-9)
    wanted = cross_entropy(restricted, answers)
    assert by_answer.restricted_loss(keys) == pytest.approx(wanted, abs=1e-9)
    found = excluded_loss(torch.from_numpy(logits), answers, trained, by_answer, keys)
    left = (logits - part)[trained]
    assert found == pytest.approx(cross_entropy(left, answers[trained]), abs=1e-9)


@given(p=st.sampled_from([5, 6, 9]), seed=st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=30, deadline=None)
def test_powers_are_those_of_every_frequency_and_sum_to_one(p, seed):
    answers = table(p).answer
    logits = np.random.default_rng(seed).normal(size=(p * p, p))
    found = ByAnswer.of(torch.from_numpy(logits), answers).powers
    wanted = np.array(
        [np.square(directions(answers, p, [k]).T @ logits).sum() for k in range(1, p // 2 + 1)]
    )
    assert found == pytest.approx(wanted / wanted.sum(), abs=1e-9)


def circuit(p: int, amplitudes: dict[int, float], operation="addition") -> np.ndarray:
    """Return (N, p) logits Σ_k α_k cos 2πk(z − c)/p."""
    answers = table(p, operation).answer
    difference = answers[:, None] - np.arange(p)
    return sum(a * np.cos(2 * np.pi * k * difference / p) for k, a in amplitudes.items())


@pytest.mark.parametrize("operation", ["addition", "subtraction"])
def test_a_circuit_of_few_frequencies_is_seen(operation):
    p, amplitudes = 23, {3: 18.0, 7: 24.0, 10: 12.0}
    answers = table(p, operation).answer
    drawn = np.random.default_rng(0)
    trained = np.sort(drawn.choice(p * p, size=200, replace=False))
    memory = np.zeros((p * p, p))
    memory[trained, answers[trained]] = 8.0
    logits = torch.from_numpy(circuit(p, amplitudes, operation) + memory)
    by_answer = ByAnswer.of(logits, answers)
    assert by_answer.keys() == (3, 7, 10)
    coefficients = by_answer.trigonometric()
    # What is memorised lifts all frequencies alike, by its share of the table.
    lifted = 2 / p * 8.0 * len(trained) / p**2
    for k in range(1, p // 2 + 1):
        assert coefficients[k - 1] == pytest.approx(amplitudes.get(k, 0.0) + lifted, abs=1e-9)
    assert by_answer.restricted_loss((3, 7, 10)) < 1e-3
    placebo = (2, 5, 9)
    # Other frequencies have nothing but their share of what is memorised.
    assert by_answer.restricted_loss(placebo) > 2.0
    assert excluded_loss(logits, answers, trained, by_answer, (3, 7, 10)) < 0.05
    alone = torch.from_numpy(circuit(p, amplitudes, operation))
    of_circuit = ByAnswer.of(alone, answers)
    without = excluded_loss(alone, answers, trained, of_circuit, (3, 7, 10))
    assert without == pytest.approx(math.log(p), abs=1e-6)


def test_at_half_of_an_even_modulus_a_frequency_is_its_own_mirror_image():
    p = 6
    by_answer = ByAnswer.of(torch.from_numpy(circuit(p, {3: 2.0, 1: 5.0})), table(p).answer)
    assert by_answer.trigonometric() == pytest.approx([5.0, 0.0, 2.0], abs=1e-9)
    assert by_answer.keys() == (1, 3)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30).filter(lambda x: sum(x) > 1e-3))
def test_gini_is_half_the_mean_difference_relative_to_the_mean(sizes):
    x = np.array(sizes)
    wanted = np.abs(x[:, None] - x).sum() / (2 * len(x) ** 2 * x.mean())
    assert gini(x) == pytest.approx(wanted, abs=1e-9)
    assert -1e-12 <= gini(x) <= 1 - 1 / len(x) + 1e-9


def test_gini_of_one_that_has_everything():
    assert gini([0, 0, 0, 5]) == pytest.approx(0.75)
    assert gini([2, 2, 2]) == 0


@pytest.mark.parametrize("sizes", [[], [0.0, 0.0], [1.0, -1.0]])
def test_gini_of_nothing_is_refused(sizes):
    with pytest.raises(ValueError, match="one of them positive"):
        gini(sizes)


def test_what_is_no_frequency_or_no_residue_is_refused():
    answers = table(5).answer
    by_answer = ByAnswer.of(torch.zeros((25, 5), dtype=torch.float64), answers)
    for key in (0, 3):
        with pytest.raises(ValueError, match=r"choose from 1 … 2"):
            by_answer.at({key})
    with pytest.raises(ValueError, match="every residue"):
        ByAnswer.of(torch.zeros((25, 5)), np.zeros(25, dtype=np.int64))


def test_frequencies_are_of_tasks_whose_answers_are_residues():
    assert defined(TaskSettings(operation="addition", size=7))
    assert defined(TaskSettings(operation="subtraction", size=7))
    assert not defined(TaskSettings(operation="composition", size=3))
    assert not defined(DigitAdditionSettings(num_digits=1))


OF_LOGITS = ("loss-restricted", "loss-excluded", "key-frequencies", "key-share")


def reading(task, network, **others) -> Reading:
    run = RunSettings(
        task=task,
        network=network,
        dataset_size=task.num_examples // 2,
        data_seed=1,
        init_seed=1,
        num_steps=1,
        **others,
    )
    return Reading(run, initial_weights(run))


def test_measures_are_of_the_network_s_own_keys():
    task = TaskSettings(operation="addition", size=11)
    one = reading(task, OneLayerTransformerSettings(d_model=16, num_heads=2, d_mlp=32))
    by_answer = ByAnswer.of(one.logits, task.table.answer)
    keys = by_answer.keys()
    trained = np.flatnonzero(one.parts["train"])
    found = [value_of(MEASURES.find(name), one) for name in OF_LOGITS]
    wanted = [
        by_answer.restricted_loss(keys),
        excluded_loss(one.logits, task.table.answer, trained, by_answer, keys),
        len(keys),
        sum(by_answer.powers[k - 1] for k in keys),
    ]
    assert found == pytest.approx(wanted)


def basis(p: int) -> np.ndarray:
    """Return (p, p) rows 1/√p and normalised cosines and sines."""
    x = np.arange(p)
    rows = [np.full(p, 1.0)]
    for k in range(1, p // 2 + 1):
        rows += [np.cos(2 * np.pi * k * x / p), np.sin(2 * np.pi * k * x / p)]
    kept = [row / np.linalg.norm(row) for row in rows if np.linalg.norm(row) > 1e-6]
    assert len(kept) == p
    return np.stack(kept)


@pytest.mark.parametrize("p", [7, 10])
def test_gini_of_weights_is_that_of_rows_in_an_explicit_basis(p):
    network = OneLayerTransformerSettings(d_model=16, num_heads=2, d_mlp=32)
    one = reading(TaskSettings(operation="addition", size=p), network)
    W_E = one.weights["W_E"][:p].double().numpy()
    wanted = gini(np.linalg.norm(basis(p) @ W_E, axis=1))
    assert value_of(MEASURES.find("gini-embedding"), one) == pytest.approx(wanted)
    W_L = one.weights["W_out"].double().numpy() @ one.weights["W_U"].double().numpy()
    wanted = gini(np.linalg.norm(basis(p) @ W_L.T, axis=1))
    assert value_of(MEASURES.find("gini-neurons"), one) == pytest.approx(wanted)


def test_measures_are_not_defined_elsewhere():
    s3 = reading(TaskSettings(operation="composition", size=3), MLPSettings(d_model=8, d_mlp=16))
    digits = reading(
        DigitAdditionSettings(num_digits=1), SequenceTransformerSettings(d_model=8, num_heads=2)
    )
    for one in (s3, digits):
        for name in (*OF_LOGITS, "gini-neurons"):
            assert math.isnan(value_of(MEASURES.find(name), one)), name


def test_a_function_is_asked_once_of_a_reading():
    one = reading(TaskSettings(operation="addition", size=5), MLPSettings(d_model=8, d_mlp=16))
    asked = []

    def say(seen: Reading) -> int:
        asked.append(seen)
        return 3

    assert [one.once(say), one.once(say)] == [3, 3]
    assert asked == [one]
