from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency import operations, tasks
from efficiency.settings import TaskSettings

PRIMES = [2, 3, 5, 7, 11, 13]

FORMULAS = {
    "addition": lambda a, b, p: a + b,
    "subtraction": lambda a, b, p: a - b,
    "multiplication": lambda a, b, p: a * b,
    "division-or-subtraction": lambda a, b, p: a * pow(b, -1, p) if b % 2 else a - b,
    "sum-of-squares": lambda a, b, p: a**2 + b**2,
    "quadratic": lambda a, b, p: a**2 + a * b + b**2,
    "quadratic-plus-a": lambda a, b, p: a**2 + a * b + b**2 + a,
    "cubic": lambda a, b, p: a**3 + a * b,
    "cubic-plus-b": lambda a, b, p: a**3 + a * b**2 + b,
}
ON_PERMUTATIONS = ("composition", "conjugation", "sandwich")


def test_every_operation_is_checked_here_against_another_way_to_compute_it():
    assert set(operations.OPERATIONS) == {*FORMULAS, *ON_PERMUTATIONS, "division"}


@pytest.mark.parametrize("p", [3, 13, 97])
@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_a_modular_table_holds_every_pair_once_with_its_answer(name, p):
    table = tasks.table(name, p)
    pairs = list(zip(table.left.tolist(), table.right.tolist(), strict=True))
    assert pairs == list(itertools.product(range(p), repeat=2))
    assert table.answer.tolist() == [FORMULAS[name](a, b, p) % p for a, b in pairs]


def test_the_largest_modulus_does_not_overflow():
    table = tasks.table("cubic-plus-b", 997)
    assert table.answer[-1] == (996**3 + 996 * 996**2 + 996) % 997


@pytest.mark.parametrize("p", PRIMES)
def test_division_undoes_multiplication_and_leaves_out_zero_divisors(p):
    table = tasks.table("division", p)
    assert table.num_pairs == p * (p - 1)
    assert (table.right != 0).all()
    assert (table.answer * table.right % p == table.left).all()


def test_composition_applies_the_right_operand_first():
    rows = operations.permutations(3)
    table = tasks.table("composition", 3)
    for a, b, answer in zip(table.left, table.right, table.answer, strict=True):
        assert [rows[a][rows[b][i]] for i in range(3)] == list(rows[answer])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_composition_is_a_group_and_commutes_only_in_s2(n):
    table = tasks.table("composition", n)
    size = math.factorial(n)
    square = table.answer.reshape(size, size)
    assert (square[0] == np.arange(size)).all()
    assert (np.sort(square, axis=1) == np.arange(size)).all()
    assert (np.arange(size) == np.sort(square, axis=0).T).all()
    a, b, c = np.random.default_rng(0).integers(size, size=(3, 200))
    assert (square[square[a, b], c] == square[a, square[b, c]]).all()
    assert (square == square.T).all() == (n == 2)


def composed(a, b):
    """Compose two permutations, given as tuples, b first."""
    return tuple(a[b[i]] for i in range(len(a)))


@given(st.integers(2, 5), st.data())
def test_operations_on_permutations_are_those_of_the_permutations(n, data):
    rows = [tuple(row) for row in operations.permutations(n).tolist()]
    x, y = data.draw(st.sampled_from(rows)), data.draw(st.sampled_from(rows))
    undo = tuple(sorted(range(n), key=x.__getitem__))
    assert composed(x, undo) == composed(undo, x) == tuple(range(n))
    wanted = {
        "composition": composed(x, y),
        "conjugation": composed(composed(x, y), undo),
        "sandwich": composed(composed(x, y), x),
    }
    for name, permutation in wanted.items():
        table = tasks.table(name, n)
        row = rows.index(x) * len(rows) + rows.index(y)
        assert (table.left[row], table.right[row]) == (rows.index(x), rows.index(y))
        assert rows[table.answer[row]] == permutation


@given(st.sampled_from(ON_PERMUTATIONS), st.integers(2, 5))
def test_permutations_are_closed_and_each_left_operand_permutes_them(name, n):
    size = math.factorial(n)
    square = tasks.table(name, n).answer.reshape(size, size)
    assert (np.sort(square, axis=1) == np.arange(size)).all()


def test_the_largest_group_has_its_order():
    table = tasks.table("conjugation", 6)
    assert table.num_pairs == 720**2
    assert table.num_symbols == 720


@given(st.sampled_from(sorted(operations.OPERATIONS)), st.sampled_from([5, 7, 11, 13]), st.data())
def test_a_declared_symmetry_holds_and_only_where_it_is_declared(name, p, data):
    size = data.draw(st.integers(3, 4)) if name in ON_PERMUTATIONS else p
    table = tasks.table(name, size)
    answers = dict(
        zip(zip(table.left.tolist(), table.right.tolist(), strict=True), table.answer, strict=True)
    )
    commutes = all(answer == answers.get((b, a)) for (a, b), answer in answers.items())
    assert operations.find(name).commutes == commutes


@pytest.mark.parametrize("name", sorted(operations.OPERATIONS))
def test_the_counts_without_a_table_are_those_of_the_table(name):
    size = 4 if name in ON_PERMUTATIONS else 11
    table = tasks.table(name, size)
    task = TaskSettings(operation=name, size=size)
    assert task.num_examples == table.num_pairs
    assert task.num_classes == table.num_symbols
    assert task.chance == 1 / table.num_symbols
    assert set(table.answer) <= set(range(table.num_symbols))
