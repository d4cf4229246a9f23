"""What a task is: its examples, what is novel, what it refuses, and what is refused of it."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from efficiency import engines
from efficiency.settings import (
    TASKS,
    DigitAdditionSettings,
    Examples,
    RunSettings,
    TaskBase,
    TaskSettings,
)
from efficiency.settings.task import register
from efficiency.training.ensemble import part_masks
from predictions.testing import check_network, check_task
from tests.build import compiled_only, run_settings
from tests.efficiency.other_tasks import ADDITION, DIGITS, OF_EACH, READERS, run_of


@given(st.integers(1, 3), st.data())
def test_a_sequence_is_the_sum_that_one_writes_down(num_digits, data):
    drawn = {} if num_digits < 3 else {"num_drawn": 1000, "draw_seed": data.draw(st.integers(0, 9))}
    task = DigitAdditionSettings(num_digits=num_digits, **drawn)
    i = data.draw(st.integers(0, task.num_examples - 1))
    symbols = "0123456789+="
    read = "".join(symbols[token] for token in task.inputs[i])
    sides, answer = read.split("=")
    x, y = sides.split("+")
    assert len(x) == len(y) == num_digits
    written = "".join(map(str, task.targets[i]))
    assert int(written) == int(x) + int(y)
    assert answer == written[:-1]  # what stands before the last digit that is asked for


def test_no_pair_is_drawn_twice_and_equal_settings_draw_the_same():
    task = DigitAdditionSettings(num_digits=5, num_drawn=3000, draw_seed=4)
    assert len(np.unique(task.inputs[:, :11], axis=0)) == 3000
    assert (DigitAdditionSettings(num_digits=5, num_drawn=3000, draw_seed=4).build().inputs
            == task.build().inputs).all()  # fmt: skip
    other = task.model_copy(update={"draw_seed": 5})
    assert (other.inputs != task.inputs).any()


@settings(max_examples=20)
@given(st.integers(0, 100), st.sampled_from([ADDITION, 900]))
def test_a_sum_is_novel_only_if_its_mirror_image_is_not_trained_on(seed, which):
    task = which if which is ADDITION else DigitAdditionSettings(num_drawn=which, draw_seed=seed)
    run = run_of(task, data_seed=seed)
    masks = part_masks(run)
    pairs = [tuple(x) for x in task.inputs[:, :5].tolist()]
    trained = {pair for pair, inside in zip(pairs, masks["train"], strict=True) if inside}
    for pair, novel in zip(pairs, masks["novel"], strict=True):
        swapped = (*pair[3:], pair[2], *pair[:2])
        assert novel == (pair not in trained and swapped not in trained)


@OF_EACH
def test_it_comes_back_from_its_document_and_tables_have_the_documents_that_they_had(task):
    run = run_of(task)
    assert RunSettings.from_document(json.loads(json.dumps(run.document()))) == run
    assert run_settings().document()["task"] == {"operation": "addition", "size": 7}


@compiled_only
@OF_EACH
def test_the_engine_of_tables_refuses_it_and_layers_take_it_if_it_gives_tokens(task):
    run = run_of(task)
    assert engines.choose("stacked", run, "cpu") == "stacked"
    reasons = {"compiled": r"does not know the setting task\.kind"}
    if task.gives == "tokens":
        assert engines.choose("auto", run, "cpu") == "layered"
    else:
        assert engines.choose("auto", run, "cpu") == "stacked"
        reasons["layered"] = "'features-mlp' is not written down as layers"
    for name, reason in reasons.items():
        with pytest.raises(ValueError, match=reason):
            engines.choose(name, run, "cpu")


def test_a_network_must_read_what_the_task_gives():
    with pytest.raises(ValidationError, match=r"transformer reads operands, .* gives tokens"):
        run_of(ADDITION, network=run_settings().network)
    with pytest.raises(ValidationError, match="choose a network from features-mlp"):
        run_of(DIGITS, network=READERS["tokens"])
    with pytest.raises(ValidationError, match="choose a network from mlp, one-layer"):
        run_of(TaskSettings(operation="addition", size=23), network=READERS["features"])
    with pytest.raises(ValueError, match="needs the table of an operation"):
        _ = run_of(DIGITS).table_task


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_digits": 3}, "1,000,000 pairs"),
        ({"num_drawn": 100}, "give both or none"),
        ({"draw_seed": 100}, "give both or none"),
        ({"num_drawn": 6000, "draw_seed": 0}, "more than half of 10000"),
    ],
)
def test_settings_that_make_no_examples_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        DigitAdditionSettings(**changes)


def test_labels_that_are_read_cannot_be_others():
    with pytest.raises(ValidationError, match="part of what is read in digit-addition"):
        run_of(ADDITION, regime="memorising", label_seed=0)


def test_a_task_of_ones_own_is_held_to_what_it_says():
    class Wrong(TaskBase):
        gives: ClassVar = "features"
        num_examples: ClassVar = 10
        num_classes: ClassVar = 2

        def build(self):
            return Examples(inputs=np.full((10, 3), np.nan), targets=np.zeros((10, 1), dtype=int))

    class Outside(Wrong):
        def build(self):
            return Examples(inputs=np.zeros((10, 3)), targets=np.full((10, 1), 2))

    class Short(Wrong):
        def build(self):
            return Examples(inputs=np.zeros((9, 3)), targets=np.zeros((9, 1), dtype=int))

    class Mirrored(Wrong):
        def build(self):
            return Examples(inputs=np.zeros((10, 3)), targets=np.zeros((10, 1), dtype=int))

        @property
        def mirror(self):
            return (np.arange(10) + 1) % 10  # the image of an image is another

    class Certain(Short):
        num_examples: ClassVar = 9
        chance: ClassVar = 1.0

    class Three(Short):
        gives: ClassVar = "operands"
        num_examples: ClassVar = 9

        def build(self):
            return Examples(inputs=np.zeros((9, 3), dtype=int), targets=np.zeros((9, 1), dtype=int))

    class Wider(Mirrored):
        num_inputs: ClassVar = 4

    for kind, message in (
        (Wider, "has 3 numbers to an example; it says that it has 4"),
        (Mirrored, "the image of an image the example itself"),
        (Certain, "guessed with probability 1"),
        (Three, "gives 3 operands; there must be two"),
        (Wrong, "finite real numbers"),
        (Outside, "targets from 2 to 2"),
        (Short, r"inputs of shape \(9, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            _ = kind().inputs
    with pytest.raises(ValidationError, match="has no name to be found by again"):
        run_of(Outside())

    class Turned(TaskSettings):
        """Would be stored as what it inherits from."""

    with pytest.raises(ValidationError, match="has no name to be found by again"):
        run_of(Turned(operation="addition", size=5))
    named = register("outside-of-a-test", Outside)
    try:
        assert register("outside-of-a-test", Outside) is named
        with pytest.raises(ValueError, match="another task"):
            register("outside-of-a-test", Short)
        with pytest.raises(ValueError, match="unknown task 'outside-of-a-tset'"):
            RunSettings.from_document(
                run_of(DIGITS).document() | {"task": {"kind": "outside-of-a-tset"}}
            )
    finally:
        del TASKS["outside-of-a-test"]


def test_our_own_pass_the_conformance_tests_that_others_are_given():
    check_task("digit-addition", num_digits=1)
    check_task("handwritten-digits")
    check_network("sequence-transformer", num_layers=2, normalisation="pre")
    check_network("features-mlp", num_layers=2)
