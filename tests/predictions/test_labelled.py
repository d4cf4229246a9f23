"""Names of numbers: what they hold, how they read, and what they refuse."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.estimates import Estimate
from predictions.labelled import Labelled, each, from_document, from_rows, rows, told

ONE = Estimate(value=1.0, low=0.5, high=None, n=3, unit="1")

LABELS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMES = st.text(min_size=1) | st.builds(
    lambda word, labels: Labelled(word, **labels),
    st.text(min_size=1),
    st.dictionaries(st.sampled_from(["seed", "steps", "arm", "mine"]), LABELS, min_size=1),
)


@given(names=st.sets(NAMES))
def test_numbers_come_back_from_rows_of_json(names):
    numbers = dict.fromkeys(names, ONE)
    document = json.dumps(rows(numbers), allow_nan=False)
    assert from_rows(json.loads(document)) == numbers
    assert all(map(told, names))


def test_the_order_of_labels_does_not_matter_and_their_values_do():
    one = Labelled("accuracy", seed=3, dataset_size=367)
    assert one == Labelled("accuracy", dataset_size=367, seed=3)
    assert (
        len({one, Labelled("accuracy", seed=4, dataset_size=367), Labelled("accuracy", seed=3)})
        == 3
    )
    assert (one["seed"], one["dataset_size"]) == (3, 367)
    assert from_document({"name": "accuracy", "labels": {"seed": 3, "dataset_size": 367}}) == one


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accuracy_at_largest_size", "accuracy at largest size"),
        (Labelled("accuracy", seed=3, dataset_size=367), "accuracy (367 examples, seed 3)"),
        (Labelled("midpoint", steps=48_000), "midpoint (48,000 steps)"),
        (Labelled("threshold", weight_decay=1.0), "threshold (λ = 1)"),
        (Labelled("log_odds", epsilon=1e-20), "log odds (ε = 1e-20)"),
        (Labelled("stayed", arm="without_decay"), "stayed (without decay)"),
        (Labelled("excess", of_mine=0.5), "excess (of mine 0.5)"),
        (Labelled("excess", weight_decay=0.12345678), "excess (λ = 0.12345678)"),
        (Labelled("excess", weight_decay="none", steps="all"), "excess (all steps, λ = none)"),
    ],
)
def test_a_name_reads_as_words(name, words):
    assert told(name) == words


def test_numbers_of_a_word_are_told_apart_by_which_labels_they_have():
    names = [
        "midpoint",
        Labelled("midpoint", steps=10),
        Labelled("midpoint", steps=10, seed=1),
        Labelled("midpoint", steps=10, seed=2),
        Labelled("foretold", seed=1),
    ]
    numbers = dict.fromkeys(names, ONE)
    assert [name for name, _ in each(numbers, "midpoint", "steps", "seed")] == names[2:4]
    assert [name for name, _ in each(numbers, "midpoint", "steps")] == names[1:2]
    assert list(each(numbers, "midpoint", "arm")) == []


def test_a_name_without_a_label_or_with_one_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="'midpoint' has no label; name it by the word alone"):
        Labelled("midpoint")
    for wrong in (np.int64(3), True, float("nan"), float("inf"), None):
        with pytest.raises(ValueError, match=r"label seed is .*a label is an int, a finite float"):
            Labelled("midpoint", seed=wrong)
    with pytest.raises(ValueError, match="a label cannot be called 'n', nor any of prediction"):
        Labelled("midpoint", n=3)
