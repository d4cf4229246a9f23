"""Sequences: what comes again in them, who attends to it, and measuring a part of many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from efficiency import activations, module_of
from efficiency.engines.measuring import num_measured
from efficiency.measures import MEASURES, Reading, value_of
from efficiency.settings import (
    OptimiserSettings,
    RecordingSettings,
    RepeatedSubsequenceSettings,
    RunSettings,
    SequenceTransformerSettings,
    SkipTrigramSettings,
)
from efficiency.tasks import sequences
from efficiency.training import counter_random
from efficiency.training.ensemble import initial_weights, measured_examples, part_masks
from efficiency.training.loop import train
from efficiency.training.minibatches import Minibatches
from predictions.testing import check_task

ATTENTION = SequenceTransformerSettings(
    num_layers=2, d_model=16, d_mlp=0, num_heads=2, normalisation="none", positions="learned"
)
REPEATS = RepeatedSubsequenceSettings(
    vocabulary=6, num_repeated=4, num_positions=14, num_drawn=200, draw_seed=1
)
TRIGGERS = SkipTrigramSettings(num_positions=7, num_drawn=200, draw_seed=1)


def run_of(task, *, network=ATTENTION, seed=0, recording=None, batch_size=None, **others):
    return RunSettings(
        task=task,
        network=network,
        optimiser=OptimiserSettings(learning_rate=3e-3, batch_size=batch_size),
        data_seed=seed,
        init_seed=None if "start" in others else seed,
        noise_seed=None if batch_size is None else seed,
        recording=recording or RecordingSettings(num_log=0, num_even=16),
        **({"dataset_size": 60, "num_steps": 16} | others),
    )


@settings(max_examples=60)
@given(
    st.integers(2, 30), st.integers(2, 6), st.integers(0, 10), st.integers(0, 5), st.integers(0, 9)
)
def test_the_end_of_a_sequence_has_come_before(vocabulary, repeated, more, seed, i):
    task = RepeatedSubsequenceSettings(
        vocabulary=vocabulary,
        num_repeated=repeated,
        num_positions=2 * repeated + 1 + more,
        num_drawn=10,
        draw_seed=seed,
    )
    whole = [*task.inputs[i], task.targets[i][-1]]
    assert len(whole) == task.num_positions
    end = whole[-repeated:]
    assert end[1:] == list(task.targets[i])
    places = [k for k in range(len(whole) - 2 * repeated + 1) if whole[k : k + repeated] == end]
    assert places, "the stretch is nowhere before its end"
    # The first copy, or whatever looks like it to who reads up to the last token.
    (found,) = sequences.first_copies(task.inputs[i : i + 1], repeated)
    assert whole[found[0] - 1 : found[-1]] == end[:-1]
    assert found[0] - 1 <= places[0]


def test_places_of_the_first_copy_are_all_used():
    task = REPEATS.model_copy(update={"vocabulary": 1000, "num_drawn": 2000})
    found = sequences.first_copies(task.inputs, task.num_repeated)[:, 0]
    counts = np.bincount(found, minlength=task.num_positions)
    possible = task.num_positions - 2 * task.num_repeated + 1
    assert (counts > 0).sum() == possible
    assert counts[counts > 0].min() > 2000 / possible / 2


@settings(max_examples=40)
@given(st.integers(2, 9), st.integers(1, 9), st.integers(2, 9), st.integers(0, 5))
def test_there_is_one_trigger_and_the_last_token_is_none(triggers, others, positions, seed):
    task = SkipTrigramSettings(
        num_triggers=triggers,
        num_others=others,
        num_positions=positions,
        num_drawn=30,
        draw_seed=seed,
    )
    is_trigger = task.inputs >= others
    assert (is_trigger.sum(1) == 1).all()
    assert not is_trigger[:, -1].any()
    assert (task.inputs[is_trigger] - others == task.targets[:, 0]).all()


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("repeated-subsequence", {"num_drawn": 120, "draw_seed": 0}),
        ("repeated-subsequence", {"num_drawn": 120, "draw_seed": 0, "num_asked": 3}),
        ("skip-trigrams", {"num_drawn": 120, "draw_seed": 0}),
    ],
)
def test_tasks_conform(kind, own):
    check_task(kind, **own)


@pytest.mark.parametrize("asked", [1, 2])
def test_who_is_asked_for_fewer_tokens_reads_the_same_and_answers_the_last(asked):
    fewer = REPEATS.model_copy(update={"num_asked": asked})
    assert (fewer.inputs == REPEATS.inputs).all()
    assert (fewer.targets == REPEATS.targets[:, -asked:]).all()
    assert fewer.num_answers == asked
    assert fewer.answers == (REPEATS.answers[-asked:] if asked > 1 else ())


@pytest.mark.parametrize("asked", [0, 3, 9])
def test_more_tokens_than_there_are_are_not_asked_for(asked):
    with pytest.raises(ValidationError, match="num_asked"):
        RepeatedSubsequenceSettings(**(REPEATS.model_dump() | {"num_asked": asked}))


def test_a_network_goes_on_where_it_was_with_fewer_tokens_to_name():
    start = run_of(REPEATS)
    fewer = REPEATS.model_copy(update={"num_asked": 2})
    later = run_of(fewer, start=start, dataset_size=start.dataset_size)
    (before,) = train([start])
    (after,) = train([later], starts=[before.weights])
    asked = [f"test_{token}_loss" for token in fewer.answers]
    assert after.history[asked].iloc[0].to_dict() == pytest.approx(
        before.history[asked].iloc[-1].to_dict(), rel=1e-5
    )
    with pytest.raises(ValidationError, match="task differs"):
        run_of(fewer.model_copy(update={"draw_seed": 2}), start=start)


def test_copies_that_have_no_choice_of_a_place_are_refused():
    with pytest.raises(ValidationError, match="give 17 at least"):
        RepeatedSubsequenceSettings(num_repeated=8, num_positions=16, num_drawn=10, draw_seed=0)


def test_a_network_without_mlps_has_no_settings_of_them():
    for wrong in ({"biases": True}, {"dropout": 0.1}):
        with pytest.raises(ValidationError, match="leaves out the MLPs"):
            SequenceTransformerSettings(d_mlp=0, **wrong)


@pytest.mark.parametrize("normalisation", ["none", "pre", "post"])
def test_without_mlps_each_layer_adds_its_attention_alone(normalisation):
    network = ATTENTION.model_copy(
        update={"normalisation": normalisation, "precision": "float64", "num_layers": 1}
    )
    weights = {
        name: value.numpy()
        for name, value in initial_weights(run_of(REPEATS, network=network)).items()
    }
    assert not [name for name in weights if "W_in" in name or "W_out" in name]
    some = np.arange(5)
    residual = weights["W_E"][REPEATS.inputs[some]] + weights["W_pos"]

    def normed(x):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)

    read = normed(residual) if normalisation == "pre" else residual
    A = REPEATS.num_answers
    q, k, v = (
        (read @ weights[f"layers.0.{one}"]).reshape(5, -1, 2, 8) for one in ("W_Q", "W_K", "W_V")
    )
    scores = np.einsum("drhf,dthf->dhrt", q[:, -A:], k) / np.sqrt(8)
    T = residual.shape[1]
    scores[..., np.arange(T)[None, :] > np.arange(T - A, T)[:, None]] = -np.inf
    weight = np.exp(scores - scores.max(-1, keepdims=True))
    weight /= weight.sum(-1, keepdims=True)
    mixed = np.einsum("dhrt,dthf->drhf", weight, v).reshape(5, A, 16) @ weights["layers.0.W_O"]
    after = residual[:, -A:] + mixed
    ends = after if normalisation == "none" else normed(after)
    module = module_of(REPEATS, network, weights)
    with torch.no_grad():
        logits = module(torch.as_tensor(REPEATS.inputs[some])).numpy()
    assert logits == pytest.approx(ends @ weights["W_U"])
    seen = activations(REPEATS, network, weights, ["layers.0.attention"], examples=some)
    assert seen["layers.0.attention"].numpy() == pytest.approx(weight.transpose(0, 2, 3, 1))


def planted_heads(task: RepeatedSubsequenceSettings) -> tuple[RunSettings, dict]:
    """Return an induction network by hand: a head that copies the token before, one that matches.

    The first layer writes the previous token into a second half of the residual stream; the second
    looks for the present token there, and repeats what it finds in the first half.
    """
    V, T = task.vocabulary, task.num_inputs
    M = 2 * V + T
    network = SequenceTransformerSettings(
        num_layers=2, d_model=M, d_mlp=0, num_heads=1, normalisation="none", positions="learned"
    )
    run = run_of(task, network=network)
    weights = {name: torch.zeros_like(one) for name, one in initial_weights(run).items()}
    weights["W_E"][:, :V] = torch.eye(V)
    weights["W_pos"][:, 2 * V :] = torch.eye(T)
    sharp = 60.0 * M**0.5
    before = torch.eye(T).roll(-1, dims=1)  # row t has its one at t − 1 … of the key's position
    weights["layers.0.W_Q"][2 * V :, 2 * V :] = sharp * torch.eye(T)
    weights["layers.0.W_K"][2 * V :, 2 * V :] = before.T
    weights["layers.0.W_V"][:V, V : 2 * V] = torch.eye(V)
    weights["layers.0.W_O"][V : 2 * V, V : 2 * V] = torch.eye(V)
    weights["layers.1.W_Q"][:V, :V] = sharp * torch.eye(V)
    weights["layers.1.W_K"][V : 2 * V, :V] = torch.eye(V)
    weights["layers.1.W_V"][:V, :V] = torch.eye(V)
    weights["layers.1.W_O"][:V, :V] = 100 * torch.eye(V)
    weights["W_U"][:V] = torch.eye(V)
    return run, weights


@pytest.mark.parametrize("asked", [None, 1, 2])
def test_prefix_matching_is_1_of_induction_heads_made_by_hand(asked):
    # Many tokens, so that none comes twice but in the copies, in most sequences.
    task = REPEATS.model_copy(update={"vocabulary": 400, "num_asked": asked})
    run, weights = planted_heads(task)
    measure = MEASURES.find("prefix-matching-score")
    assert value_of(measure, Reading(run, weights)) > 0.95
    blind = weights | {"layers.0.W_O": 0 * weights["layers.0.W_O"]}
    assert value_of(measure, Reading(run, blind)) < 0.2


def test_prefix_matching_is_of_repeated_subsequences_alone():
    run = run_of(TRIGGERS)
    assert np.isnan(
        value_of(MEASURES.find("prefix-matching-score"), Reading(run, initial_weights(run)))
    )


def test_measuring_enough_examples_is_measuring_all():
    every = run_of(REPEATS)
    enough = run_of(REPEATS, recording=RecordingSettings(num_log=0, num_even=16, most_examples=140))
    (whole,), (part,) = train([every]), train([enough])
    assert num_measured(enough) == 200
    for name in whole.history:
        expected = pytest.approx(whole.history[name].to_numpy(), rel=1e-5, abs=1e-6)
        assert part.history[name].to_numpy() == expected


def test_some_examples_are_measured_and_each_member_has_its_own():
    recording = RecordingSettings(num_log=0, num_even=16, most_examples=30)
    members = [
        run_of(REPEATS, recording=recording, seed=seed, dataset_size=D)
        for seed, D in ((0, 20), (1, 60))
    ]
    together = train(members)
    for run, found in zip(members, together, strict=True):
        chosen = measured_examples(run)
        masks = part_masks(run)
        assert len(chosen) == len(set(chosen)) == min(run.dataset_size, 30) + 30
        (all_of,) = train([run_of(REPEATS, seed=run.data_seed, dataset_size=run.dataset_size)])
        module = module_of(REPEATS, ATTENTION, all_of.weights)
        with torch.no_grad():
            logits = module(torch.as_tensor(REPEATS.inputs[chosen]))
        right = (logits.argmax(-1).numpy() == REPEATS.targets[chosen]).all(-1)
        last = found.history.iloc[-1]
        for part in ("train", "test", "novel"):
            inside = masks[part][chosen]
            assert last[f"{part}_accuracy"] == pytest.approx(right[inside].mean())


@given(st.integers(2, 40), st.integers(1, 10), st.integers(0, 4))
@settings(max_examples=20)
def test_batches_do_not_depend_on_which_steps_were_asked_for_before(D, batch, seed):
    assume(batch < D)
    run = run_of(TRIGGERS, dataset_size=D, batch_size=batch, seed=seed)
    seeds = counter_random.seeds([seed], torch.device("cpu"))
    used = Minibatches([run], seeds)
    for step in (0, 1, 7, 2, 30, 7, 0):
        fresh = Minibatches([run], seeds)
        order_KD = used.order_at(step)
        for one, other in zip(
            used.at(torch.tensor(step), order_KD), fresh.at(torch.tensor(step)), strict=True
        ):
            assert torch.equal(one, other)
