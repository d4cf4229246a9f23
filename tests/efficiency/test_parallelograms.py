"""Parallelograms against exact arithmetic, and the toy of Liu et al. against torch."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from efficiency import train
from efficiency.analysis import parallelograms
from efficiency.measures import MEASURES, Reading
from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RunSettings,
    SumDecoderSettings,
    WholeNumberAdditionSettings,
)
from efficiency.training.ensemble import initial_weights
from efficiency.training.losses import LOSSES
from predictions.testing import check_measure, check_network, check_task
from tests.efficiency.other_tasks import DIGITS, run_of

TASK = WholeNumberAdditionSettings()
TOY = SumDecoderSettings(num_outputs=30)


def toy(**changes) -> RunSettings:
    usual = {
        "task": TASK,
        "network": SumDecoderSettings(num_outputs=6, d_mlp=8, precision="float64"),
        "optimiser": OptimiserSettings(
            learning_rate=1e-3, embedding_learning_rate=1e-2, weight_decay=0.5, warmup_steps=0
        ),
        "dataset_size": 40,
        "data_seed": 3,
        "init_seed": 5,
        "num_steps": 25,
        "loss": "squared-error",
        "recording": RecordingSettings(num_log=4, num_even=16),
    }
    return RunSettings.model_validate(usual | changes)


def exact_rank(rows: np.ndarray) -> int:
    """Return the rank by elimination in fractions."""
    left = [[Fraction(int(x)) for x in row] for row in rows]
    rank = 0
    for column in range(len(rows[0]) if len(rows) else 0):
        pivot = next((r for r in range(rank, len(left)) if left[r][column]), None)
        if pivot is None:
            continue
        left[rank], left[pivot] = left[pivot], left[rank]
        for r in range(rank + 1, len(left)):
            factor = left[r][column] / left[rank][column]
            left[r] = [a - factor * b for a, b in zip(left[r], left[rank], strict=True)]
        rank += 1
    return rank


@st.composite
def training_sets(draw) -> tuple[int, np.ndarray, np.ndarray]:
    """Return V, and the pairs of a random part of its additions in some order."""
    V = draw(st.integers(3, 8))
    every = [(a, b) for a in range(V) for b in range(a, V)]
    pairs = np.array(draw(st.lists(st.sampled_from(every), unique=True)), dtype=int).reshape(-1, 2)
    return V, pairs, pairs.sum(axis=1)


@given(training_sets())
def test_what_a_training_set_leaves_open_is_exact(given_set):
    V, pairs, answers = given_set
    rows = parallelograms.relations(pairs, answers, V)
    assert len(rows) == sum(a == b for a, b in itertools.combinations(answers.tolist(), 2))
    assert parallelograms.nullity(pairs, answers, V) == V - exact_rank(rows)
    line = 3.0 + 0.7 * np.arange(V)
    assert np.abs(rows @ line).max(initial=0.0) < 1e-12, "addition is never forbidden"
    open_left = parallelograms.nullity(pairs, answers, V)
    assert (parallelograms.slowest_rate(pairs, answers, V) > 1e-9) == (open_left == 2)


@given(training_sets())
def test_the_first_that_leaves_a_line_alone_is_that_of_trying_all(given_set):
    V, pairs, answers = given_set
    tried = (
        D for D in range(len(pairs) + 1) if parallelograms.nullity(pairs[:D], answers[:D], V) == 2
    )
    assert parallelograms.first_determined(pairs, answers, V) == next(tried, None)


@given(training_sets())
def test_what_is_implied_has_a_known_sum_and_on_a_line_all_of_that(given_set):
    V, pairs, answers = given_set
    every = np.array([(a, b) for a in range(V) for b in range(a, V)])
    found = parallelograms.implied(pairs, answers, every, V) if len(pairs) else np.zeros(0, bool)
    if not len(pairs):
        return
    known = np.isin(every.sum(axis=1), answers)
    assert not (found & ~known).any()
    assert found[[every.tolist().index(pair) for pair in pairs.tolist()]].all()
    if parallelograms.nullity(pairs, answers, V) == 2:
        assert np.array_equal(found, known)


def test_a_pair_that_nothing_ties_to_a_trained_one_is_not_implied():
    # 0 + 2 is trained, 1 + 1 is not, and nothing says where 1 lies.
    assert parallelograms.implied([(0, 2)], [2], [(0, 2), (1, 1)], 3).tolist() == [True, False]
    # 0 + 3 = 1 + 2 and 0 + 2 = 1 + 1 make a line of 0 … 3.
    pairs, sums = [(0, 3), (1, 2), (0, 2), (1, 1), (2, 2)], [3, 3, 2, 2, 4]
    assert parallelograms.implied(pairs, sums, [(1, 3)], 4).tolist() == [True]


def test_the_slowest_rate_of_the_smallest_case():
    # Of 0 + 2 = 1 + 1 alone r = (1, −2, 1): H = 2 r rᵀ has the eigenvalues 0, 0 and 12.
    assert parallelograms.slowest_rate([(0, 2), (1, 1)], [2, 2], 3) == pytest.approx(12)


def test_the_rates_are_those_of_the_effective_loss():
    pairs = TASK.inputs[TASK.split(40, 1)[0]]
    rows = parallelograms.relations(pairs, pairs.sum(axis=1), 10)
    E = torch.randn(10, dtype=torch.float64, requires_grad=True)
    (torch.as_tensor(rows).double() @ E).square().mean().backward()
    hessian = 2 * rows.T @ rows / len(rows)
    np.testing.assert_allclose(E.grad.numpy(), hessian @ E.detach().numpy(), rtol=1e-12)
    third = np.sort(np.linalg.eigvalsh(hessian))[2]
    assert parallelograms.slowest_rate(pairs, pairs.sum(axis=1), 10) == pytest.approx(third)


@given(st.integers(3, 9), st.floats(-5, 5), st.floats(0.1, 4), st.booleans())
def test_points_on_a_line_at_equal_distances_close_all(V, place, scale, backwards):
    line = place + (-scale if backwards else scale) * np.arange(V)
    assert parallelograms.quality(line) == 1
    assert parallelograms.quality(np.stack([line, 2 - line], axis=1)) == 1
    assert parallelograms.quality(np.full(V, place)) == 0


@given(st.integers(3, 7), st.integers(0, 10))
def test_quality_counts_by_the_definition(V, seed):
    E = np.random.default_rng(seed).normal(size=V)
    E[: V // 2] = np.arange(V // 2)
    z = (E - E.mean()) / E.std(ddof=1)
    closed = [
        (z[i] + z[n] - z[j] - z[m]) ** 2 < 0.01
        for i, j, m, n in itertools.product(range(V), repeat=4)
        if i < j <= m < n and i + n == j + m
    ]
    assert parallelograms.quality(E) == pytest.approx(np.mean(closed))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: parallelograms.relations([(0, 1, 2)], [1], 3), r"pairs of shape \(1, 3\)"),
        (lambda: parallelograms.relations([(0, 3)], [3], 3), "operands from 0 to 3"),
        (lambda: parallelograms.relations([(0, 1)], [1, 2], 3), r"answers of \(2,\)"),
        (lambda: parallelograms.quality([0.0, 1.0]), "three finite ones at least"),
        (lambda: parallelograms.quality([0.0, 1.0, np.inf]), "three finite ones at least"),
    ],
)
def test_bad_input_is_named(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_task_network_and_measures_conform():
    check_task("whole-number-addition", "sum-decoder", size=6)
    check_network("sum-decoder", TASK, num_outputs=5)
    check_network("sum-decoder", TASK, d_model=3)
    for name in ("parallelograms", "parallelograms-read", "known-answer"):
        check_measure(name, toy())


def by_torch(run: RunSettings) -> dict[str, torch.Tensor]:
    """Train the toy with torch's own parts: two optimisers, and the mean squared error."""
    weights = {name: torch.nn.Parameter(value) for name, value in initial_weights(run).items()}
    o = run.optimiser
    rates = {True: (o.embedding_rate, o.embedding_decay), False: (o.learning_rate, o.weight_decay)}
    optimisers = [
        torch.optim.AdamW(
            [value for name, value in weights.items() if (name == "W_E") == own],
            lr=rate,
            weight_decay=decay,
            betas=(o.beta1, o.beta2),
        )
        for own, (rate, decay) in rates.items()
    ]
    targets = torch.randn((19, 6), generator=torch.Generator().manual_seed(0)).double()
    train_pairs, _ = run.task.split(run.dataset_size, run.data_seed)
    pairs = torch.as_tensor(run.task.inputs[train_pairs])
    for _ in range(run.num_steps):
        hidden = weights["W_E"][pairs[:, 0]] + weights["W_E"][pairs[:, 1]]
        for layer in range(run.network.num_layers):
            name = f"hidden.{layer}"
            hidden = torch.tanh(hidden @ weights[f"{name}.W_in"] + weights[f"{name}.b_in"])
        outputs = hidden @ weights["W_U"] + weights["b_U"]
        for optimiser in optimisers:
            optimiser.zero_grad()
        torch.nn.functional.mse_loss(outputs, targets[pairs.sum(1)]).backward()
        for optimiser in optimisers:
            optimiser.step()
    return weights


@pytest.mark.parametrize("embedding_decay", [None, 0.0, 2.0])
def test_the_toy_trains_as_with_two_optimisers_of_torch(embedding_decay):
    run = toy()
    own = {"embedding_weight_decay": embedding_decay}
    run = run.model_copy(update={"optimiser": run.optimiser.model_copy(update=own)})
    (trained,) = train([run])
    for name, value in by_torch(run).items():
        np.testing.assert_allclose(trained.weights[name], value.detach().numpy(), rtol=1e-9)


def test_first_weights_are_those_of_their_code():
    weights = initial_weights(toy(network=TOY))
    for name, bound in {
        "W_E": 0.5,
        "hidden.0.W_in": 1.0,
        "hidden.0.b_in": 1.0,
        "hidden.1.W_in": 200**-0.5,
        "hidden.1.b_in": 200**-0.5,
        "W_U": 200**-0.5,
        "b_U": 200**-0.5,
    }.items():
        largest = float(weights[name].abs().max())
        assert 0.7 * bound < largest <= bound, name


def test_squared_error_is_a_mean_over_outputs():
    logits, labels = -torch.tensor([[1.0, 4.0], [9.0, 0.25]]), torch.tensor([0, 1])
    losses, gradient = LOSSES["squared-error"](logits, labels)
    assert losses.tolist() == [1.0, 0.25]
    assert gradient.tolist() == [[-1.0, 0.0], [0.0, -1.0]]


@given(training_sets(), st.integers(0, 5))
def test_the_flow_ends_on_a_line_where_nothing_else_is_left(given_set, seed):
    V, pairs, answers = given_set
    E = np.random.default_rng(seed).uniform(-0.5, 0.5, V)
    time = parallelograms.flow_time(E, pairs, answers)
    if parallelograms.nullity(pairs, answers, V) == 2:
        assert time < math.inf
    if not len(parallelograms.relations(pairs, answers, V)):
        assert time == math.inf


def test_the_flow_is_that_of_small_steps():
    pairs = TASK.inputs[TASK.split(40, 1)[0]]
    sums, E = pairs.sum(axis=1), np.random.default_rng(0).uniform(-0.5, 0.5, 10)
    rows, time, step = parallelograms.relations(pairs, sums, 10), 0.0, 1e-3
    now = E.copy()
    while parallelograms.quality(now) < 0.95:
        now = now - step * 2 * rows.T @ (rows @ now) / len(rows)
        time += step
    assert parallelograms.flow_time(E, pairs, sums) == pytest.approx(time, rel=0.02)
    assert parallelograms.flow_time(3 - 2 * E, pairs, sums) == parallelograms.flow_time(
        E, pairs, sums
    )
    assert parallelograms.flow_time(np.arange(10.0), pairs, sums) == 0


def test_what_is_not_read_does_not_count_against_a_line():
    E = np.arange(10.0)
    E[4] = np.nan
    assert parallelograms.quality(E) == 1
    with pytest.raises(ValueError, match="no quadruple is left"):
        parallelograms.quality([0.0, np.nan, 1.0, np.nan])
    run = toy(dataset_size=8)
    weights = initial_weights(run)
    weights["W_E"] = torch.arange(10.0).double().unsqueeze(1)
    unread = np.setdiff1d(np.arange(10), TASK.inputs[run.task.split(8, run.data_seed)[0]])
    assert len(unread)
    weights["W_E"][unread] = 0.3
    reading = Reading(run, weights)
    assert MEASURES["parallelograms-read"].read(reading) == 1
    assert MEASURES["parallelograms"].read(reading) < 1


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValidationError, match="those of this sum-decoder have no largest value"):
        toy(network=SumDecoderSettings())
    assert toy(network=SumDecoderSettings(), loss="log-odds").loss == "log-odds"
    with pytest.raises(ValidationError, match=r"learning_rate · weight_decay = 0\.5 · 3"):
        OptimiserSettings(weight_decay=3.0, embedding_learning_rate=0.5)
    with pytest.raises(ValidationError, match=r"norm_factor = 1\.0 is given with a learning rate"):
        OptimiserSettings(weight_decay=0.0, norm_factor=1.0, embedding_learning_rate=0.5)
    digits = run_of(DIGITS)
    own = digits.optimiser.model_copy(update={"embedding_learning_rate": 0.1})
    with pytest.raises(ValueError, match="no weights are called W_E"):
        train([digits.model_copy(update={"optimiser": own})])


def test_measures_of_the_toy_say_what_it_knows():
    run = toy(dataset_size=30)
    weights = initial_weights(run)
    weights["W_E"] = torch.arange(10.0).double().unsqueeze(1)
    assert MEASURES["parallelograms"].read(Reading(run, weights)) == 1
    reading = Reading(run, weights)
    right = reading.logits.argmax(-1).numpy() == TASK.targets[:, 0]
    trained, held = run.task.split(30, run.data_seed)
    asked = [
        n
        for n in held
        if TASK.targets[n, 0] in TASK.targets[trained, 0]
        and np.isin(TASK.inputs[n], TASK.inputs[trained]).all()
    ]
    assert 0 < len(asked) < len(held)
    assert MEASURES["known-answer"].read(reading) == pytest.approx(right[asked].mean())


def test_the_largest_training_loss_is_of_what_is_trained_by():
    (trained,) = train([toy(num_steps=200, dataset_size=50)])
    later = trained.history.iloc[1:]
    # That of softmax over distances, which is recorded beside it, stays well above.
    assert (later["train_loss_peak"] < later["train_loss"]).all()
    run = toy(num_steps=200, dataset_size=50)
    outputs_distance = -Reading(
        run, {name: torch.as_tensor(value) for name, value in trained.weights.items()}
    ).logits[torch.arange(55), torch.as_tensor(TASK.targets[:, 0])]
    now = float(outputs_distance[torch.as_tensor(run.task.split(50, 3)[0])].mean())
    assert later["train_loss_peak"].iloc[-1] == pytest.approx(now, rel=0.2)
