"""Controls of the theory, on records whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from efficiency.training.outcome import Outcome
from predictions.cells import Run
from predictions.circuit_efficiency.controls.arms import NUM_SIZES
from predictions.circuit_efficiency.controls.equal_steps import DECAYS
from predictions.circuit_efficiency.controls.small_epsilon import SMALL, SmallEpsilon
from predictions.circuit_efficiency.controls.without_decay import LONGER, WithoutDecay
from predictions.circuit_efficiency.ungrokking.cells import DESIGNS
from predictions.circuit_efficiency.weight_decay.claim import ACCURACY_MARGIN
from predictions.groups import CONTROLS
from predictions.labelled import Labelled, word
from predictions.registry import find, group_of, select
from predictions.sizes import SIZES
from tests.build import Left, number
from tests.predictions.planted import ended, history


def planted(
    *, with_decay: float = 0.1, without: float = 0.9, spread: float = 0.1, num_seeds: int = 6
) -> list[Run]:
    """Return records whose accuracy at every D' has these means."""
    rng, runs = np.random.default_rng(3), []
    for cell in find("without-decay").cells("quick", num_seeds):
        settings = cell.settings
        if settings.start is None:
            runs.append(ended(cell, norm=20.0))
            continue
        mean = with_decay if settings.optimiser.weight_decay else without
        accuracy = float(np.clip(mean + spread * rng.normal(), 0, 1))
        run = ended(cell, novel_accuracy=accuracy, novel_accuracy_drift=0.0, norm=22.0)
        runs.append(replace(run, left=Left(history(settings, lambda step: 0.5 + 0 * step))))
    return runs


def judge(runs: list[Run]):
    return find("without-decay").judge("quick", runs)


def test_a_network_that_falls_with_decay_and_keeps_without_supports_the_claim():
    verdict = judge(planted())
    assert verdict.outcome == "supported", verdict.sentence
    assert verdict.p_refuted == 1
    assert verdict.numbers["kept_by_leaving_out_decay"].low > 0.5
    assert verdict.numbers["norm_without_decay"].value == pytest.approx(1.1)
    after = verdict.numbers[Labelled("accuracy_without_decay", steps=DESIGNS["quick"].steps_at_one)]
    assert after.value == pytest.approx(0.5, abs=0.02)


def test_forgetting_without_decay_refutes_it_and_more_than_chance_must_fall_with_decay():
    forgets = judge(planted(without=0.1))
    assert (forgets.outcome, forgets.deciding) == ("refuted", "accuracy_without_decay")
    nothing_falls = judge(planted(with_decay=0.9))
    assert (nothing_falls.outcome, nothing_falls.deciding) == (
        "undecided",
        "accuracy_with_decay",
    )
    assert judge(planted(without=0.5, spread=0.3)).outcome == "undecided"


def test_too_few_or_diverged_networks_decide_nothing():
    assert judge(planted(num_seeds=2)).outcome == "undecided"
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    assert judge([replace(run, outcome=lost) for run in planted()]).outcome == "invalid"
    assert judge([]).outcome == "invalid"


def with_accuracies(runs: list[Run], accuracy) -> list[Run]:
    """Return the runs with another accuracy where ``accuracy`` of their settings gives one."""
    changed = []
    for run in runs:
        value = accuracy(run.settings)
        numbers = run.outcome.numbers
        if value is not None:
            numbers = {**numbers, "novel_accuracy": number(value)}
        changed.append(replace(run, outcome=replace(run.outcome, numbers=numbers)))
    return changed


ALIKE = dict(
    zip(DESIGNS["quick"].sizes, (0.02, 0.03, 0.09, 0.25, 0.65, 0.95), strict=True),
)
"""Accuracies that two weight decays share, by D'."""


def ended_everywhere(name: str) -> list[Run]:
    """Return the runs of six seeds of a claim, all with the same numbers."""
    return [
        ended(cell, novel_accuracy=0.5, novel_accuracy_drift=0.0, log_odds=40.0, norm=20.0)
        for cell in find(name).cells("quick", 6)
    ]


SHAPES = {
    "normal": lambda rng: rng.normal(),
    "skewed": lambda rng: rng.exponential() - 1,
    "two humps": lambda rng: rng.choice([-1.0, 1.0]) + 0.2 * rng.normal(),
}


# What a t test of six values errs by itself; of exponential ones it is 11%.
@pytest.mark.parametrize(
    ("shape", "most"), [("normal", 0.05), ("two humps", 0.05), ("skewed", 0.12)]
)
@pytest.mark.parametrize("name", CONTROLS)
def test_a_rule_without_an_effect_errs_as_rarely_as_it_says(name, shape, most):
    # The edge of each null: accuracy exactly at the middle, exactly the margin lost, and at one D'
    # exactly the margin between two weight decays.
    rng, decided = np.random.default_rng(0), 0
    base = {"without-decay": planted, "small-epsilon": by_epsilon}.get(name)
    runs = ended_everywhere(name) if base is None else base(num_seeds=6)
    count = 60 if base is None else 150  # these judges take longer
    middle = (1 + 1 / 31) / 2

    def at_the_edge(settings):
        decay, epsilon = settings.optimiser.weight_decay, settings.optimiser.epsilon
        if name == "small-epsilon":
            return 0.9 - ACCURACY_MARGIN if epsilon == SMALL else None
        if name == "equal-steps":
            edge = ALIKE[settings.dataset_size] - ACCURACY_MARGIN
            return edge if decay == DECAYS[1] and settings.dataset_size == 211 else None
        return middle if decay == 0 else None

    def accuracy(settings):
        if settings.start is None:
            return None
        edge = at_the_edge(settings)
        if edge is None:
            known = {"small-epsilon": 0.9}.get(name, 0.1)
            return ALIKE[settings.dataset_size] if name == "equal-steps" else known
        return edge + 0.05 * SHAPES[shape](rng)

    for _ in range(count):
        verdict = find(name).judge("quick", with_accuracies(runs, accuracy))
        decided += verdict.outcome in ("supported", "refuted")
    assert decided <= stats.binom.ppf(0.999, count, most)


def test_every_number_is_explained():
    for name in judge(planted()).numbers:
        assert word(name) in WithoutDecay.glossary, name


@pytest.mark.parametrize("size", SIZES)
def test_the_runs_with_decay_are_those_of_ungrokking(size):
    prediction = find("without-decay")
    runs = prediction.settings(size)
    free = [r for r in runs if r.start is not None and r.optimiser.weight_decay == 0]
    assert set(runs) - set(free) <= set(find("ungrokking").settings(size))
    assert {r.num_steps for r in free} == {LONGER * DESIGNS[size].steps_at_one}
    assert len({r.dataset_size for r in free}) == NUM_SIZES
    assert f"{len(runs)} runs." in prediction.design(size)


def test_controls_are_a_group_that_can_be_asked_elsewhere():
    assert [p.name for p in select(("controls",))] == list(CONTROLS)
    assert group_of(list(CONTROLS), "quick") == "controls"


def by_epsilon(
    *, usual: float = 0.95, small: float = 0.7, spread: float = 0.05, num_seeds: int = 8
):
    rng, runs = np.random.default_rng(4), []
    for cell in find("small-epsilon").cells("quick", num_seeds):
        settings = cell.settings
        if settings.start is None:
            runs.append(ended(cell, norm=20.0))
            continue
        mean = small if settings.optimiser.epsilon == SMALL else usual
        accuracy = float(np.clip(mean + spread * rng.normal(), 0, 1))
        runs.append(ended(cell, novel_accuracy=accuracy, novel_accuracy_drift=-0.01, log_odds=28.0))
    return runs


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "supported"),
        ({"small": 0.95}, "refuted"),
        ({"small": 0.85, "spread": 0.15}, "undecided"),
    ],
)
def test_what_a_small_epsilon_costs_is_held_against_the_margin(given, outcome):
    verdict = find("small-epsilon").judge("quick", by_epsilon(**given))
    assert (verdict.outcome, verdict.deciding) == (outcome, "accuracy_lost")
    for name in verdict.numbers:
        assert word(name) in SmallEpsilon.glossary, name


def test_a_start_network_counts_if_it_does_with_both_epsilons():
    lost = Outcome(status="diverged", reasons=("a quantity was not finite",), numbers={})
    runs = by_epsilon()
    harmed = next(run for run in runs if run.settings.optimiser.epsilon == SMALL)
    verdict = find("small-epsilon").judge(
        "quick", [replace(run, outcome=lost) if run is harmed else run for run in runs]
    )
    assert verdict.numbers["accuracy_lost"].n == 7
    assert any("diverged" in note for note in verdict.notes)
    assert find("small-epsilon").judge("quick", by_epsilon(num_seeds=2)).outcome == "undecided"
    assert find("small-epsilon").judge("quick", []).outcome == "invalid"


@pytest.mark.parametrize("size", SIZES)
def test_the_runs_with_the_usual_epsilon_are_those_without_decay(size):
    runs = set(find("small-epsilon").settings(size))
    small = {run for run in runs if run.optimiser.epsilon == SMALL}
    assert len(small) == NUM_SIZES * len({run.data_seed for run in runs})
    assert runs - small <= set(find("without-decay").settings(size))
