"""Measures and snapshots: what is recorded beside the usual quantities, and kept of weights."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from efficiency.analysis.shares import logits
from efficiency.measures import MEASURES, Measure, Reading
from efficiency.measures.spectra import embedding_spectrum
from efficiency.settings import MLPSettings, RecordingSettings, RunSettings
from efficiency.training.ensemble import initial_weights, labels, trained_on
from efficiency.training.loop import Training, train
from efficiency.training.outcome import Outcome
from efficiency.training.record_steps import recorded_steps, snapshot_steps
from tests.build import compiled_only, run_settings

ALL = tuple(sorted(name for name in MEASURES if ":" not in name))


def recording(**changes) -> RecordingSettings:
    return RecordingSettings(**({"num_log": 4, "num_even": 16} | changes))


@pytest.mark.parametrize("changes", [{}, {"regime": "memorising", "label_seed": 3}])
def test_measures_are_those_of_the_final_weights(changes):
    run = run_settings(recording=recording(measures=ALL), **changes)
    (trained,) = train([run])
    last = trained.history.iloc[-1]
    batches = list(logits(run, trained.weights))
    logits_NS = np.concatenate([one for one, _ in batches])
    right_N = labels(run)[:, 0]
    correct = logits_NS[np.arange(len(right_N)), right_N]
    others = logits_NS.copy()
    others[np.arange(len(right_N)), right_N] = -np.inf
    margins = (correct - others.max(axis=1))[trained_on(run)]
    assert last["smallest_margin"] == pytest.approx(margins.min(), abs=1e-4)
    assert last["margin"] == pytest.approx(margins.mean(), abs=1e-4)
    gen_share = trained.outcome.numbers["gen_share_answer"].value
    assert last["answer_share"] == pytest.approx(gen_share, abs=1e-5)
    share = embedding_spectrum(trained.weights["W_E"], 7)
    assert last["num_frequencies"] == pytest.approx(1 / (share**2).sum(), rel=1e-5)
    assert trained.outcome.numbers["smallest_margin"].unit == "nats"


@compiled_only
def test_every_engine_reads_them_alike():
    network = MLPSettings(d_model=8, d_mlp=12)
    run = run_settings(recording=recording(measures=ALL), network=network)
    one, other = (train([run], engine=name)[0].history for name in ("layered", "stacked"))
    for name in one:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-3, atol=1e-4, err_msg=name)


@given(st.integers(3, 40), st.data())
def test_an_embedding_of_one_frequency_has_one(p, data):
    k = data.draw(st.integers(1, p // 2))
    phase = data.draw(st.floats(0.1, 0.9))
    W_E = np.outer(np.cos(2 * np.pi * k * np.arange(p) / p + phase), [1.0, -2.0]) + 5.0
    share = embedding_spectrum(np.vstack([W_E, [[9.0, 9.0]]]), p)
    assert len(share) == p // 2
    assert share[k - 1] == pytest.approx(1.0)


def test_an_embedding_of_noise_has_all_frequencies_alike():
    W_E = np.random.default_rng(0).normal(size=(12, 20_000))
    # Of twelve residues the sixth frequency has one part, every other a sine and a cosine.
    np.testing.assert_allclose(embedding_spectrum(W_E, 12), [2 / 11] * 5 + [1 / 11], rtol=0.03)


def test_what_is_not_defined_is_left_out_and_is_no_divergence(monkeypatch):
    monkeypatch.setitem(
        MEASURES, "nothing", Measure(name="nothing", label="Nothing", read=lambda reading: math.nan)
    )
    usual = train([run_settings(recording=recording())])[0].outcome
    asked = train([run_settings(recording=recording(measures=("nothing",)))])[0]
    assert asked.outcome == usual
    assert asked.history["nothing"].isna().all()


def test_a_run_that_diverges_ends_the_training_of_no_other(monkeypatch):
    def last(reading: Reading) -> float:
        (name,) = (one for one in reading.weights if one.endswith("W_E"))
        return float(torch.linalg.eigvalsh(reading.weights[name].T @ reading.weights[name])[-1])

    monkeypatch.setitem(MEASURES, "last", Measure(name="last", label="Largest", read=last))
    sound, diverging = (
        run_settings(recording=recording(measures=("last",)), learning_rate=rate, weight_decay=0.0)
        for rate in (1e-3, 1e30)
    )
    (alone,) = train([sound])
    together, diverged = train([sound, diverging])
    assert diverged.outcome.status == "diverged"
    assert math.isnan(diverged.history["last"].iloc[-1])
    assert math.isfinite(diverged.history["last"].iloc[0])
    np.testing.assert_array_equal(together.history["last"], alone.history["last"])


def test_a_reading_computes_what_is_asked_for_only():
    run = run_settings()
    reading = Reading(run, initial_weights(run))
    MEASURES.find("num-frequencies").read(reading)
    assert "logits" not in vars(reading)
    MEASURES.find("smallest-margin").read(reading)
    assert reading.logits.shape == (49, 7)


def test_they_change_nothing_of_the_training():
    usual = train([run_settings(recording=recording())])[0]
    asked = train([run_settings(recording=recording(measures=ALL, snapshots="even"))])[0]
    for name, value in usual.weights.items():
        np.testing.assert_array_equal(asked.weights[name], value)
    for name in usual.history:
        np.testing.assert_array_equal(asked.history[name], usual.history[name])


def test_runs_that_ask_for_neither_are_the_runs_that_they_were():
    document = run_settings(recording=recording()).document()
    assert document["recording"] == {"num_log": 4, "num_even": 16}
    given_ = run_settings(recording=recording(measures=("answer-share",), snapshots=(0, 3)))
    assert RunSettings.from_document(given_.document()) == given_


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, []),
        ("log", [0, 1, 3, 12, 40]),
        ("even", [round(i * 2.5) for i in range(17)]),
        ((7, 0, 7, 31), [0, 7, 31]),
    ],
)
def test_weights_are_kept_when_they_should_be(asked, expected):
    run = run_settings(recording=recording(snapshots=asked))
    assert snapshot_steps(run.recording, 40) == expected
    assert set(expected) <= set(recorded_steps(run.recording, 40))
    (trained,) = train([run])
    assert list(trained.snapshots) == expected
    if 0 in expected:
        for name, value in initial_weights(run).items():
            np.testing.assert_array_equal(trained.snapshots[0][name], value)
    if 40 in expected:
        for name, value in trained.weights.items():
            np.testing.assert_array_equal(trained.snapshots[40][name], value)


def test_the_norm_of_a_snapshot_is_the_one_that_was_recorded():
    runs = [run_settings(recording=recording(snapshots="even"), init_seed=s) for s in (0, 1)]
    for trained in train(runs):
        for step, weights in trained.snapshots.items():
            norm = math.sqrt(sum(float((w.astype(float) ** 2).sum()) for w in weights.values()))
            row = trained.history[trained.history["step"] == step]
            assert row["norm"].item() == pytest.approx(norm, rel=1e-6)


def test_a_run_that_goes_on_from_a_checkpoint_has_all_of_them():
    run = run_settings(recording=recording(measures=ALL, snapshots="even"))
    straight, halted, resumed = (Training([run], [None]) for _ in range(3))
    straight.advance(40)
    halted.advance(17)
    resumed.restore({name: np.array(value) for name, value in halted.state().items()})
    resumed.advance(40)
    (one,), (other,) = straight.results(), resumed.results()
    np.testing.assert_array_equal(one.history, other.history)
    for step, weights in one.snapshots.items():
        for name, value in weights.items():
            np.testing.assert_array_equal(other.snapshots[step][name], value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"measures": ("answer-shares",)}, "did you mean 'answer-share'"),
        ({"measures": ("answer-share", "answer-share")}, "a name twice"),
        ({"measures": ()}, "at least 1 item"),
        ({"snapshots": (0, 41)}, "beyond the 40 steps"),
        ({"snapshots": (-1,)}, "greater than or equal to 0"),
        ({"snapshots": "often"}, "'log' or 'even'"),
    ],
)
def test_what_cannot_be_recorded_is_told(changes, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        run_settings(recording=recording(**changes))


@pytest.mark.parametrize(
    "name", ["norm", "norm-change", "step", "step-fitted", "clean-logit", "excluded-loss", "margin"]
)
def test_a_measure_does_not_take_the_name_of_what_is_recorded_anyway(name):
    with pytest.raises(ValueError, match="are of what is recorded anyway"):
        Measure(name=name, label="Another", read=lambda reading: 0.0)


def test_a_measure_of_a_module_may_say_anything(monkeypatch):
    measure = Measure(name="mine:change_loss", label="Change", read=lambda reading: -0.5)
    monkeypatch.setitem(MEASURES, measure.name, measure)
    (trained,) = train([run_settings(recording=recording(measures=(measure.name,)))])
    again = Outcome.from_document(trained.outcome.document())
    assert again.numbers["mine:change_loss"].value == -0.5


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lambda reading: reading.weights["W_E"].zero_().sum(), "W_E"),
        (lambda reading: reading.weights["W_E"][0].mul_(2).sum(), "W_E"),
        (lambda reading: reading.logits.sub_(1).sum(), "logits"),
        (lambda reading: reading.logits[:, 0].fill_(0).sum(), "logits"),
    ],
)
def test_a_measure_that_changes_what_others_read_is_refused(monkeypatch, harm, what):
    monkeypatch.setitem(MEASURES, "harm", Measure(name="harm", label="Harm", read=harm))
    with pytest.raises(ValueError, match=rf"'harm' changes {what} in place, .*{what}\.clone\(\)"):
        train([run_settings(recording=recording(measures=("harm",)))])


def test_a_measure_that_changes_what_it_is_given_unseen_changes_no_training(monkeypatch):
    def harm(reading):
        for value in reading.weights.values():
            value.numpy()[:] = 0  # torch counts no such change
        return 0.0

    monkeypatch.setitem(MEASURES, "harm", Measure(name="harm", label="Harm", read=harm))
    usual = train([run_settings(recording=recording())])[0]
    harmed = train([run_settings(recording=recording(measures=("harm",)))])[0]
    for name, value in usual.weights.items():
        np.testing.assert_array_equal(harmed.weights[name], value)


def test_a_measure_may_change_what_it_has_made_itself(monkeypatch):
    def centre(reading):
        own = reading.logits.clone()
        own -= own.mean(-1, keepdim=True)
        return float((own + reading.logits * 0).sum())

    monkeypatch.setitem(MEASURES, "centre", Measure(name="centre", label="Centre", read=centre))
    usual = train([run_settings(recording=recording())])[0]
    measured = train([run_settings(recording=recording(measures=("centre",)))])[0]
    assert measured.history["centre"].to_numpy() == pytest.approx(0, abs=1e-2)
    for name, value in usual.weights.items():
        np.testing.assert_array_equal(measured.weights[name], value)


def test_the_same_snapshots_are_the_same_run():
    one, other = (run_settings(recording=recording(snapshots=s)) for s in ((3, 0, 3), (0, 3)))
    assert one == other


@pytest.mark.parametrize("read", [lambda reading: "much", lambda reading: reading.novel])
def test_a_measure_that_fails_is_named(monkeypatch, read):
    monkeypatch.setitem(MEASURES, "odd", Measure(name="odd", label="Odd", read=read))
    with pytest.raises(ValueError, match="the measure 'odd' failed"):
        train([run_settings(recording=recording(measures=("odd",)))])
