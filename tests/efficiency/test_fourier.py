"""Splitting logits, on mixtures whose parts are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency import tasks
from efficiency.analysis import logit_subspaces
from efficiency.settings import TaskSettings

ADDITION = TaskSettings(operation="addition", size=13)
TASKS = [
    ADDITION,
    TaskSettings(operation="subtraction", size=11),
    TaskSettings(operation="multiplication", size=11),
    TaskSettings(operation="division", size=11),
    TaskSettings(operation="composition", size=3),
]


def table(task: TaskSettings) -> tasks.Table:
    return task.table


def moments(logits: np.ndarray, task: TaskSettings) -> logit_subspaces.Moments:
    return logit_subspaces.moments([(logits, table(task).answer)], table(task).num_symbols)


def generalising(task: TaskSettings, rng: np.random.Generator, logit: float) -> np.ndarray:
    """Return logits of a circuit that knows the answer: waves of (z − c) with a peak at 0."""
    labels = task.differences
    by_label = rng.normal(size=labels.max() + 1)
    by_label[0] = by_label.max() + logit
    return by_label[labels][table(task).answer]


def memorising(
    task: TaskSettings, trained: np.ndarray, rng: np.random.Generator, logit: float, kind: str
) -> np.ndarray:
    """Return logits of a lookup table: right where it was trained, elsewhere silent or wrong."""
    answer, S = table(task).answer, table(task).num_symbols
    wrong = (answer + rng.integers(1, S, len(answer))) % S
    logits = np.zeros((len(answer), S))
    logits[np.flatnonzero(trained), answer[trained]] = logit
    if kind == "wrong":
        logits[np.flatnonzero(~trained), wrong[~trained]] = logit
    return logits


@pytest.mark.parametrize(
    ("task", "subspace"),
    [
        (task, s)
        for task in TASKS
        for s in logit_subspaces.SUBSPACES
        if logit_subspaces.defined(task, s)
    ],
    ids=lambda value: getattr(value, "operation", value),
)
def test_random_logits_have_the_share_that_chance_predicts(task, subspace):
    rng = np.random.default_rng(0)
    S, N = table(task).num_symbols, table(task).num_pairs
    squared = [
        moments(rng.normal(size=(N, S)), task).share(task, subspace) ** 2 for _ in range(400)
    ]
    error = np.std(squared) / np.sqrt(len(squared))
    assert np.mean(squared) == pytest.approx(
        logit_subspaces.chance_share(task, subspace) ** 2, abs=4 * error
    )


@pytest.mark.parametrize("task", TASKS[:4], ids=lambda task: task.operation)
def test_a_generalising_circuit_lies_in_both_subspaces_whole(task):
    logits = generalising(task, np.random.default_rng(1), 5.0)
    for subspace in logit_subspaces.SUBSPACES:
        assert moments(logits, task).share(task, subspace) == pytest.approx(1)


def test_the_trigonometric_subspace_of_addition_is_spanned_by_its_waves():
    p, answer = ADDITION.size, table(ADDITION).answer
    phase = 2 * np.pi * (answer[:, None] - np.arange(p)) / p
    for frequency in range(1, p):
        for wave in (np.cos, np.sin):
            logits = wave(frequency * phase)
            assert moments(logits, ADDITION).share(ADDITION, "trigonometric") == pytest.approx(1)
    # Half of the waves are those of the others: p − 1 of them are independent.
    assert logit_subspaces.dimension(ADDITION, "trigonometric") == p - 1
    assert logit_subspaces.dimension(ADDITION, "answer") == (p - 1) ** 2
    # A wave of a − c knows nothing of the answer.
    left = table(ADDITION).left
    other = np.cos(2 * np.pi * (left[:, None] - np.arange(p)) / p)
    assert moments(other, ADDITION).share(ADDITION, "answer") == pytest.approx(0, abs=1e-7)


@given(seed=st.integers(0, 10**6), offset=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_the_share_ignores_what_the_loss_ignores_and_the_scale(seed, offset, scale):
    rng = np.random.default_rng(seed)
    N, S = table(ADDITION).num_pairs, table(ADDITION).num_symbols
    logits = rng.normal(size=(N, S))
    changed = scale * logits + offset * rng.normal(size=(N, 1))
    for subspace in logit_subspaces.SUBSPACES:
        assert moments(changed, ADDITION).share(ADDITION, subspace) == pytest.approx(
            moments(logits, ADDITION).share(ADDITION, subspace)
        )


@given(st.integers(0, 10**6), st.integers(1, 168))
def test_batches_do_not_matter(seed, size):
    logits = np.random.default_rng(seed).normal(size=(169, 13))
    answer = table(ADDITION).answer
    batches = [(logits[i : i + size], answer[i : i + size]) for i in range(0, 169, size)]
    np.testing.assert_allclose(
        logit_subspaces.moments(batches, 13).mean_SS, moments(logits, ADDITION).mean_SS, atol=1e-12
    )


@given(
    seed=st.integers(0, 10**6),
    gen=st.floats(0, 20),
    mem=st.floats(0, 20),
    fraction=st.floats(0.1, 0.65),
    kind=st.sampled_from(["silent", "wrong"]),
)
def test_corrected_parts_of_a_mixture_are_the_planted_ones(seed, gen, mem, fraction, kind):
    rng = np.random.default_rng(seed)
    N, S = table(ADDITION).num_pairs, table(ADDITION).num_symbols
    trained = rng.permutation(N) < fraction * N
    circuits = generalising(ADDITION, rng, gen), memorising(ADDITION, trained, rng, mem, kind)
    noise = rng.normal(size=(N, S))
    found = logit_subspaces.split(sum(circuits) + noise, trained, ADDITION)

    answer = table(ADDITION).answer
    right = [(c[np.arange(N), answer] - c.mean(axis=1)) for c in circuits]
    # What the definition calls Gen and Mem, from the circuits alone.
    leak = mem / S if kind == "wrong" else 0.0
    assert abs(found.gen_corrected - (right[0].mean() - leak)) <= 5 * found.gen_error
    assert (
        abs(found.mem_corrected - (right[1][trained].mean() + leak)) <= 5 * found.mem_error + 1e-9
    )
    # The plain projection takes Mem's share of the table for Gen's: the known bias.
    biased = right[0].mean() + (right[1] * 1.0).mean()
    assert found.gen == pytest.approx(biased, abs=5 / np.sqrt(N))


def test_the_plain_split_of_a_correlated_mixture_is_biased_as_the_paper_warns():
    rng = np.random.default_rng(3)
    N = table(ADDITION).num_pairs
    trained = rng.permutation(N) < 0.5 * N
    mixture = generalising(ADDITION, rng, 6.0) + memorising(ADDITION, trained, rng, 8.0, "silent")
    found = logit_subspaces.split(mixture, trained, ADDITION)
    assert found.gen > found.gen_corrected + 3
    assert found.mem_on_train < found.mem_corrected - 3
    assert found.mem_on_novel < -3


def test_a_bias_towards_classes_is_no_knowledge():
    rng = np.random.default_rng(4)
    logits = generalising(ADDITION, rng, 5.0)
    biased = logits + 20 * rng.normal(size=13)
    for subspace in logit_subspaces.SUBSPACES:
        assert moments(biased, ADDITION).share(ADDITION, subspace) == pytest.approx(1)
    alike = np.tile(rng.normal(size=13), (169, 1))
    assert moments(alike, ADDITION).square == pytest.approx(0, abs=1e-9)


def test_nothing_is_corrected_where_nothing_is_held_out():
    found = logit_subspaces.split(np.eye(13)[table(ADDITION).answer], np.ones(169), ADDITION)
    assert (found.gen_corrected, found.mem_on_novel, found.mem_error) == (None, None, None)
    assert found.gen == pytest.approx(12 / 13)


def test_a_subspace_that_is_not_defined_is_refused_by_name():
    composition = TASKS[-1]
    with pytest.raises(ValueError, match=r"not defined for composition.*'answer'"):
        logit_subspaces.cells(composition, "trigonometric")
    assert not logit_subspaces.defined(
        TaskSettings(operation="multiplication", size=9), "trigonometric"
    )
    with pytest.raises(ValueError, match="at least one"):
        logit_subspaces.split(np.zeros((169, 13)), np.zeros(169), ADDITION)
