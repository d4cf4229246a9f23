from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency import Training, train
from efficiency.settings import RecordingSettings
from efficiency.training.optimiser import learning_time
from efficiency.training.outcome import Outcome, outcome, tail_at
from efficiency.training.record_steps import recorded_steps
from tests.build import history, run_settings

RUN = run_settings(num_steps=1000, decay_fraction=0.25)


def calm(**changes):
    columns = {
        "train_accuracy": 1.0,
        "train_loss": 1e-7,
        "train_loss_peak": 1e-7,
        "log_odds": 16.0,
        "norm": 20.0,
        "novel_accuracy": 0.5,
        "test_loss": 1.0,
    }
    return history(1000, **(columns | changes))


def late(before, after, *, since=900):
    return lambda step: np.where(step >= since, after, before)


def test_a_quiet_run_has_settled_with_its_tail_as_numbers():
    found = outcome(calm(), RUN)
    assert found.status == "settled"
    assert found.reasons == ()
    assert found.numbers["norm"].value == 20.0


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("train_accuracy", late(1.0, 0.99), "training accuracy fell to 0.9900"),
        ("norm", lambda step: 20 * 0.9 ** (step / 100), "norm still moved by"),
        ("log_odds", lambda step: 10 + step / 200, "log-odds still moved from"),
        ("train_loss_peak", late(1e-7, 2e-6, since=990), "spiked to 20 times"),
    ],
)
def test_whatever_still_moves_has_not_settled_and_says_why(column, values, reason):
    found = outcome(calm(**{column: values}), RUN)
    assert found.status == "not settled"
    assert len(found.reasons) == 1
    assert reason in found.reasons[0]
    assert found.numbers["norm"].status == "not settled"


@given(st.floats(0.05, 1), st.sampled_from([(0, 0.0), (50, 0.25), (10, 1.0)]))
def test_the_tail_of_a_part_is_that_of_a_run_that_ended_then(part, schedule):
    warmup, decay = schedule
    run = run_settings(num_steps=1000, warmup_steps=warmup, decay_fraction=decay)
    recorded = calm(norm=lambda step: 20.0 + step)
    time = learning_time(
        recorded["step"], num_steps=1000, warmup_steps=warmup, decay_fraction=decay
    )
    there = (time > 0.75 * part * time[-1]) & (time <= part * time[-1])
    if there.any():
        expected = recorded["norm"][there].median()
        assert tail_at(recorded, run, part, "norm")[0] == expected
    else:  # so short a part that no record lies in its tail: the last one before its end
        assert (
            tail_at(recorded, run, part, "norm")[0]
            == recorded["norm"][time <= part * time[-1]].max()
        )


def test_the_tail_of_the_whole_is_the_tail():
    recorded = calm(norm=lambda step: 20.0 + step**0.5)
    whole = outcome(recorded, RUN).numbers["norm"].value
    value, learned = tail_at(recorded, RUN, 1.0, "norm")
    assert value == pytest.approx(whole, abs=0.02)
    # The learning rate falls over the last quarter of the steps: records crowd towards the end.
    assert 0.875 < learned < 1


def test_only_training_quantities_decide_whether_a_run_has_settled():
    found = outcome(calm(novel_accuracy=lambda step: step / 1000), RUN)
    assert found.status == "settled"
    assert found.numbers["novel_accuracy_drift"].value > 0.05


def test_a_spike_at_the_last_step_does_not_decide_the_numbers():
    spiked = calm(
        novel_accuracy=late(0.5, 0.0, since=1000), train_loss_peak=late(1e-7, 1.0, since=1000)
    )
    found = outcome(spiked, RUN)
    assert found.status == "not settled"
    assert found.numbers["novel_accuracy"].value == 0.5
    assert found.numbers["novel_accuracy"].low == 0.0


def test_turning_down_the_learning_rate_does_not_make_a_run_settled():
    # A norm that falls at a constant pace per learning time seems to level off as η falls to 0.
    schedule = {"num_steps": 1000, "decay_fraction": 1.0}
    moving = run_settings(**schedule)
    falling = calm(norm=lambda step: 20 * np.exp(-0.2 * (1 - (1 - step / 1000) ** 2)))
    assert outcome(falling, moving).status == "not settled"
    by_steps = falling[falling["step"] >= 750]["norm"]
    assert by_steps.iloc[-1] / by_steps.iloc[0] > 0.98


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_a_divergence_and_no_numbers(bad):
    found = outcome(calm(train_loss=late(1e-7, bad, since=500)), RUN)
    assert found.status == "diverged"
    assert found.numbers == {}
    assert "from step 500 on" in found.reasons[0]


def test_an_overflow_outside_the_training_set_is_no_divergence():
    found = outcome(calm(test_loss=np.inf), RUN)
    assert found.status == "settled"
    assert "test_loss" not in found.numbers
    assert "novel_accuracy" in found.numbers


def test_a_spike_between_two_records_is_seen():
    quiet, spiky = (Training([run_settings(num_steps=200, init_seed=0)], [None]) for _ in range(2))
    for training in (quiet, spiky):
        training.advance(101)
    spiky.engine.loss_peak_K.fill_(123.0)
    for training in (quiet, spiky):
        training.advance(200)
    before, after = (next(t.results()).history for t in (quiet, spiky))
    assert after["train_loss_peak"].max() == 123.0
    assert before["train_loss_peak"].max() < 10
    assert before["train_loss"].equals(after["train_loss"])


def test_the_peak_is_never_below_the_recorded_loss():
    (trained,) = train([run_settings(learning_rate=5e-2, num_steps=200)])
    assert (trained.history["train_loss_peak"] >= trained.history["train_loss"]).all()


def test_training_that_blows_up_ends_as_diverged():
    (trained,) = train([run_settings(learning_rate=1e30, weight_decay=0.0)])
    assert trained.outcome.status == "diverged"


def test_a_diverging_member_leaves_its_neighbours_alone():
    sane = run_settings(init_seed=1)
    (alone,) = train([sane])
    _, beside = train([run_settings(learning_rate=1e30, weight_decay=0.0), sane])
    assert beside.outcome.status != "diverged"
    np.testing.assert_allclose(alone.history, beside.history, rtol=1e-4, atol=1e-4)


def test_an_outcome_survives_json():
    found = outcome(calm(norm=lambda step: 20 * 0.9 ** (step / 100)), RUN)
    assert Outcome.from_document(found.document()) == found


@given(st.integers(1, 10**7), st.integers(0, 60), st.integers(16, 100))
def test_recorded_steps_begin_and_end_with_the_run_and_are_few(num_steps, num_log, num_even):
    recording = RecordingSettings(num_log=num_log, num_even=num_even)
    steps = recorded_steps(recording, num_steps)
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert steps[-1] == num_steps
    assert len(steps) <= num_log + num_even + 1


def test_the_steps_of_fitting_and_of_half_way_reach_back_to_the_record_before():
    history = calm(
        train_accuracy=lambda step: np.where(step >= 300, 1.0, 0.5),
        novel_accuracy=lambda step: np.clip(step / 1000, 0, 0.8),
    )
    numbers = outcome(history, RUN).numbers
    assert (numbers["step_fitted"].value, numbers["step_fitted"].low) == (300, 290)
    # From chance, 1/7, to 0.8: the ramp passes the middle at step 471.
    assert (numbers["step_halfway"].value, numbers["step_halfway"].low) == (480, 470)
    assert numbers["step_halfway"].unit == "steps"


def test_a_step_that_never_came_is_censored_and_a_small_change_has_no_half_way():
    history = calm(train_accuracy=0.9, novel_accuracy=lambda step: 1 / 7 + 0.05 * step / 1000)
    numbers = outcome(history, RUN).numbers
    assert numbers["step_fitted"].status == "censored"
    assert numbers["step_fitted"].low == RUN.num_steps
    assert "step_halfway" not in numbers


def test_the_way_begins_at_chance_and_neither_luck_nor_a_spike_decides_it():
    def accuracy(step):
        rise = np.where(step >= 500, 0.9, 0.0)
        lucky = np.where(step < 5, 0.8, rise)
        return np.where((step >= 695) & (step < 705), 0.1, lucky)

    history = calm(novel_accuracy=accuracy)
    numbers = outcome(history, RUN).numbers
    assert history["novel_accuracy"].iloc[0] == 0.8
    assert (history["novel_accuracy"] == 0.1).sum() == 1
    assert numbers["step_halfway"].value == 500


def test_the_way_of_a_continued_run_begins_where_its_start_ended():
    continued = RUN.model_copy(update={"start": RUN, "init_seed": None})
    history = calm(novel_accuracy=lambda step: 1 - 0.6 * step / 1000)
    assert outcome(history, continued).numbers["step_halfway"].value == pytest.approx(440, abs=40)
    # 1/7 to 0.45 would be half-way at the first record.
    assert outcome(history, RUN).numbers["step_halfway"].value == 0


def test_generalising_must_last_for_three_records_and_is_censored_if_it_never_does():
    def accuracy(step):
        return np.where((step >= 100) & (step < 115) | (step >= 600), 0.95, 0.3)

    numbers = outcome(calm(novel_accuracy=accuracy), RUN).numbers
    assert (numbers["step_generalised"].value, numbers["step_generalised"].low) == (600, 590)
    never = outcome(calm(novel_accuracy=0.89), RUN).numbers["step_generalised"]
    assert (never.value, never.low, never.status) == (None, RUN.num_steps, "censored")
    last = outcome(calm(novel_accuracy=late(0.3, 0.95, since=990)), RUN).numbers
    assert last["step_generalised"].status == "censored"
    in_time = outcome(calm(novel_accuracy=late(0.3, 0.95, since=980)), RUN).numbers
    assert in_time["step_generalised"].value == 980


def test_a_noisy_loss_is_held_against_noisy_losses():
    random = run_settings(num_steps=1000, decay_fraction=0.25, batch_size=7, noise_seed=0)
    noisy = calm(train_loss_peak=lambda step: 1e-3 * (1 + step % 3))
    assert outcome(noisy, RUN).status == "not settled"
    assert outcome(noisy, random).status == "settled"
    spike = calm(train_loss_peak=lambda step: np.where(step == 950, 1e-1, 1e-3))
    assert "spiked to 100 times" in outcome(spike, random).reasons[0]


def test_a_loss_is_held_against_losses_of_its_kind():
    # What is recorded beside the peak of StableMax is of softmax, and may underflow.
    other = run_settings(num_steps=1000, decay_fraction=0.25, loss="stablemax")
    small = calm(train_loss=0.0, train_loss_peak=1e-3)
    assert outcome(small, RUN).status == "not settled"
    assert outcome(small, other).status == "settled"
    spike = calm(train_loss=0.0, train_loss_peak=late(1e-3, 1e-1, since=990))
    assert "spiked to 100 times" in outcome(spike, other).reasons[0]


def test_from_scratch_the_way_leads_up_and_a_network_that_ends_below_chance_never_moved():
    # With few symbols one that only memorises is sure of wrong answers, from the first steps on.
    down = calm(novel_accuracy=lambda step: np.where(step >= 20, 0.0, 1 / 7))
    assert "step_halfway" not in outcome(down, RUN).numbers
    # One that continues another may well lead down.
    continued = RUN.model_copy(update={"start": RUN, "init_seed": None})
    falls = calm(novel_accuracy=lambda step: np.where(step >= 500, 0.0, 1.0))
    assert outcome(falls, continued).numbers["step_halfway"].value == 500
