"""Ungrokking with something in place of weight decay, on records whose truth is known."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from efficiency.statistics.critical_size import s_curve
from efficiency.training.outcome import Outcome
from predictions.cells import Cell, Run
from predictions.circuit_efficiency.substitutes import ways
from predictions.circuit_efficiency.substitutes.claim import Forgets, SameSize, Substitute
from predictions.groups import SUBSTITUTES
from predictions.labelled import Labelled, word
from predictions.registry import find, group_of, select
from predictions.sizes import SIZES
from tests.predictions.planted import ended

FORGETS = [name for name, one in SUBSTITUTES.items() if isinstance(one, Forgets)]
SAME_SIZE = [name for name, one in SUBSTITUTES.items() if isinstance(one, SameSize)]
CHANCE = 1 / 31


def planted(
    name: str = "held-norm",
    *,
    ratio: float = 1.0,
    spread: float = 0.1,
    threshold: float = 180.0,
    num_seeds: int = 8,
    rng: np.random.Generator | None = None,
    given: Sequence[tuple[float, float]] | None = None,
) -> list[Run]:
    """Return start networks whose threshold differs by this factor, and a spread around it.

    Args:
        name: Of a claim.
        ratio: Threshold in the other way / with decay, geometric mean.
        spread: Of its logarithm.
        threshold: With decay, geometric mean over start networks.
        num_seeds: Start networks.
        rng: Draws everything.
        given: The thresholds of each start network, with decay and in the other way, instead.
    """
    rng = np.random.default_rng(5) if rng is None else rng
    if given is None:
        decayed = threshold * np.exp(0.2 * rng.normal(size=num_seeds))
        apart = ratio * np.exp(spread * rng.normal(size=num_seeds))
        given = list(zip(decayed, decayed * apart, strict=True))
    runs = []
    for cell in designed(name, len(given)):
        settings, is_other = cell.settings, cell.arm != ways.DECAY.name
        if settings.start is None:
            runs.append(ended(cell, norm=20.0))
            continue
        middle = given[settings.data_seed - 4000][is_other]
        accuracy = CHANCE + (1 - CHANCE) * s_curve([settings.dataset_size], middle, 4.0)[0]
        numbers = {"novel_accuracy": accuracy, "novel_accuracy_drift": -0.01}
        runs.append(ended(cell, **numbers, log_odds=40.0, norm=22.0))
    return runs


@functools.cache
def designed(name: str, num_seeds: int) -> list[Cell]:
    # Checked when they are made, and simulations want the same ones again and again.
    return find(name).cells("quick", num_seeds)


def judge(name: str, runs: list[Run]):
    return find(name).judge("quick", runs)


@pytest.mark.parametrize("name", FORGETS)
def test_networks_that_fall_on_few_and_keep_on_many_support_the_claim(name):
    verdict = judge(name, planted(name))
    assert verdict.outcome == "supported", verdict.sentence
    assert verdict.numbers[Labelled("norm", dataset_size=50)].value == pytest.approx(1.1)
    for number in verdict.numbers:
        assert word(number) in find(name).glossary, number


def test_networks_that_keep_what_they_know_refute_it_and_noise_alone_supports_nothing():
    kept = judge("held-norm", planted(threshold=20.0))
    assert (kept.outcome, kept.deciding) == ("refuted", "accuracy_at_smallest_size")
    # A network that is ruined on any number of examples has not ungrokked.
    ruined = judge("held-norm", planted(threshold=5000.0))
    assert (ruined.outcome, ruined.deciding) == ("undecided", "accuracy_at_largest_size")


@pytest.mark.parametrize(
    ("decayed", "free", "outcome"),
    [
        (180.0, 20.0, "supported"),
        (180.0, 5000.0, "refuted"),
        # Where decay makes no network forget there is nothing to keep.
        (20.0, 20.0, "undecided"),
        (180.0, 44.0, "undecided"),
    ],
)
def test_nothing_instead_keeps_what_decay_makes_a_network_forget(decayed, free, outcome):
    rng = np.random.default_rng(6)
    given = [(decayed * math.exp(x), free * math.exp(y)) for x, y in 0.2 * rng.normal(size=(12, 2))]
    verdict = judge("nothing-instead", planted("nothing-instead", given=given))
    assert verdict.outcome == outcome, verdict.sentence
    for number in verdict.numbers:
        assert word(number) in find("nothing-instead").glossary, number


@pytest.mark.parametrize("name", SAME_SIZE)
@pytest.mark.parametrize(
    ("ratio", "outcome"), [(1.0, "supported"), (1.6, "refuted"), (1 / 1.6, "refuted")]
)
def test_thresholds_are_held_against_those_with_decay(name, ratio, outcome):
    verdict = judge(name, planted(name, ratio=ratio, spread=0.05, num_seeds=12))
    assert verdict.outcome == outcome, verdict.sentence
    if outcome == "refuted":
        assert verdict.deciding == "threshold_ratio"
    assert verdict.numbers["threshold_ratio"].value == pytest.approx(ratio, rel=0.12)
    number = verdict.numbers["threshold"].value / verdict.numbers["threshold_with_decay"].value
    assert number == pytest.approx(ratio, rel=0.15)


def with_shuffled_networks(runs: list[Run], way: ways.Way, rng: np.random.Generator) -> list[Run]:
    """Return the records with what became of networks in the other way dealt out anew."""
    seeds = sorted({run.settings.data_seed for run in runs})
    given = dict(zip(seeds, rng.permutation(seeds), strict=True))
    found = {
        (r.settings.data_seed, r.settings.dataset_size): r.outcome
        for r in runs
        if r.arm == way.name
    }
    return [
        replace(r, outcome=found[given[r.settings.data_seed], r.settings.dataset_size])
        if r.arm == way.name
        else r
        for r in runs
    ]


def test_which_network_goes_with_which_matters():
    runs = planted("held-norm-size", spread=0.05, num_seeds=12)
    rng = np.random.default_rng(0)
    assert judge("held-norm-size", runs).outcome == "supported"
    found = [
        judge("held-norm-size", with_shuffled_networks(runs, ways.HELD, rng)) for _ in range(25)
    ]
    supported = sum(verdict.outcome == "supported" for verdict in found)
    assert supported <= stats.binom.ppf(0.999, len(found), 0.05)
    # The mean ratio does not know which network is which.
    assert all(v.numbers["threshold_ratio"].value == pytest.approx(1, rel=0.2) for v in found)


def test_a_start_network_counts_if_it_does_in_both_arms():
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    runs = planted()
    for arm in (ways.DECAY.name, ways.HELD.name):
        harmed = next(r for r in runs if r.arm == arm)
        verdict = judge(
            "held-norm-size", [replace(r, outcome=lost) if r is harmed else r for r in runs]
        )
        assert verdict.numbers["accuracy_at_smallest_size"].n == 7
        assert any("diverged" in note for note in verdict.notes)
    assert judge("held-norm", planted(num_seeds=2)).outcome == "undecided"
    assert judge("held-norm", []).outcome == "invalid"


def test_the_stated_numbers_of_networks_suffice():
    rng, count = np.random.default_rng(2), 12
    for name, num_seeds in (("held-norm", 4), ("held-norm-size", 10)):
        supported = sum(
            judge(name, planted(num_seeds=num_seeds, rng=rng)).outcome == "supported"
            for _ in range(count)
        )
        assert supported >= stats.binom.ppf(0.01, count, 0.8), name


def test_eight_networks_suffice_for_nothing_instead():
    rng, count, supported = np.random.default_rng(7), 40, 0
    for _ in range(count):
        runs = []
        for cell in designed("nothing-instead", 8):
            mean = 0.15 if cell.arm == ways.DECAY.name else 0.75
            accuracy = float(np.clip(mean + 0.2 * rng.normal(), 0, 1))
            numbers = {"novel_accuracy": accuracy, "novel_accuracy_drift": -0.01}
            runs.append(ended(cell, **numbers, log_odds=40.0, norm=22.0))
        supported += judge("nothing-instead", runs).outcome == "supported"
    assert supported >= stats.binom.ppf(0.01, count, 0.8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["nothing-instead", *SUBSTITUTES])
def test_both_arms_differ_in_what_the_claim_is_about_and_in_nothing_else(name, size):
    prediction = find(name)
    assert isinstance(prediction, Substitute)
    cells, runs = prediction.cells(size), prediction.settings(size)
    starts = [run for run in runs if run.start is None]
    arms = [
        [cell.settings for cell in cells if cell.arm == way.name]
        for way in (ways.DECAY, prediction.way)
    ]
    assert len(starts) + sum(map(len, arms)) == len(runs)
    assert f"{len(runs)} runs." in prediction.design(size)
    for decayed, other in zip(*arms, strict=True):
        assert (
            other.model_copy(update={"optimiser": decayed.optimiser, "loss": decayed.loss})
            == decayed
        )
        assert other.optimiser.learning_rate == decayed.optimiser.learning_rate
        assert other.optimiser.decay_fraction == decayed.optimiser.decay_fraction
    task = runs[0].task
    assert max(ways.DESIGNS[size].sizes) < task.num_examples


def test_substitutes_are_a_group_that_shares_its_runs():
    chosen = select(("substitutes",))
    assert [p.name for p in chosen] == list(SUBSTITUTES)
    assert group_of(list(SUBSTITUTES), "quick") == "substitutes"
    wanted = {run for p in chosen for run in p.settings("quick")}
    num_arms = len({p.way.name for p in chosen}) + 1
    assert len(wanted) == 12 * (1 + num_arms * len(ways.DESIGNS["quick"].sizes))
