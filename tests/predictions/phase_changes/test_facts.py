"""Facts or sequences: planted thresholds, true, false and in between."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paper_figures import panels
from predictions.groups import FACTS
from predictions.labelled import Labelled, word
from predictions.phase_changes.facts import DESIGNS
from predictions.phase_changes.facts_claims import ALONE, FITTED, MANY, RATIO, THRESHOLD
from predictions.registry import find
from predictions.testing import check_prediction, finished
from tests.predictions.looking import allowed
from tests.predictions.phase_changes.worlds import (
    PLANTED_FACTS,
    by_facts,
    cells,
    world,
)

QUICK = DESIGNS["quick"]


def judged(name: str, ratio: float, *, spread: float = 0.05, num_seeds: int = 12, draw=0, **more):
    """Judge seeds whose threshold is some times as many facts where fewer are asked for."""
    runs = []
    for cell in cells(name, num_seeds):
        asked = len(cell.settings.task.answers)
        noise = np.random.default_rng([draw, cell.seed, asked]).normal()
        at = 700 * (ratio if asked == QUICK.fewer else 1.0) * math.exp(spread * noise)
        runs.append(by_facts(cell, at, **more) if cell.role == "judged" else finished(cell))
    return find(name).judge("quick", runs)


def test_all_are_planted():
    assert set(PLANTED_FACTS) == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_they_conform(name):
    true, false = (world(name, lambda seed, is_so=is_so: is_so) for is_so in (True, False))
    check_prediction(find(name), true=true, false=false)


@pytest.mark.parametrize(
    ("ratio", "facts", "nearer"),
    [
        (1.0, "supported", "supported"),
        # Not the same number of facts, and still nearer to that than to sequences.
        (1 / 1.25, "undecided", "supported"),
        (1 / 1.33, "refuted", "supported"),
        (0.6, "refuted", "refuted"),
        # As many sequences.
        (0.5, "refuted", "refuted"),
        # Facts that count for less where fewer are asked for are no sequences.
        (1.7, "refuted", "supported"),
    ],
)
def test_the_ratio_decides(ratio, facts, nearer):
    assert judged("induction-facts", ratio, spread=0.02).outcome == facts
    assert judged("induction-facts-not-sequences", ratio, spread=0.02).outcome == nearer


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize(
    ("harm", "what"),
    [
        ({"plain": 0.6}, ALONE),
        ({"fitted": 0.6}, FITTED),
        # Decay that takes a third whatever the facts.
        ({"top": 0.65}, MANY),
    ],
)
def test_networks_that_forget_or_fall_apart_anyway_are_no_test(name, ratio, harm, what):
    verdict = judged(name, ratio, **harm)
    assert verdict.outcome == "invalid"
    assert word(verdict.finding.deciding) == what
    assert (verdict.p_value, verdict.p_refuted) == (None, None)


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_a_condition_that_is_left_open_leaves_everything_open(name, ratio):
    runs = []
    for cell in cells(name, 12):
        asked = len(cell.settings.task.answers)
        at = 700 * (ratio if asked == QUICK.fewer else 1.0)
        plain = 1.0 if cell.seed % 2 else 0.78
        runs.append(by_facts(cell, at, plain=plain) if cell.role == "judged" else finished(cell))
    verdict = find(name).judge("quick", runs)
    assert verdict.outcome == "undecided"
    assert verdict.p_refuted > 0.05


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("at", [1e6, 1e-3], ids=["all is lost", "nothing is lost"])
def test_thresholds_beyond_the_sizes_decide_nothing(name, at):
    runs = [
        by_facts(cell, at) if cell.role == "judged" else finished(cell) for cell in cells(name, 12)
    ]
    verdict = find(name).judge("quick", runs)
    # What nothing is kept of on many facts either is no test.
    assert verdict.outcome == ("invalid" if at > 1 else "undecided")
    assert verdict.numbers[Labelled(RATIO, step="facts")].value is None


@pytest.mark.parametrize("name", FACTS)
def test_five_seeds_decide_nothing(name):
    assert judged(name, 1.0, num_seeds=5).outcome == "undecided"


@pytest.mark.parametrize("name", FACTS)
def test_a_seed_with_a_run_that_diverged_is_left_out_and_named(name):
    runs = world(name, lambda seed: True, 7)
    lost = next(run for run in runs if run.cell.role == "judged")
    runs[runs.index(lost)] = finished(lost.cell, status="diverged")
    verdict = find(name).judge("quick", runs)
    assert verdict.numbers[Labelled(RATIO, step="facts")].n == 6
    assert any(str(lost.seed) in note for note in verdict.notes)


def test_a_threshold_is_that_of_its_own_seed():
    """Ways are compared within a seed: what a seed shares between them takes no part."""
    runs = []
    for cell in cells("induction-facts", 12):
        shared = math.exp(np.random.default_rng(cell.seed).normal(scale=0.3))
        runs.append(by_facts(cell, 700 * shared) if cell.role == "judged" else finished(cell))
    verdict = find("induction-facts").judge("quick", runs)
    ratio = verdict.numbers[Labelled(RATIO, step="sequences")]
    assert ratio.high - ratio.low < 0.1
    threshold = verdict.numbers[Labelled(THRESHOLD, asked=8, step="facts")]
    assert threshold.high / threshold.low > 1.2


def test_both_ways_of_stepping_must_agree():
    def found(name, other):
        runs = []
        for cell in cells(name, 12):
            here = other if "sequences a step" in cell.arm else 1.0
            jitter = math.exp(0.02 * np.random.default_rng([cell.seed, len(cell.arm)]).normal())
            at = 700 * here * jitter
            runs.append(by_facts(cell, at) if cell.role == "judged" else finished(cell))
        return find(name).judge("quick", runs).outcome

    # Forgetting by how often a sequence is seen: facts agree where steps take equal facts alone.
    assert found("induction-facts", 0.5) == "refuted"
    assert found("induction-facts-not-sequences", 0.5) == "refuted"
    assert found("induction-facts", 1.0) == "supported"


def test_a_little_that_decay_takes_whatever_the_facts_is_taken_off():
    verdict = judged("induction-facts", 1.0, spread=0.0, top=0.9)
    assert verdict.outcome == "supported"
    threshold = verdict.numbers[Labelled(THRESHOLD, asked=8, step="facts")]
    assert threshold.value == pytest.approx(700, rel=0.02)


def test_what_was_never_learned_is_left_out():
    runs = [
        finished(cell) if cell.role == "start" else by_facts(cell, 700)
        for cell in cells("induction-facts", 7)
    ]
    first = runs[0].seed
    for k, run in enumerate(runs):
        if run.seed == first and run.cell.role == "judged":
            runs[k] = finished(
                run.cell,
                history=run.history.assign(
                    **{f"test_{one}_accuracy": 0.2 for one in run.task.answers}
                ),
            )
    verdict = find("induction-facts").judge("quick", runs)
    assert any(f"1 seed left out by the rule: {first}." in note for note in verdict.notes)


def test_thresholds_are_in_facts_whatever_is_asked_for():
    verdict = judged("induction-facts", 1.0, spread=0.0)
    for way in QUICK.ways:
        found = verdict.numbers[Labelled(THRESHOLD, asked=way.asked, step=way.alike)]
        assert found.value == pytest.approx(700, rel=0.02)
        assert found.unit == "facts"


def test_ways_differ_in_what_they_say_and_in_nothing_else():
    by_arm = {cell.arm: cell.settings for cell in cells("induction-facts", 1) if cell.arm}
    (start,) = {run.start for run in by_arm.values()}
    assert len(start.task.answers) == QUICK.all
    for way in QUICK.ways:
        for facts in (*QUICK.facts, QUICK.many):
            run = by_arm[way.arm(facts)]
            assert len(run.task.answers) == way.asked
            assert run.dataset_size * way.asked == facts
            taken = run.optimiser.batch_size or run.dataset_size
            each = way.asked if way.alike == "facts" else QUICK.all
            assert taken == min(run.dataset_size, QUICK.step // each)
    whole, fewer, _ = (by_arm[way.arm(512)] for way in QUICK.ways)
    assert fewer.task.answers == whole.task.answers[-QUICK.fewer :]
    assert (fewer.task.inputs == whole.task.inputs).all()
    # Datasets of one seed are nested: as many facts are more of the same sequences.
    first = [set(run.task.split(run.dataset_size, run.data_seed)[0]) for run in (whole, fewer)]
    assert first[0] < first[1]


@pytest.mark.parametrize(
    ("name", "ratio"), [("induction-facts", 1.0), ("induction-facts-not-sequences", 0.85)]
)
def test_power_is_what_they_say(name, ratio, full_calibration):
    count = 500 if full_calibration else 5
    outcomes = [judged(name, ratio, spread=0.1, num_seeds=6, draw=i).outcome for i in range(count)]
    supported = outcomes.count("supported")
    assert supported / count >= 1 - allowed(count, 0.2), f"{supported} of {count}"


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("induction-facts", 1.25),
        ("induction-facts", 1 / 1.25),
        # Where facts and sequences part.
        ("induction-facts-not-sequences", 1 / math.sqrt(2)),
    ],
)
def test_at_the_margin_both_errors_are_rare(name, ratio, full_calibration):
    count = 500 if full_calibration else 8
    outcomes = [judged(name, ratio, spread=0.1, num_seeds=12, draw=i).outcome for i in range(count)]
    for outcome in ("supported", "refuted"):
        assert outcomes.count(outcome) <= allowed(count, 0.05) * count, outcome


def test_what_each_network_keeps_is_drawn_by_facts_and_by_sequences():
    runs = world("induction-facts", lambda seed: True, 6)
    verdict = find("induction-facts").judge("quick", runs)
    left, right = panels.find("induction-facts")(verdict, runs).axes
    for axes, each in ((left, [1, 1, 1]), (right, [way.asked for way in QUICK.ways])):
        lines = [line for line in axes.lines if len(line.get_xdata()) == len(QUICK.facts)]
        assert len(lines) == 18
        for line, asked in zip(lines, np.repeat(each, 6), strict=True):
            assert list(line.get_xdata()) == [facts / asked for facts in QUICK.facts]
        at = 700 * (1 + (runs[0].seed % 7) / 100)
        kept = [1 / (1 + (at / facts) ** 2) for facts in (*QUICK.facts, QUICK.many)]
        expected = np.array(kept[:-1]) / kept[-1]
        assert lines[0].get_ydata() == pytest.approx(expected)
