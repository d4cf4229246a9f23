from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.statistics.shapes import SHAPES
from predictions.cells import Run
from predictions.circuit_efficiency.ungrokking.claim import DESIGNS, Ungrokking
from predictions.grounds import GROUNDS
from predictions.labelled import each, word
from predictions.registry import find
from predictions.sizes import SIZES
from tests.build import continued_run, start_run
from tests.build import number as number_of
from tests.predictions.planted import ungrokked
from tests.predictions.simulate import sweep

JUDGE = Ungrokking()


def judged(runs: list[Run]):
    return JUDGE.judge("quick", runs)


def simulated(seed: int = 0, **truth) -> list[Run]:
    return sweep(np.random.default_rng(seed), **truth)


def test_a_planted_transition_is_supported_with_its_threshold():
    verdict = judged(simulated())
    assert verdict.outcome == "supported"
    threshold = verdict.numbers["threshold"]
    assert threshold.low < 140 < threshold.high
    assert threshold.n == 4
    assert verdict.numbers["transition_width"].value < verdict.numbers["straight_line_width"].value


def test_a_network_that_keeps_its_accuracy_everywhere_refutes_the_claim():
    verdict = judged(simulated(kind="keep"))
    assert verdict.outcome == "refuted"
    assert "No fall" in verdict.sentence
    assert verdict.numbers["threshold"].status == "censored"
    assert verdict.numbers["threshold"].high == pytest.approx(50)


def test_accuracy_as_a_straight_line_refutes_the_claim():
    verdict = judged(simulated(kind="line"))
    assert verdict.outcome == "refuted"
    assert "No transition" in verdict.sentence


@pytest.mark.parametrize("shape", ["log_line", "saturating", "exponential"])
def test_accuracy_along_a_shape_without_a_threshold_is_not_support(shape):
    verdict = judged(ungrokked(np.random.default_rng(1), num_seeds=8, shape=shape))
    assert verdict.outcome in ("undecided", "refuted")
    # It falls at the smallest size, is kept at the largest and is no straight line in D'.
    assert verdict.numbers["accuracy_at_smallest_size"].high < 0.5
    assert verdict.numbers["accuracy_at_largest_size"].low > 0.5
    assert shape == "log_line" or verdict.numbers["line_minus_curve_error"].low > 0
    if verdict.outcome == "refuted":
        assert SHAPES[shape].formula in verdict.sentence
    else:
        assert f"and not {SHAPES[shape].formula}" in verdict.sentence


def halfway(runs: list[Run], power: float) -> list[Run]:
    """Return the records, with this power of what is retained at the end retained halfway."""
    made = []
    for run in runs:
        if run.settings.start is None:
            made.append(run)
            continue
        start = next(r for r in runs if r.settings == run.settings.start)
        accuracy = run.number("novel_accuracy")
        own = power * (1 + 0.01 * (run.settings.data_seed % 3 - 1))  # not all alike to rounding
        before = 1 / 31 + 30 / 31 * max(0.0, (accuracy - 1 / 31) * 31 / 30) ** own
        decay, size = run.settings.optimiser.weight_decay, run.settings.dataset_size
        made.append(continued_run(start, size, accuracy, weight_decay=decay, halfway=float(before)))
    return made


@pytest.mark.parametrize(
    ("power", "part"), [(1.0, 0.0), (0.5, 1.0), (0.25, None), (0.0, None), (2.0, None)], ids=str
)
def test_what_is_forgotten_at_a_constant_rate_is_not_support(power, part):
    """r halfway is the square root of r at the end; faster, all at the end, at rest, or back."""
    verdict = judged(halfway(simulated(num_seeds=8), power))
    forgotten = verdict.numbers["part_of_constant_forgetting"]
    assert verdict.outcome == ("undecided" if power < 1 else "supported")
    if power < 1:
        assert "are not forgotten at one constant rate" in verdict.sentence
        assert verdict.p_refuted > 0.05
    if part is not None:
        assert forgotten.value == pytest.approx(part, abs=0.02)
    else:
        assert (forgotten.value > 1) == (power < 0.5)
        assert (forgotten.value < 0) == (power > 1)


def test_networks_without_partial_accuracies_have_nothing_to_forget_at_a_rate():
    verdict = judged(simulated(slope=150.0, seed_sd=0.1, decay_sd=0.0))
    assert verdict.outcome == "supported"
    assert "part_of_constant_forgetting" not in verdict.numbers
    assert "whether they are forgotten at a rate is not asked" in verdict.notes[-1]


def test_accuracy_that_does_not_depend_on_the_size_is_not_support():
    assert judged(simulated(kind="flat")).outcome in ("undecided", "refuted")


def test_sizes_that_end_below_the_threshold_leave_the_claim_undecided():
    verdict = judged(simulated(threshold=3000.0))
    assert verdict.outcome == "undecided"
    assert "whether it is kept at D' = 303" in verdict.sentence
    assert verdict.numbers["threshold"].low == pytest.approx(303)
    assert verdict.numbers["threshold"].high is None


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_too_few_seeds_leave_the_claim_undecided_without_numbers(num_seeds):
    verdict = judged(simulated(num_seeds=num_seeds))
    assert verdict.outcome == "undecided"
    assert verdict.numbers == {}
    assert f"{num_seeds} start networks that count" in verdict.sentence


def test_too_few_sizes_leave_the_claim_undecided():
    assert judged(simulated(sizes=(50, 140, 303))).outcome == "undecided"


def test_a_separated_sweep_has_a_threshold_and_a_bound_on_its_width():
    verdict = judged(simulated(slope=150.0, seed_sd=0.1, decay_sd=0.0))
    assert verdict.outcome == "supported"
    assert verdict.numbers["transition_width"].status == "censored"
    assert verdict.numbers["threshold"].low < 140 < verdict.numbers["threshold"].high


def test_a_start_network_that_has_not_settled_is_left_out_and_named():
    runs = simulated(num_seeds=5)
    spoiled = start_run(4, settled=False)
    runs = [spoiled if run.settings == spoiled.settings else run for run in runs]
    verdict = judged(runs)
    assert verdict.numbers["threshold"].n == 4
    assert spoiled.identity[:12] in verdict.notes[0]
    assert "norm still moved" in verdict.notes[0]


def test_without_a_settled_start_network_the_test_is_invalid():
    runs = [start_run(seed, settled=False) for seed in range(4)]
    runs += [continued_run(start, 50, 0.1) for start in runs]
    assert judged(runs).outcome == "invalid"


def spoiled(runs: list[Run], which: int, **changes) -> list[Run]:
    """Return the records with one run replaced, counted from the front."""
    which %= len(runs)
    run = runs[which]
    start = next(r for r in runs if r.settings == run.settings.start)
    decay = run.settings.optimiser.weight_decay
    other = continued_run(start, run.settings.dataset_size, 0.9, weight_decay=decay, **changes)
    return [*runs[:which], other, *runs[which + 1 :]]


def test_a_run_that_lost_its_training_set_takes_its_start_network_with_it_and_is_named():
    runs = simulated(num_seeds=5)
    lost = spoiled(runs, -1, train_accuracy=0.7)
    verdict = judged(lost)
    assert verdict.numbers == judged(runs[: -len(runs) // 5]).numbers
    assert lost[-1].identity[:12] in verdict.notes[0]
    assert "training accuracy 0.700" in verdict.notes[0]


def test_losing_the_deciding_runs_of_two_of_four_start_networks_leaves_too_few():
    runs = simulated()
    per_seed = len(runs) // 4
    runs = spoiled(spoiled(runs, 1, train_accuracy=0.7), per_seed + 1, train_accuracy=0.7)
    verdict = judged(runs)
    assert verdict.outcome == "undecided"
    assert verdict.numbers == {}


def test_runs_that_all_lost_their_training_set_are_no_test():
    starts = [start_run(seed) for seed in range(4)]
    runs = starts + [continued_run(s, 50, 0.9, train_accuracy=0.7) for s in starts]
    assert judged(runs).outcome == "invalid"


def test_a_sweep_with_holes_is_left_out():
    runs = simulated(num_seeds=5)
    verdict = judged(runs[:-1])
    assert verdict.numbers["threshold"].n == 4
    assert "1 of its runs are missing" in verdict.notes[0]


def test_a_start_network_that_has_not_grokked_is_left_out():
    runs = simulated()
    for seed in range(4):
        start = start_run(seed, held_out=96, test_accuracy=0.03 if seed == 0 else 0.99)
        runs += [start, continued_run(start, 123, 0.5, removed=0.5, never_seen=0.4)]
    verdict = judged(runs)
    assert verdict.numbers["removed_minus_never_seen"].n == 3
    assert "has not grokked" in verdict.notes[0]


def test_high_accuracy_at_the_smallest_size_refutes_only_once_it_has_settled():
    runs = simulated(kind="keep")
    moving = [
        replace(run, outcome=replace(run.outcome, status="not settled"))
        if run.settings.dataset_size == 50
        else run
        for run in runs
    ]
    assert judged(runs).outcome == "refuted"
    verdict = judged(moving)
    assert verdict.outcome == "undecided"
    assert verdict.numbers["accuracy_at_smallest_size"].status == "not settled"


def test_two_runs_for_the_same_cell_are_a_fault_of_the_caller():
    runs = simulated()
    double = runs[1]
    longer = double.settings.model_copy(update={"num_steps": 999})
    with pytest.raises(AssertionError, match="two runs for"):
        judged([*runs, replace(double, cell=replace(double.cell, settings=longer))])


def test_removed_and_never_seen_examples_are_compared_by_start_network():
    runs = simulated()
    rng = np.random.default_rng(1)
    for seed in range(4):
        start = start_run(seed, held_out=96)
        runs.append(start)
        removed = 0.6 + 0.01 * rng.normal()
        runs.append(continued_run(start, 123, 0.5, removed=removed, never_seen=removed - 0.2))
    verdict = judged(runs)
    difference = verdict.numbers["removed_minus_never_seen"]
    assert difference.value == pytest.approx(0.2)
    assert difference.n == 4
    assert verdict.numbers["threshold"] == judged(simulated()).numbers["threshold"]


@hypothesis_settings(max_examples=10)
@given(st.integers(0, 10**6), st.randoms())
def test_the_order_of_records_does_not_matter(seed, rng):
    runs = simulated(seed)
    for number in range(3):
        start = start_run(number, held_out=96)
        runs += [start, continued_run(start, 123, 0.5, removed=0.5, never_seen=0.4)]
    mixed = list(runs)
    rng.shuffle(mixed)
    assert judged(mixed) == judged(runs)


def test_a_start_network_that_knows_the_table_by_heart_does_not_count():
    def with_share(run: Run, share: float) -> Run:
        numbers = run.outcome.numbers | {"gen_share_answer": number_of(share)}
        return replace(run, outcome=replace(run.outcome, numbers=numbers))

    runs = simulated()
    rule, memory = (
        [with_share(r, share) if r.settings.start is None else r for r in runs]
        for share in (0.6, 0.4)
    )
    assert judged(rule).outcome == "supported"
    assert judged(memory).outcome == "invalid"
    assert "knows the table by heart" in judged(memory).notes[0]


def test_the_binomial_model_asks_for_enough_seeds_and_for_a_threshold_among_the_sizes():
    name = "threshold_by_binomial_model"
    assert name not in judged(simulated(num_seeds=5)).numbers
    assert 100 < judged(simulated(num_seeds=6)).numbers[name].value < 200
    assert name not in judged(simulated(num_seeds=6, threshold=0.01)).numbers


def test_a_verdict_in_json_has_the_promised_form():
    document = json.loads(json.dumps(judged(simulated()).document(), allow_nan=False))
    assert set(document) == {
        "prediction", "size", "options", "outcome", "sentence", "rule", "numbers", "deciding",
        "p_value", "p_refuted", "next_command", "runs", "notes", "look", "by_seed",
    }  # fmt: skip
    deciding = document["deciding"]["name"]
    (of_each,) = [row["seeds"] for row in document["by_seed"] if row["name"] == deciding]
    assert list(of_each) == ["0", "1", "2", "3"]
    (number,) = [row for row in document["numbers"] if row["name"] == deciding]
    assert number["value"] == pytest.approx(np.mean(list(of_each.values())))
    for number in document["numbers"]:
        assert [*number] == ["name", "labels", "value", "low", "high", "n", "unit", "status"]
    assert all(len(run) == 32 for run in document["runs"])


def test_every_number_of_a_full_verdict_is_explained():
    runs = simulated(num_seeds=6)
    for seed in range(3):
        start = start_run(seed, held_out=96)
        runs += [start, continued_run(start, 123, 0.5, removed=0.5, never_seen=0.4)]
    verdict = judged(runs)
    assert len(list(each(verdict.numbers, "threshold", "weight_decay"))) == 3
    assert {word(name) for name in verdict.numbers} == {*Ungrokking.glossary}


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_a_design_that_can_be_decided(size):
    design = DESIGNS[size]
    runs = JUDGE.settings(size)
    starts = [run for run in runs if run.start is None]
    assert GROUNDS[size].num_seeds >= 3
    assert len(design.sizes) >= 4
    assert len({run.init_seed for run in starts}) == GROUNDS[size].num_seeds
    assert all(run.start in starts for run in runs if run.start is not None)
    ratios = np.diff(np.log(design.sizes))
    assert np.ptp(ratios) < 0.03 or size == "smoke"
    for run in runs:
        if run.start is not None:
            whole = run.optimiser.weight_decay * run.num_steps
            assert whole == pytest.approx(design.steps_at_one)
    assert f"{len(runs)} runs." in JUDGE.design(size)


def test_the_quick_size_has_three_weight_decays_over_a_range_of_four():
    decays = DESIGNS["quick"].weight_decays
    assert len(decays) >= 3
    assert max(decays) / min(decays) >= 4


def test_the_number_of_seeds_can_be_asked_for():
    few, more = JUDGE.settings("smoke", 1), JUDGE.settings("smoke", 2)
    assert set(few) < set(more)
    with pytest.raises(ValueError, match="outside 1 … 1000"):
        JUDGE.settings("smoke", 0)


def test_an_unknown_prediction_is_refused_with_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'ungrokking'"):
        find("ungroking")
