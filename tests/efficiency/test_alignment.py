from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency import operations
from efficiency.analysis.alignment import alignment, subgroups, subspaces


def composed(n: int) -> np.ndarray:
    table = operations.find("composition").build(n)
    return table.answer.reshape(table.num_symbols, table.num_symbols)


@pytest.mark.parametrize(("n", "number"), [(2, 2), (3, 6), (4, 30), (5, 156)])
def test_all_subgroups_are_found_and_each_is_one(n, number):
    product, found = composed(n), subgroups(n)
    assert len(found) == number  # OEIS A005432
    assert len({tuple(members) for members in found}) == number
    for members in found:
        inside = set(members.tolist())
        assert 0 in inside
        assert math.factorial(n) % len(members) == 0
        assert set(product[np.ix_(members, members)].ravel().tolist()) == inside


@pytest.mark.parametrize(("operation", "size"), [("addition", 13), ("composition", 4)])
def test_structures_are_orthonormal_and_know_nothing_of_the_constant(operation, size):
    for basis in subspaces(operation, size).values():
        assert basis.T @ basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-9)
        assert basis.sum(0) == pytest.approx(np.zeros(basis.shape[1]), abs=1e-9)


def test_the_frequencies_are_all_functions_of_a_residue():
    assert sum(basis.shape[1] for basis in subspaces("addition", 13).values()) == 12


def test_cosets_of_normal_subgroups_are_counted_once():
    # Of 28 subgroups of S₄ between the trivial ones, the Klein group and A₄ are normal.
    names = list(subspaces("composition", 4))
    assert len(names) == 2 * 28 - 2
    assert len([name for name in names if name.endswith("of order 12")]) == 1


@given(st.integers(1, 6), st.integers(0, 100))
def test_a_planted_circle_is_found_at_its_frequency(frequency, seed):
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * frequency * np.arange(13) / 13
    circle = np.column_stack([np.cos(angle), np.sin(angle)]) @ rng.normal(size=(2, 8))
    found = alignment(
        circle + 0.05 * rng.normal(size=circle.shape), subspaces("addition", 13), rng, 99
    )
    assert found.structure == f"residues at frequency {frequency}"
    assert found.share > 0.8
    assert found.times_shuffled > 3
    assert found.p_value == pytest.approx(1 / 100)


def test_planted_cosets_are_found():
    rng = np.random.default_rng(5)
    known = subspaces("composition", 4)
    for name in list(known)[::9]:
        basis = known[name]
        vectors = basis @ rng.normal(size=(basis.shape[1], 16)) + 0.02 * rng.normal(size=(24, 16))
        found = alignment(vectors, known, rng, 99)
        assert found.share > 0.9
        assert found.p_value == pytest.approx(1 / 100)


def circle(S: int) -> np.ndarray:
    angle = 2 * np.pi * np.arange(S) / S
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize(("operation", "size"), [("addition", 13), ("composition", 4)])
@pytest.mark.parametrize("planted", ["noise", "a circle in shuffled order"])
def test_what_has_no_structure_is_rarely_called_structured(operation, size, planted):
    structures = subspaces(operation, size)
    S, false = len(next(iter(structures.values()))), 0
    for seed in range(120):
        rng = np.random.default_rng([1, seed])
        vectors = rng.normal(size=(S, 8)) if planted == "noise" else circle(S)[rng.permutation(S)]
        found = alignment(vectors, structures, np.random.default_rng([2, seed]), 99)
        false += found.p_value <= 0.05
    assert false <= 14  # 99.9% of the time at the level of 5%


def test_vectors_that_are_all_the_same_have_no_structure_to_test():
    with pytest.raises(ValueError, match="all vectors are the same"):
        alignment(np.ones((13, 4)), subspaces("addition", 13), np.random.default_rng(0))


def test_the_size_of_vectors_does_not_matter():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(13, 4))
    first, second = (
        alignment(scale * vectors + 3.0, subspaces("addition", 13), np.random.default_rng(1), 49)
        for scale in (1.0, 1e-4)
    )
    assert first.structure == second.structure
    assert first.share == pytest.approx(second.share)
    assert first.p_value == second.p_value


@pytest.mark.parametrize(("operation", "size"), [("cubic", 7), ("composition", 6)])
def test_operations_without_a_known_structure_are_refused(operation, size):
    with pytest.raises(ValueError, match="no structure is known"):
        subspaces(operation, size)
