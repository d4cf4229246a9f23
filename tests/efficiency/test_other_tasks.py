"""Tasks that are no tables are trained, measured, stored and continued as tables are."""

from __future__ import annotations

import itertools
import os
import signal
from typing import ClassVar

import numpy as np
import pytest
import torch

from efficiency import networks, train
from efficiency.settings import (
    TASKS,
    Examples,
    RecordingSettings,
    TaskBase,
)
from efficiency.settings.task import register
from efficiency.training.ensemble import initial_weights, labels, trained_on
from efficiency.training.loop import Training
from predictions.stored import outcome_of, wrong_with
from predictions.trainer import NetworkTrainer
from runs import Store, execute
from runs.identity import identity
from tests.build import run_settings
from tests.efficiency.other_tasks import ADDITION, DIGITS, OF_EACH, run_of


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
    engine = Training([run], [None], engine="stacked").engine
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
