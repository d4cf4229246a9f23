"""Every rule on records whose truth is known: planted true, planted false, too few, unusable."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from efficiency.settings import RunSettings
from efficiency.training.outcome import Outcome
from predictions.cells import Cell, Run
from predictions.circuit_efficiency import scratch
from predictions.circuit_efficiency.semi_grokking.claim import kind
from predictions.groups import CRITICAL_SIZE, THEORY
from predictions.labelled import Labelled, word
from predictions.registry import find
from predictions.sizes import SIZES
from predictions.verdicts import Verdict
from tests.build import number
from tests.predictions import planted
from tests.predictions.planted import course, curves, rising, scratched, ungrokked

STATISTICAL = [name for name in THEORY if name != "minimal-example"]


def judge(name: str, runs: list[Run]) -> Verdict:
    return find(name).judge("quick", runs)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def family(seed: int = 0, num_seeds: int = 8) -> dict[str, list[Run]]:
    """Return records on which every claim is true."""
    draw = rng(seed)
    crossings = {s: 150 * math.exp(0.2 * draw.normal()) for s in planted.seeds(num_seeds)}
    main = ungrokked(draw, num_seeds=num_seeds, midpoints=crossings, decay_sd=0.04)
    both = curves(draw, num_seeds=num_seeds, crossings=crossings)
    begun = scratched(draw, num_seeds=num_seeds, semi=0.8)
    largest = scratch.DESIGNS["quick"].sizes[-1]
    return {
        "grokking": [
            course(run.cell, rising(3000 * math.exp(0.5 * draw.normal()), 6.0))
            for run in begun
            if run.settings.dataset_size == largest
        ],
        "efficiency": both,
        "ungrokking": main,
        "weight-decay": main,
        "semi-grokking": begun,
    }


@pytest.fixture(scope="module")
def true_records() -> dict[str, list[Run]]:
    return family()


@pytest.mark.parametrize("name", STATISTICAL)
def test_a_planted_truth_is_supported(name, true_records):
    verdict = judge(name, true_records[name])
    assert verdict.outcome == "supported", verdict.sentence
    assert 0 <= verdict.p_value <= 0.05
    assert verdict.deciding in verdict.numbers


@pytest.mark.parametrize("name", STATISTICAL)
def test_every_number_is_explained(name, true_records):
    verdict = judge(name, true_records[name])
    for found in verdict.numbers:
        assert word(found) in find(name).glossary, found


@pytest.mark.parametrize("name", STATISTICAL)
def test_a_verdict_survives_json(name, true_records):
    verdict = judge(name, true_records[name])
    assert Verdict.from_document(verdict.document()) == verdict


@pytest.mark.parametrize("name", STATISTICAL)
def test_two_seeds_decide_nothing(name):
    verdict = judge(name, family(num_seeds=2)[name])
    assert verdict.outcome == "undecided"
    assert verdict.p_value is None
    assert "too few" in verdict.sentence
    assert "--seeds" in verdict.next_command


@pytest.mark.parametrize("name", STATISTICAL)
def test_diverged_runs_are_no_test(name, true_records):
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    verdict = judge(name, [replace(run, outcome=lost) for run in true_records[name]])
    assert verdict.outcome == "invalid"
    assert verdict.p_value is None


@pytest.mark.parametrize("name", STATISTICAL)
def test_the_smoke_size_decides_nothing(name, true_records):
    verdict = find(name).judge("smoke", true_records[name])
    assert verdict.outcome == "undecided"
    assert verdict.p_value is None
    assert "would say supported" in verdict.sentence


@hypothesis_settings(max_examples=5)
@given(st.randoms())
def test_the_order_of_records_does_not_matter(random):
    for name, runs in RECORDS.items():
        mixed = list(runs)
        random.shuffle(mixed)
        assert judge(name, mixed) == judge(name, runs), name


RECORDS = family(seed=1, num_seeds=4)


def never_between(run: Run):
    """Return a course that has either come all of the way long since, or not begun."""
    return rising(1000.0 if run.settings.dataset_size > 370 else 1e12, 6.0)


def falsified() -> dict[str, tuple[str, list[Run]]]:
    """Return for each claim records on which it is plainly false, and what the sentence says."""
    draw = rng(5)
    begun = [course(r.cell, never_between(r)) for r in scratched(draw, num_seeds=36)]
    largest = [r for r in begun if r.settings.dataset_size == scratch.DESIGNS["quick"].sizes[-1]]
    return {
        "grokking": ("come to", [course(r.cell, rising(150.0, 6.0)) for r in largest]),
        "efficiency": ("Gen's", curves(draw, gen_slope=0.3)),
        "weight-decay": ("factor", ungrokked(draw, decay_effect=0.4)),
        "semi-grokking": ("0 of 36 seeds", begun),
    }


@pytest.mark.parametrize("name", list(falsified()))
def test_a_planted_falsehood_is_refuted(name):
    words, runs = falsified()[name]
    verdict = judge(name, runs)
    assert verdict.outcome == "refuted", verdict.sentence
    assert words in verdict.sentence
    assert verdict.p_value > 0.05


def test_a_mem_that_does_not_grow_refutes_efficiency():
    verdict = judge("efficiency", curves(rng(), mem_slope=0.03))
    assert verdict.outcome == "refuted"
    assert verdict.deciding == "mem_slope"


def test_runs_that_are_still_moving_may_yet_stay_and_refute_nothing():
    runs = [
        course(
            c, rising(40_000.0, 6.0) if 340 < c.settings.dataset_size < 400 else never_between(r)
        )
        for c in find("semi-grokking").cells("quick", 12)
        for r in [course(c, rising(1000.0, 6.0))]
    ]
    verdict = judge("semi-grokking", runs)
    assert verdict.numbers["share_of_seeds_semi_grokked"].value == 0
    assert verdict.outcome == "undecided"


def test_one_weight_decay_is_not_compared_with_itself():
    runs = [r for r in RECORDS["weight-decay"] if r.settings.optimiser.weight_decay == 1]
    verdict = judge("weight-decay", runs)
    assert verdict.outcome == "undecided"
    assert "only one weight decay" in verdict.sentence


def test_accuracies_that_still_drift_apart_are_not_equal():
    runs = [
        planted.with_number(r, novel_accuracy_drift=number(-0.2))
        if r.settings.optimiser.weight_decay == 2
        else r
        for r in ungrokked(rng(), num_seeds=8)
    ]
    verdict = judge("weight-decay", runs)
    assert verdict.numbers["accuracy_difference"].high < 0.1
    assert verdict.outcome == "undecided"


def test_a_network_whose_logits_overflow_somewhere_is_read_without_its_share():
    def without_share(run: Run) -> Run:
        held = {k: v for k, v in run.outcome.numbers.items() if not k.startswith("gen_share")}
        return replace(run, outcome=replace(run.outcome, numbers=held))

    runs = curves(rng())
    spoiled = [without_share(r) if i % 7 == 0 else r for i, r in enumerate(runs)]
    assert judge("efficiency", spoiled).outcome == "supported"


def test_mirror_images_alone_are_not_semi_grokking():
    def mirrored(cell: Cell) -> Run:
        run = course(cell, lambda step: 0 * step)
        return planted.with_number(run, test_accuracy=number(0.4))

    runs = [mirrored(c) for c in find("semi-grokking").cells("quick", 12)]
    verdict = judge("semi-grokking", runs)
    assert verdict.numbers["runs_semi_grokked"].value == 0
    assert verdict.numbers["runs_that_know_only_mirror_images"].value == len(runs)


def test_a_network_that_never_generalises_refutes_grokking():
    runs = [course(c, lambda step: 0 * step) for c in find("grokking").cells("quick", 6)]
    verdict = judge("grokking", runs)
    assert verdict.outcome == "refuted"
    assert verdict.numbers["runs_that_never_moved"].value == 6


def test_a_gen_that_is_not_one_is_left_out_and_said():
    verdict = judge("efficiency", curves(rng(), share=0.9))
    assert verdict.outcome == "invalid"
    assert all("0.900, below 0.95" in note for note in verdict.notes)


def test_networks_that_have_not_settled_are_not_read():
    runs = [
        replace(run, outcome=replace(run.outcome, status="not settled"))
        if run.settings.optimiser.weight_decay == 2
        else run
        for run in curves(rng())
    ]
    verdict = judge("efficiency", runs)
    assert verdict.outcome == "supported"
    share = verdict.numbers["share_of_runs_settled"]
    assert share.value == pytest.approx(5 / 6)


def test_kappa_is_found_by_both_ways(true_records):
    numbers = judge("efficiency", true_records["efficiency"]).numbers
    assert numbers["kappa_mem"].value == pytest.approx(planted.KAPPA, rel=0.1)
    assert numbers["kappa_gen"].value == pytest.approx(planted.KAPPA, rel=0.1)


def test_a_plateau_is_told_from_a_passage():
    cell = find("semi-grokking").cells("quick", 1)[2]
    plateau = course(cell, rising(4000, 6.0, height=0.5))
    assert kind(plateau) == "semi-grokked"
    assert kind(course(cell, rising(40_000, 6.0))) == "moving"
    assert kind(course(cell, rising(25_000, 6.0))) == "grokked"
    assert kind(course(cell, rising(4000, 6.0))) == "grokked"
    assert kind(course(cell, lambda step: 0 * step)) == "not grokked"
    early = course(cell, rising(130, 6.0, height=0.5))
    assert kind(early) == "partial at once"
    # As slow as a passage may be.
    assert kind(course(cell, rising(30_000, 0.4))) == "moving"


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        (0.85, "near an end"),
        (0.93, "near an end"),
        (0.97, "grokked"),
        (0.15, "near an end"),
        (0.03, "not grokked"),
    ],
)
def test_a_plateau_near_one_end_is_no_semi_grokking(height, expected):
    cell = find("semi-grokking").cells("quick", 1)[2]
    assert kind(course(cell, rising(4000, 6.0, height=height))) == expected


def test_plateaus_near_an_end_speak_neither_for_nor_against_semi_grokking():
    cells = find("semi-grokking").cells("quick", 40)
    ends = {False: 0.0, True: 1.0}
    for near, outcome in ((0.9, "undecided"), (1.0, "refuted")):
        runs = [
            course(
                cell,
                rising(
                    1000.0,
                    6.0,
                    height=near if D == 382 else ends[D > 382],
                ),
            )
            for cell in cells
            for D in [cell.settings.dataset_size]
        ]
        assert judge("semi-grokking", runs).outcome == outcome


def test_no_share_of_seeds_is_both_found_and_absent():
    draw = rng(6)
    for semi in (0.0, 0.1, 0.3):
        verdict = judge("semi-grokking", scratched(draw, num_seeds=40, semi=semi))
        assert verdict.p_value > 0.05 or verdict.p_refuted > 0.05


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", list(THEORY))
def test_every_size_has_a_design_that_says_what_it_trains(name, size):
    prediction = find(name)
    if size not in prediction.sizes:
        assert (size, set(SIZES) - set(prediction.sizes)) == ("replication", {"replication"})
        return
    runs = prediction.settings(size)
    assert len(set(runs)) == len(runs)
    assert all(run.start is None or run.start in set(runs) for run in runs)
    assert len(prediction.design(size)) > 40
    if runs:
        trained = {_root(run).init_seed for run in runs}
        assert len(trained) >= max(prediction.min_seeds, 1)
        assert len(prediction.settings(size, 2)) < len(runs)


def _root(run: RunSettings) -> RunSettings:
    return run if run.start is None else _root(run.start)


def test_the_quick_weight_decays_span_a_factor_of_four():
    verdict = judge("weight-decay", RECORDS["weight-decay"])
    assert verdict.numbers["weight_decay_range"].value >= 4


def test_predictions_of_one_size_share_their_runs():
    every = [run for name in THEORY for run in find(name).settings("quick")]
    parts = ("efficiency", "ungrokking", "semi-grokking")
    apart = {run for name in parts for run in find(name).settings("quick")}
    assert set(every) == apart
    assert len(every) > 1.25 * len(apart)
    claims = [set(one.settings("quick")) for one in CRITICAL_SIZE.values()]
    assert all(runs == claims[0] for runs in claims)


def test_the_minimal_example_has_the_known_steps_and_optimum():
    verdict = judge("minimal-example", [])
    assert verdict.outcome == "supported"
    assert verdict.numbers[Labelled("gen_overtakes_at", panel="all_three")].value == pytest.approx(
        9302, abs=2
    )
    assert verdict.numbers[Labelled("optimal_gen", panel="all_three")].value == pytest.approx(
        7.832, abs=1e-3
    )
    assert verdict.numbers[Labelled("optimal_mem", panel="all_three")].value == pytest.approx(
        0.979, abs=1e-3
    )


@pytest.mark.parametrize("name", STATISTICAL)
def test_what_is_not_decided_says_what_to_run_next(name):
    few = judge(name, family(num_seeds=2)[name])
    assert few.next_command == f"predictions run {name} --size quick --seeds 6"
    smoke = find(name).judge("smoke", [])
    assert smoke.next_command == f"predictions run {name} --size quick"
    decided = judge(name, RECORDS[name])
    assert (decided.next_command is None) == (decided.outcome in ("supported", "refuted"))
