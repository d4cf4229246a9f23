from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from efficiency import tasks
from efficiency.settings import TaskSettings
from efficiency.training.ensemble import labels, part_masks
from tests.build import run_settings


@given(st.integers(1, 300), st.data(), st.integers(0, 2**63 - 1))
def test_a_split_is_a_partition_of_the_table(num_pairs, data, seed):
    size = data.draw(st.integers(1, num_pairs))
    train, test = tasks.split(num_pairs, size, seed)
    assert len(train) == size
    assert sorted([*train, *test]) == list(range(num_pairs))


@given(st.integers(2, 300), st.data(), st.integers(0, 2**63 - 1))
def test_datasets_of_one_seed_are_nested(num_pairs, data, seed):
    small, large = sorted(data.draw(st.lists(st.integers(1, num_pairs), min_size=2, max_size=2)))
    inner, _ = tasks.split(num_pairs, small, seed)
    outer, _ = tasks.split(num_pairs, large, seed)
    assert set(inner) <= set(outer)


def test_different_data_seeds_choose_different_pairs():
    assert set(tasks.split(961, 100, 0)[0]) != set(tasks.split(961, 100, 1)[0])


@given(st.sampled_from(["addition", "division"]), st.integers(0, 2**63 - 1))
def test_random_labels_are_a_function_of_operation_and_seed(name, seed):
    table = tasks.table(name, 11)
    first, second = (tasks.random_labels(table.answer, table.num_symbols, seed) for _ in range(2))
    assert (first == second).all()
    assert set(first) <= set(range(11))


def test_random_labels_are_uniform_and_independent_of_the_answer():
    table = tasks.table("addition", 31)
    labels = np.concatenate([tasks.random_labels(table.answer, 31, seed) for seed in range(40)])
    answers = np.tile(table.answer, 40)
    counts = np.bincount(labels, minlength=31)
    assert abs(counts / len(labels) - 1 / 31).max() < 0.004
    assert abs((labels == answers).mean() - 1 / 31) < 0.004


@given(st.sampled_from(["addition", "multiplication"]), st.integers(0, 2**63 - 1))
def test_mirrored_labels_are_random_and_alike_in_mirror_images(name, seed):
    run = run_settings(
        task=TaskSettings(operation=name, size=11), regime="mirrored", label_seed=seed
    )
    found, image = labels(run)[:, 0], tasks.mirror(name, 11)
    assert (found == found[image]).all()
    free = tasks.random_labels(tasks.table(name, 11).answer, 11, seed)
    first = np.arange(len(image)) <= image
    assert (found[first] == free[first]).all()
    assert (found != free).any()


def test_only_what_commutes_has_mirrored_labels():
    with pytest.raises(ValidationError, match="subtraction at size 11 does not commute"):
        run_settings(
            task=TaskSettings(operation="subtraction", size=11), regime="mirrored", label_seed=0
        )


def test_natural_labels_are_the_answers():
    run = run_settings(task=TaskSettings(operation="subtraction", size=13))
    assert (labels(run)[:, 0] == tasks.table("subtraction", 13).answer).all()


@given(st.integers(1, 169), st.data(), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_exactly_k_training_labels_are_wrong_and_no_other(size, data, data_seed, label_seed):
    k = data.draw(st.integers(1, size))
    run = run_settings(
        task=TaskSettings(operation="addition", size=13),
        dataset_size=size,
        data_seed=data_seed,
        regime="corrupted",
        num_corrupted=k,
        label_seed=label_seed,
    )
    wrong = labels(run)[:, 0] != tasks.table("addition", 13).answer
    masks = part_masks(run)
    assert wrong.sum() == k
    assert (masks["corrupted"] == wrong).all()
    assert (masks["clean"] == (masks["train"] & ~wrong)).all()
    assert not (wrong & ~masks["train"]).any()


def test_more_wrong_labels_contain_the_fewer():
    def wrong(k):
        changes = {"regime": "corrupted", "num_corrupted": k, "label_seed": 4}
        found = labels(run_settings(dataset_size=30, **changes))[:, 0]
        return set(enumerate(found)) - set(enumerate(tasks.table("addition", 7).answer))

    assert wrong(3) < wrong(8) < wrong(30)


@given(st.integers(1, 49), st.data(), st.integers(0, 2**63 - 1))
def test_a_pair_that_is_wrong_stays_wrong_in_every_smaller_dataset_with_it(size, data, seed):
    k, smaller = data.draw(st.integers(1, size)), data.draw(st.integers(1, size))
    train, _ = tasks.split(49, size, 3)
    wrong = set(tasks.corrupted(train, 49, k, seed))
    kept = wrong & set(train[:smaller])
    assert len(wrong) == k
    assert kept == set(tasks.corrupted(train[:smaller], 49, len(kept), seed))


def test_wrong_labels_are_uniform_on_the_wrong_answers():
    table = tasks.table("addition", 7)
    shifts = np.concatenate(
        [(tasks.wrong_labels(table.answer, 7, seed) - table.answer) % 7 for seed in range(200)]
    )
    counts = np.bincount(shifts, minlength=7)
    assert counts[0] == 0
    # Six classes of 9,800 draws: five standard deviations are 183.
    assert abs(counts[1:] - len(shifts) / 6).max() < 183


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("adition", 7, "did you mean 'addition'"),
        ("division", 12, "not prime.*11 and 13"),
        ("division", 1, "outside 2"),
        ("addition", 1, "outside 2 … 999"),
        ("composition", 7, "outside 2 … 6"),
    ],
)
def test_an_undefined_table_is_refused_with_what_is_allowed(name, size, message):
    with pytest.raises(ValueError, match=message):
        tasks.table(name, size)


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("addition", 7),
        ("multiplication", 7),
        ("subtraction", 7),
        ("division", 7),
        ("composition", 3),
    ],
)
def test_mirror_images_have_the_same_answer_where_and_only_where_it_is_declared(operation, size):
    table, mirror = tasks.table(operation, size), tasks.mirror(operation, size)
    swapped = {(a, b): z for a, b, z in zip(table.left, table.right, table.answer, strict=True)}
    commutes = all(swapped.get((b, a)) == z for (a, b), z in swapped.items())
    assert (mirror is not None) == commutes
    if mirror is not None:
        assert table.left[mirror].tolist() == table.right.tolist()
        assert table.answer[mirror].tolist() == table.answer.tolist()
        assert mirror[mirror].tolist() == list(range(table.num_pairs))


@given(dataset_size=st.integers(1, 49), seed=st.integers(0, 100))
def test_novel_pairs_are_those_that_no_trained_pair_mirrors(dataset_size, seed):
    for operation in ("addition", "subtraction"):
        task = TaskSettings(operation=operation, size=7)
        masks = part_masks(run_settings(task=task, dataset_size=dataset_size, data_seed=seed))
        table = tasks.table(operation, 7)
        trained = set(zip(table.left[masks["train"]], table.right[masks["train"]], strict=True))
        for i, (a, b) in enumerate(zip(table.left, table.right, strict=True)):
            known = (a, b) in trained or (operation == "addition" and (b, a) in trained)
            assert masks["novel"][i] == (not known)


@pytest.mark.parametrize(
    ("operation", "size"),
    [("addition", 6), ("subtraction", 5), ("multiplication", 7), ("division", 5)],
)
def test_differences_are_what_the_group_leaves_unchanged(operation, size):
    labels = tasks.differences(operation, size)
    additive = operation in ("addition", "subtraction")
    for g in range(size) if additive else range(1, size):
        moved = [(x + g) % size if additive else (x * g) % size for x in range(size)]
        assert (labels[np.ix_(moved, moved)] == labels).all()
    # Right answers share no label with wrong ones.
    right = set(np.diag(labels).tolist())
    wrong = set(labels[~np.eye(size, dtype=bool)].tolist())
    assert not right & wrong
    assert tasks.differences("multiplication", 9) is None
