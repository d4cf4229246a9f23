"""Tasks that are no tables: sequences with several answers, and real-valued features."""

from __future__ import annotations

import itertools
import json
import os
import signal
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from efficiency import engines, networks, train
from efficiency.settings import (
    TASKS,
    DigitAdditionSettings,
    Examples,
    FeaturesMLPSettings,
    HandwrittenDigitsSettings,
    RecordingSettings,
    RunSettings,
    SequenceTransformerSettings,
    TaskBase,
    TaskSettings,
)
from efficiency.settings.task import register
from efficiency.training.ensemble import initial_weights, labels, part_masks, trained_on
from efficiency.training.loop import Training
from predictions.stored import outcome_of, wrong_with
from predictions.testing import check_network, check_task
from predictions.trainer import NetworkTrainer
from runs import Store, execute
from runs.identity import identity
from tests.build import run_settings

ADDITION, DIGITS = DigitAdditionSettings(), HandwrittenDigitsSettings()
READERS = {
    "tokens": SequenceTransformerSettings(d_model=16, num_heads=2, d_mlp=32),
    "features": FeaturesMLPSettings(d_mlp=32),
}
RECORDING = RecordingSettings(num_log=4, num_even=16)


def run_of(task: TaskBase, **changes) -> RunSettings:
    usual = {
        "task": task,
        "network": READERS.get(task.gives),
        "dataset_size": 300,
        "recording": RECORDING,
        "num_steps": 40,
        "learning_rate": 3e-3,
    }
    return run_settings(**(usual | changes))


OF_EACH = pytest.mark.parametrize("task", [ADDITION, DIGITS], ids=lambda task: task.kind)


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


@OF_EACH
def test_engines_of_tables_refuse_it_and_the_stacked_one_takes_it(task):
    run = run_of(task)
    assert engines.choose("auto", run, "cpu") == "stacked"
    for name in ("compiled", "layered"):
        with pytest.raises(ValueError, match=r"does not know the setting task\.kind"):
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


@OF_EACH
def test_it_follows_a_textbook_loop_with_torchs_adamw(task):
    run = run_of(task, warmup_steps=0, weight_decay=1.0)
    (trained,) = train([run])
    network = networks.network(run.task, run.network)
    network.load_state_dict(initial_weights(run), strict=False)  # positions are fixed
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=1.0
    )
    chosen, _ = task.split(run.dataset_size, run.data_seed)
    read = torch.as_tensor(task.inputs[chosen])
    read = read.float() if task.gives == "features" else read
    right = torch.as_tensor(task.targets[chosen]).flatten()
    losses = []
    for _ in range(run.num_steps):
        optimiser.zero_grad()
        logits = network(read).double().reshape(len(right), -1)
        loss = torch.nn.functional.cross_entropy(logits, right)
        losses.append(float(loss.detach()))
        loss.backward()
        optimiser.step()
    recorded = trained.history.set_index("step")["train_loss"]
    inside = recorded[recorded.index < run.num_steps]
    np.testing.assert_allclose(inside, [losses[step] for step in inside.index], rtol=1e-4)
    assert losses[-1] < 0.95 * losses[0]


@OF_EACH
def test_who_shares_the_ensemble_changes_nothing(task):
    runs = [run_of(task, dataset_size=D, init_seed=i) for i, D in enumerate((300, 280))]
    for alone, shared in zip((train([run])[0] for run in runs), train(runs), strict=True):
        np.testing.assert_allclose(alone.history, shared.history, rtol=1e-3, atol=1e-4)


def test_an_answer_is_right_as_a_whole_and_each_part_of_it_is_told_apart():
    run = run_of(ADDITION, num_steps=200)
    (trained,) = train([run])
    last = trained.history.iloc[-1]
    network = networks.network(run.task, run.network)
    weights = {name: torch.as_tensor(value) for name, value in trained.weights.items()}
    network.load_state_dict(weights, strict=False)
    with torch.no_grad():
        found_NA = network(torch.as_tensor(ADDITION.inputs)).argmax(-1).numpy()
    right_NA, train_N = found_NA == ADDITION.targets, trained_on(run)
    for a, answer in enumerate(("carry", "digit1", "digit0")):
        for part, inside_N in (("train", train_N), ("novel", ADDITION.novel(train_N))):
            accuracy = right_NA[inside_N, a].mean()
            assert last[f"{part}_{answer}_accuracy"] == pytest.approx(accuracy, abs=1e-9)
    assert last["train_accuracy"] == pytest.approx(right_NA[train_N].all(1).mean(), abs=1e-9)
    each = [last[f"train_{answer}_loss"] for answer in ("carry", "digit1", "digit0")]
    assert last["train_loss"] == pytest.approx(np.mean(each), rel=1e-6)
    # The carry is a comparison and learned first; a table has no such columns.
    assert last["novel_carry_accuracy"] > 0.7 > last["novel_digit1_accuracy"]
    assert not any("digit" in name for name in train([run_settings()])[0].history)


def test_handwritten_digits_are_recognised_and_random_labels_are_not():
    runs = [
        run_of(DIGITS, dataset_size=1000, num_steps=300),
        run_of(DIGITS, dataset_size=1000, num_steps=300, regime="memorising", label_seed=1),
    ]
    true, random = (one.history.iloc[-1] for one in train(runs))
    assert true["novel_accuracy"] > 0.93
    assert random["novel_accuracy"] < 0.15
    assert abs(labels(runs[1]) == DIGITS.targets).mean() < 0.15


def test_labels_that_are_read_cannot_be_others():
    with pytest.raises(ValidationError, match="part of what is read in digit-addition"):
        run_of(ADDITION, regime="memorising", label_seed=0)


class Both(TaskBase):
    """Two answers from features: the parity of three signs, and their majority."""

    gives: ClassVar = "features"
    num_examples: ClassVar = 8
    num_classes: ClassVar = 2
    answers: ClassVar = ("parity", "majority")

    def build(self):
        bits = np.arange(8)[:, None] >> np.arange(3) & 1
        both = np.stack([bits.sum(1) % 2, bits.sum(1) > 1], axis=1).astype(int)
        return Examples(inputs=1.0 - 2 * bits, targets=both)


def test_several_answers_are_read_off_features_too_and_refused_where_one_is_given():
    task = register("both-of-a-test", Both)()
    try:
        run = run_of(task, dataset_size=8, num_steps=300, learning_rate=1e-2, weight_decay=0.0)
        last = train([run])[0].history.iloc[-1]
        assert last["train_parity_accuracy"] == last["train_majority_accuracy"] == 1
        operands = type(
            "Two", (Both,), {"gives": "operands", "__annotations__": {"gives": ClassVar}}
        )
        two = register("two-of-a-test", operands)()
        with pytest.raises(ValueError, match=r"the shape \(1, 2\); logits of \(1, 2, 2\)"):
            networks.shapes(two, run_settings().network)
    finally:
        for name in ("both-of-a-test", "two-of-a-test"):
            TASKS.pop(name, None)


@OF_EACH
def test_minibatches_are_of_all_its_answers(task):
    run = run_of(task, batch_size=100, noise_seed=1)
    engine = Training([run], [None]).engine
    answer_of = {tuple(x): tuple(y) for x, y in zip(task.inputs, task.targets, strict=True)}
    seen = set()
    for step in range(3):
        read, answers, weights = engine._at(torch.tensor(step))
        assert float(weights.sum() * task.num_answers) == pytest.approx(1)
        for x, y in zip(read[0].double().numpy(), answers[0].numpy(), strict=True):
            assert answer_of[tuple(x)] == tuple(y)
            seen.add(tuple(x))
    inside = task.inputs[task.split(300, run.data_seed)[0]]
    assert seen == {tuple(x) for x in inside}  # an epoch


@OF_EACH
def test_a_state_that_is_restored_goes_on_exactly(task):
    run = run_of(task)
    whole, first, second = (Training([run], [None]) for _ in range(3))
    whole.advance(40)
    first.advance(23)
    second.restore({name: value.copy() for name, value in first.state().items()})
    second.advance(17)
    (one,), (other,) = whole.results(), second.results()
    assert (one.history == other.history).all().all()
    assert all((one.weights[name] == other.weights[name]).all() for name in one.weights)


@pytest.fixture
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@OF_EACH
def test_it_is_stored_interrupted_resumed_and_continued_as_tables_are(
    task, tmp_path, interruptible
):
    start = run_of(task, num_steps=300 if task is ADDITION else 4000)
    fewer = start.model_copy(
        update={"start": start, "init_seed": None, "dataset_size": 60, "num_steps": 30}
    )
    documents = [fewer.document()]
    calls = itertools.count()

    def interrupt(progress) -> None:
        if next(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    store, trainer = Store(tmp_path / "broken"), NetworkTrainer("cpu")
    broken = execute(documents, store, trainer, report=interrupt)
    assert broken.interrupted
    assert broken.begun == 1
    execute(documents, store, trainer)
    plain = Store(tmp_path / "plain")
    execute(documents, plain, trainer)
    for run in (start, fewer):
        name = identity(run.document())
        record, same = store.load(name), plain.load(name)
        assert (record.history == same.history).all().all()
        assert wrong_with(record, run) is None
        assert outcome_of(record, run) == outcome_of(same, run)
        assert "novel_accuracy" in outcome_of(record, run).numbers
    assert "removed_accuracy" in outcome_of(store.load(identity(fewer.document())), fewer).numbers


def test_snapshots_and_measures_are_of_any_task():
    recording = RecordingSettings(
        num_log=4, num_even=16, measures=("smallest-margin", "answer-share"), snapshots=(0, 40)
    )
    for task in (ADDITION, DIGITS):
        (trained,) = train([run_of(task, recording=recording)])
        last = trained.history.iloc[-1]
        assert last["smallest_margin"] <= last["margin"]
        assert np.isnan(last["answer_share"])
        assert set(trained.snapshots) == {0, 40}


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

    for kind, message in (
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
