from __future__ import annotations

import numpy as np
import pytest

from efficiency import tasks
from paper_figures import table as drawing
from predictions.cli import tables


def test_a_table_is_printed_with_held_out_cells_blank(predictions):
    answer = predictions("table", "division", "3", "--examples", "4", "--seed", "1")
    train, test = tasks.split(6, 4, 1)
    lines = answer.out.splitlines()
    assert lines[0] == "  | 0 1 2"
    cells = {(a, b): lines[2 + a].ljust(9)[4 + 2 * b] for a in range(3) for b in range(3)}
    held = tasks.table("division", 3)
    for pair in train:
        assert cells[held.left[pair], held.right[pair]] == str(held.answer[pair])
    for pair in test:
        assert cells[held.left[pair], held.right[pair]] == " "
    assert [cells[a, 0] for a in range(3)] == [" "] * 3


def test_the_symbols_of_permutations_are_explained_and_those_of_numbers_are_not(predictions):
    out = predictions("table", "composition", "3").out
    assert "where it takes 0, 1, 2:" in out
    assert "3 = 1 2 0" in out.splitlines()
    assert "permutation" not in predictions("table", "addition", "3").out


def test_the_pairs_shown_are_those_that_a_run_is_trained_on():
    square = tables.answers("addition", 7, 20, seed=3)
    train, _ = tasks.split(49, 20, 3)
    shown = np.flatnonzero(square.ravel() >= 0)
    assert sorted(train) == shown.tolist()
    assert (tables.answers("addition", 7, None, None) >= 0).all()


def test_a_picture_shows_the_same_cells_and_is_the_same_every_time(predictions, tmp_path):
    square = tables.answers("composition", 3, 20, seed=0)
    (axes,) = drawing.build(square).axes
    (image,) = axes.images
    assert (image.get_array().filled(-1) == square).all()
    written = {text.get_position()[::-1]: int(text.get_text()) for text in axes.texts}
    assert written == {(a, b): square[a, b] for a, b in np.argwhere(square >= 0).tolist()}
    for name in ("one.svg", "two.svg", "one.png", "one.pdf"):
        arguments = ("table", "composition", "3", "--examples", "20")
        assert predictions(*arguments, "--picture", tmp_path / "new" / name).code == 0
    one, two = ((tmp_path / "new" / f"{name}.svg").read_bytes() for name in ("one", "two"))
    assert one == two
    assert b"left operand" in one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adition", "7"], "did you mean 'addition'"),
        (["division", "12"], "the nearest primes are 11 and 13"),
        (["addition", "7", "--examples", "50"], "--examples 50 is outside 1 … 49"),
        (["composition", "5"], "write a picture with --picture"),
        (["addition", "7", "--picture", "table.gif"], "svg, pdf, png, not as 'gif'"),
    ],
)
def test_what_cannot_be_shown_says_why(predictions, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    answer = predictions("table", *arguments)
    assert answer.code == 2
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []
