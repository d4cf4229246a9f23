"""Every claim about phase changes on planted worlds, true, false, in between and too small."""

from __future__ import annotations

import numpy as np
import pytest

from predictions.groups import PHASE_CHANGES
from predictions.phase_changes import copies
from predictions.registry import find
from predictions.testing import check_prediction, finished
from tests.predictions.looking import LOOKS, allowed, looked_at, shares_of
from tests.predictions.phase_changes.worlds import (
    PLANTED,
    cells,
    continued,
    of_tokens,
    on_table,
    world,
)

SHARES = (
    "limited-without-decay",
    "induction-fall",
    "digits-fall",
    "digits-apart",
    "skip-trigrams-fall",
)
"""Claims that count seeds."""


def test_every_claim_that_reads_no_weights_is_planted():
    assert set(PHASE_CHANGES) - set(PLANTED) == {"restricted-leads", "excluded-rises"}


@pytest.mark.parametrize("name", PLANTED)
def test_claims_conform(name):
    true, false = (world(name, lambda seed, is_so=is_so: is_so) for is_so in (True, False))
    check_prediction(find(name), true=true, false=false)


@pytest.mark.parametrize("name", PLANTED)
def test_five_seeds_decide_nothing(name):
    runs = world(name, lambda seed: True, 5)
    assert find(name).judge("quick", runs).outcome == "undecided"


@pytest.mark.parametrize("name", PLANTED)
def test_a_seed_with_a_run_that_diverged_is_left_out_and_named(name):
    runs = world(name, lambda seed: True, 7)
    first = runs[0]
    lost = [finished(first.cell, status="diverged"), *runs[1:]]
    verdict = find(name).judge("quick", lost)
    assert verdict.outcome == "supported"
    assert any(str(first.seed) in note for note in verdict.notes)
    fewer = [finished(r.cell, status="diverged") if r.seed < first.seed + 2 else r for r in runs]
    assert find(name).judge("quick", fewer).outcome == "undecided"


def ungrokking(kept: dict[str, float], fitted: float, before: float, num_seeds: int = 12):
    """Judge networks that keep these shares in each way, with noise between seeds."""
    runs = []
    for cell in cells("induction-ungrokking", num_seeds):
        noise = 0.02 * np.random.default_rng([cell.seed, len(cell.arm)]).normal()
        right = kept.get(cell.arm, 0.0) + noise
        planted = continued(cell, right, before=before, fitted=fitted)
        runs.append(planted if cell.arm else finished(cell))
    return find("induction-ungrokking").judge("quick", runs)


@pytest.mark.parametrize(
    ("kept", "fitted", "before", "outcome"),
    [
        ((0.5, 0.85, 0.87), 1.0, 0.88, "supported"),
        # What is lost without decay too is forgetting, and speaks against the theory.
        ((0.5, 0.5, 0.87), 1.0, 0.88, "refuted"),
        # Decay that takes it from networks with plenty of examples has nothing to do with D.
        ((0.5, 0.85, 0.5), 1.0, 0.88, "refuted"),
        # Each of the two alone destroys it, and both together a little more.
        ((0.3, 0.5, 0.5), 1.0, 0.88, "refuted"),
        ((0.85, 0.85, 0.87), 1.0, 0.88, "refuted"),
        # A network that loses its own examples as well falls apart, and does not ungrok.
        ((0.5, 0.85, 0.87), 0.6, 0.88, "refuted"),
        ((0.75, 0.85, 0.86), 1.0, 0.88, "undecided"),
        # What was never learned cannot be lost.
        ((0.1, 0.3, 0.3), 1.0, 0.3, "undecided"),
    ],
)
def test_unlearning_needs_decay_and_few_sequences_together(kept, fitted, before, outcome):
    ways = (copies.FEW_DECAY, copies.FEW_PLAIN, copies.MANY_DECAY)
    by_way = dict(zip(ways, kept, strict=True))
    assert ungrokking(by_way, fitted, before).outcome == outcome


def test_where_nobody_generalises_lengths_of_training_make_no_delay():
    runs = [on_table(cell, train=100, test=1e9, right=0.0) for cell in cells("delay-grows", 12)]
    verdict = find("delay-grows").judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert any("12 seeds left out" in note for note in verdict.notes)


def test_one_layer_that_learns_induction_refutes_the_claim_about_depth():
    runs = world("induction-depth", lambda seed: True)
    shallow = [
        finished(
            run.cell,
            history=run.history,
            **(
                of_tokens(run.cell, 0.9)
                | {"test_loss": 0.35, copies.PREFIX: 0.6 + run.seed % 3 / 50}
            ),
        )
        if run.arm == copies.arm(1)
        else run
        for run in runs
    ]
    verdict = find("induction-depth").judge("quick", shallow)
    assert verdict.outcome == "refuted"


def test_deep_networks_without_an_induction_head_refute_it_too():
    runs = world("induction-depth", lambda seed: True)
    blind = [
        finished(
            run.cell,
            history=run.history,
            **(
                of_tokens(run.cell, 0.9)
                | {"test_loss": run.number("test_loss"), copies.PREFIX: 0.05 + run.seed % 3 / 100}
            ),
        )
        for run in runs
    ]
    verdict = find("induction-depth").judge("quick", blind)
    assert verdict.outcome == "refuted"
    assert "prefix" in str(verdict.deciding)


def test_delays_that_are_never_seen_to_end_count_as_no_longer_than_training():
    runs = world("delay-grows", lambda seed: True)
    cut = [
        on_table(run.cell, train=50, test=1e9, right=0.0) if run.arm == "45%" else run
        for run in runs
    ]
    verdict = find("delay-grows").judge("quick", cut)
    assert verdict.outcome == "supported"
    (number,) = (
        number
        for name, number in verdict.numbers.items()
        if "45%" in str(name) and "delay" in str(name)
    )
    assert number.value <= 5000 / 45


def test_mirror_images_do_not_make_a_phase_change():
    runs = [
        on_table(cell, train=100, test=115, right=0.2 + cell.seed % 3 / 100)
        for cell in cells("plentiful-together", 12)
    ]
    verdict = find("plentiful-together").judge("quick", runs)
    assert verdict.outcome == "refuted"
    assert verdict.deciding == "novel_accuracy"


@pytest.mark.parametrize("name", SHARES)
def test_half_of_the_seeds_decide_nothing(name, full_calibration):
    count = 500 if full_calibration else 4
    looks = LOOKS if full_calibration else LOOKS[:2]
    yes, no = (
        {run.cell: run for run in world(name, lambda seed, is_so=is_so: is_so, looks[-1])}
        for is_so in (True, False)
    )
    found = []
    for i in range(count):
        drawn = np.random.default_rng([25, i])
        so = {seed: drawn.random() < 0.5 for seed in range(4000, 4000 + looks[-1])}
        runs = [(yes if so[cell.seed] else no)[cell] for cell in yes]
        p_values = []
        for num in looks:
            said = find(name).find("quick", [run for run in runs if run.seed < 4000 + num])
            p_values.append((said.p_value, said.p_refuted))
        found.append(looked_at(p_values, looks))
    told = shares_of(found, name)
    assert told["supported"] <= allowed(count)
    assert told["refuted"] <= allowed(count)


@pytest.mark.parametrize(("chance", "outcome"), [(0.95, "supported"), (0.05, "refuted")])
@pytest.mark.parametrize("name", SHARES)
def test_power_is_what_claims_say(name, chance, outcome, full_calibration):
    count = 500 if full_calibration else 8
    yes, no = (
        {run.cell: run for run in world(name, lambda seed, is_so=is_so: is_so)}
        for is_so in (True, False)
    )
    found = []
    for i in range(count):
        drawn = np.random.default_rng([26, i])
        so = {seed: drawn.random() < chance for seed in range(4000, 4012)}
        runs = [(yes if so[cell.seed] else no)[cell] for cell in yes]
        found.append(find(name).find("quick", runs).outcome)
    assert found.count(outcome) / count >= 1 - allowed(count, 0.2)
