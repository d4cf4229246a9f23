"""Looks at a store: what is written down, what several say together, what confirms nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from predictions.cells import Run
from predictions.circuit_efficiency import scratch
from predictions.clauses import LEVEL, outcome_by
from predictions.cli import running, sequence
from predictions.cli.sequence import run_in_looks
from predictions.designs import Part
from predictions.looks import planned, with_look, write_look, write_plan
from predictions.plans import Extent, Look
from predictions.registry import find
from predictions.stored import judge_stored
from predictions.variants import Variant
from predictions.verdicts import Finding, Verdict
from runs import Store, StoreError, identity
from runs.statements import state
from tests.predictions.planted import course, rising

LOOKS = (4, 8, 16)
FRESH = type(find("grokking"))(Variant(first_seed=5000))


@dataclass
class Dated:
    """What is left of a run of which only the time matters."""

    provenance: dict[str, Any] = field(default_factory=dict)


def runs(num_seeds: int, began: datetime | None = None) -> list[Run]:
    began = began or datetime.now(UTC) + timedelta(hours=1)
    left = Dated(provenance={"times": {"began": began.isoformat(timespec="seconds")}})
    return [
        replace(course(cell, rising(100.0, 6.0)), left=left)
        for cell in FRESH.cells("quick", num_seeds)
    ]


def verdict(p: float, against: float = 1.0) -> Verdict:
    outcome = "supported" if p < LEVEL else "refuted" if against < LEVEL else "undecided"
    return Verdict(
        prediction="grokking",
        size="quick",
        rule=FRESH.rule,
        finding=Finding(
            outcome=outcome,
            sentence="Found." if outcome != "undecided" else "Found. Left open: delay.",
            p_value=p,
            p_refuted=against,
        ),
    )


def look(store: Store, num_seeds: int, p: float, against: float = 1.0, **when: Any) -> Verdict:
    seen = with_look(verdict(p, against), FRESH, "quick", store, runs(num_seeds, **when))
    write_look(store, seen)
    return seen


@pytest.fixture
def store(tmp_path) -> Store:
    found = Store(tmp_path / "s")
    write_plan(found, FRESH, "quick", LOOKS)
    return found


def test_a_look_before_which_a_plan_stood_is_confirmatory_and_pays_for_all(store):
    first = look(store, 4, p=0.2)
    assert (first.outcome, first.look.standing, first.look.number) == (
        "undecided",
        "confirmatory",
        1,
    )
    assert first.p_value == pytest.approx(0.4)
    second = look(store, 8, p=0.03)
    assert (second.outcome, second.p_value) == ("undecided", pytest.approx(0.12))
    assert second.look.p_value == 0.03
    assert second.sentence.endswith(
        "would say supported; with what looks cost it leaves that open."
    )
    assert second.next_command.endswith(
        "--seeds 4 --until-decided --max-seeds 16 --first-seed 5000"
    ), "the next look of the same plan, not another one"
    third = look(store, 16, p=0.004)
    assert (third.outcome, third.p_value) == ("supported", pytest.approx(0.032))
    assert third.next_command is None
    assert Verdict.from_document(json.loads(json.dumps(third.document()))) == third
    assert [s.says["number"] for s in planned(store)[0].looks] == [1, 2, 3]


def test_what_an_early_look_decided_a_later_one_does_not_undo(store):
    assert look(store, 4, p=1.0, against=0.001).outcome == "refuted"
    later = look(store, 8, p=1.0, against=0.3)
    assert (later.outcome, later.p_refuted) == ("refuted", pytest.approx(0.002))
    assert later.sentence == (
        "Found. Alone this look, 2 of 3, would say undecided; look 1 had decided before it."
    )
    # Even if it would decide otherwise.
    assert look(store, 16, p=1e-6).outcome == "refuted"


def test_an_early_look_does_not_know_what_later_ones_showed(store):
    look(store, 8, p=0.0001)
    assert look(store, 4, p=0.5).p_value == 1


def test_after_the_last_look_nothing_is_urged(store):
    last = look(store, 16, p=0.5)
    assert (last.outcome, last.next_command) == ("undecided", None)
    assert last.sentence.endswith("All planned looks have been taken.")


def test_a_look_that_came_to_no_p_is_written_down_and_has_shown_nothing(store):
    none = verdict(0.5).saying(p_value=None, p_refuted=None)
    write_look(store, with_look(none, FRESH, "quick", store, runs(4)))
    assert [one.says["p_value"] for one in planned(store)[0].looks] == [None]
    assert look(store, 8, p=0.001).p_value == pytest.approx(0.004)


def test_what_an_early_look_decided_stands_though_a_later_one_comes_to_no_p(store):
    assert look(store, 4, p=1.0, against=0.001).outcome == "refuted"
    none = verdict(0.5).saying(p_value=None, p_refuted=None)
    assert with_look(none, FRESH, "quick", store, runs(8)).outcome == "refuted"


def no_test() -> Verdict:
    return verdict(0.5).saying(outcome="invalid", p_value=None, p_refuted=None)


def test_a_later_look_whose_conditions_fail_is_no_test_unless_an_earlier_one_decided(store):
    look(store, 4, p=0.5)
    later = with_look(no_test(), FRESH, "quick", store, runs(8))
    assert (later.outcome, later.p_value, later.next_command) == ("invalid", None, None)
    assert later.sentence == no_test().sentence


def test_what_an_early_look_decided_stands_though_conditions_fail_later(store):
    assert look(store, 4, p=0.001).outcome == "supported"
    later = with_look(no_test(), FRESH, "quick", store, runs(8))
    assert later.outcome == "supported"
    assert later.sentence.endswith("would say invalid; look 1 had decided before it.")


def test_what_is_not_trained_yet_is_asked_for_as_it_was_planned(store):
    seen = judge_stored(FRESH, "quick", store)
    assert "runs are not in the store" in seen.sentence
    assert "--seeds 4 --until-decided --max-seeds 16 --first-seed 5000" in seen.next_command
    other = type(FRESH)(Variant(first_seed=9000))
    assert "--until-decided" not in judge_stored(other, "quick", store).next_command


def test_a_claim_that_is_shown_is_supported_though_its_absence_is_bounded_too(store):
    # A share of 14 of 96 is more than 5% and less than 30%, at any of these looks.
    both = look(store, 16, p=0.0006, against=0.0007)
    assert both.outcome == outcome_by(0.0006, 0.0007) == "supported"


def test_a_look_taken_twice_with_other_results_counts_the_worse_and_confirms_nothing(store):
    assert look(store, 4, p=0.6).look.standing == "confirmatory"
    better = look(store, 4, p=0.001)
    assert better.look.why == "this look was taken before, with another result"
    assert look(store, 8, p=0.2).p_value == pytest.approx(0.8), "not 0.002"


def test_looking_twice_at_the_same_is_one_look(store):
    assert look(store, 4, p=0.02) == look(store, 4, p=0.02)
    assert len(planned(store)[0].looks) == 1


def test_without_a_plan_or_with_runs_from_before_nothing_is_confirmed(store, tmp_path):
    assert look(store, 5, p=0.01).look.why == "no plan to look at 5 seeds stood before these runs"
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    early = look(store, 4, p=0.01, began=long_ago)
    assert (early.look.standing, early.look.why) == (
        "exploratory",
        "4 of its 4 runs began before it was planned",
    )
    unplanned = look(Store(tmp_path / "other"), 4, p=0.01)
    assert (unplanned.outcome, unplanned.look.standing) == ("supported", "exploratory")


def test_the_seeds_of_the_designs_confirm_nothing_in_any_store(tmp_path):
    usual, store = find("grokking"), Store(tmp_path / "s")
    write_plan(store, usual, "quick", (4,))
    left = Dated(provenance={"times": {"began": "2999-01-01T00:00:00+00:00"}})
    judged = [replace(course(c, rising(100.0, 6.0)), left=left) for c in usual.cells("quick", 4)]
    seen = with_look(verdict(0.01), usual, "quick", store, judged)
    assert (seen.outcome, seen.look.standing) == ("supported", "exploratory")
    assert "--first-seed takes others" in seen.look.why


def test_a_second_plan_that_was_looked_at_another_rule_or_design_confirms_nothing(
    store, monkeypatch
):
    write_plan(store, FRESH, "quick", (8, 16))
    write_plan(store, FRESH, "quick", (32,))
    assert look(store, 32, p=0.5).look.standing == "confirmatory", "nobody had looked at the first"
    assert look(store, 8, p=0.03).p_value == pytest.approx(0.12), "the first plan holds"
    write_plan(store, FRESH, "quick", (64,))
    assert look(store, 64, p=0.01).look.why == "another plan for these seeds had been looked at"
    elsewhere = type(FRESH)(Variant(first_seed=7000))
    write_plan(store, elsewhere, "quick", (4,))
    assert (planned(store)[-1].before, planned(store)[-1].others) == (0, 4)
    monkeypatch.setattr(type(FRESH), "rule", "Another rule.")
    assert look(store, 4, p=0.01).look.why == "the rule has changed since it was planned"
    monkeypatch.undo()
    longer = Part("scratch", {"quick": replace(scratch.DESIGNS["quick"], num_steps=50_000)})
    monkeypatch.setattr(scratch, "DESIGNS", longer)
    assert look(store, 4, p=0.01).look.why == "the design has changed since it was planned"


def test_a_statement_of_another_version_is_named_and_one_of_another_kind_is_none_of_ours(store):
    state(store, {"kind": "stage", "what": "else"})
    assert len(planned(store)) == 1
    state(store, {"kind": "plan", "what": "else"})
    with pytest.raises(StoreError, match="not one that this version makes"):
        planned(store)


@pytest.mark.parametrize(
    ("decides", "asked"),
    [
        ("supported", [5]),
        ("refuted", [5]),
        ("invalid", [5]),
        ("undecided", [5, 10, 20]),
        (None, [5]),
    ],
)
def test_it_goes_on_only_while_a_claim_is_judged_and_open(
    own_store, monkeypatch, decides, asked, tmp_path
):
    found: list[int] = []

    def judged(prediction, size, store, seeds):
        found.append(seeds)
        if decides is None:
            raise RuntimeError("a fault of the judge")
        seen = Look(standing="exploratory", why="planted", seeds=seeds)
        said = verdict(0.5).saying(outcome=decides)
        return replace(said, prediction="ungrokking", look=seen)

    monkeypatch.setattr(sequence, "train_missing", lambda *arguments: True)
    monkeypatch.setattr(running, "judge_stored", judged)
    extent = Extent(until_decided=True, max_seeds=39)
    result = run_in_looks([find("ungrokking")], "smoke", extent, Store(own_store), None)
    assert found == asked
    assert result.code == (1 if decides is None else 0)


def test_a_plan_of_several_looks_is_written_though_nothing_is_to_train(own_store, predictions):
    arguments = ("ungrokking", "--size", "smoke", "--store", own_store, "--out", own_store / "../o")
    predictions("run", *arguments)
    assert not planned(Store(own_store)), "one look at what is there needs none"
    assert predictions("run", *arguments, "--seeds", "6").code == 0
    again = predictions("run", *arguments, "--seeds", "3", "--until-decided", "--max-seeds", "6")
    assert again.err.count("0 runs trained") == 2
    assert [one.plan.looks for one in planned(Store(own_store))] == [(6,), (3, 6)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--until-decided", "--seeds", "1"], "ungrokking tests nothing with 1 of the 3 seeds"),
        (["--until-decided", "--max-seeds", "2"], "ungrokking: --max-seeds 2 is less than the 5"),
        (["--max-seeds", "50"], "no effect without --until-decided"),
    ],
)
def test_looks_that_cannot_be_taken_say_why(predictions, tmp_path, words, told):
    answer = predictions("run", "ungrokking", "--size", "smoke", "--store", tmp_path / "s", *words)
    assert answer.code == 2
    assert told in answer.err
    assert not (tmp_path / "s").exists()


def test_a_plan_says_which_of_its_runs_were_there(own_store, predictions, tmp_path):
    arguments = ("ungrokking", "--size", "smoke", "--store", own_store, "--out", tmp_path / "out")
    answer = predictions("run", *arguments, "--until-decided", "--max-seeds", "11")
    assert answer.code == 0, answer.err
    assert "look 2 of 2 takes 10" in answer.err
    assert "exploratory, look 2 of 2: seeds from 4000 on are those" in answer.out
    (plan,) = json.loads(predictions("plans", "--store", own_store, "--json").out)
    assert (plan["looks"], plan["runs_there_before"]) == ([5, 10], 51)
    assert [one["seeds"] for one in plan["taken"]] == [5, 10]
    shown = predictions("plans", "--store", own_store).out
    assert "5, 10" in shown
    assert "51 runs" in shown
    assert (tmp_path / "out" / "ungrokking-smoke-until-decided-11-at-most.html").exists()
    # What is judged without asking is what was looked at last.
    judged = json.loads(predictions("judge", *arguments[:5], "--json").out)
    assert judged[0]["look"]["seeds"] == 10
    again = predictions("run", *arguments, "--until-decided", "--max-seeds", "11")
    assert "0 runs trained" in again.err
    assert len(json.loads(predictions("plans", "--store", own_store, "--json").out)) == 1


def test_plans_stand_before_the_first_run(predictions, tmp_path):
    arguments = ("--size", "smoke", "--store", tmp_path / "s", "--out", tmp_path / "out")
    names = ("grokking", "minimal-example")
    (usual, example) = json.loads(predictions("run", *names, *arguments, "--json").out)
    assert usual["look"]["standing"] == "exploratory", "these seeds are known"
    assert example["look"] is None
    fresh = predictions("run", "grokking", *arguments, "--first-seed", "5000", "--json")
    (verdict,) = json.loads(fresh.out)
    assert verdict["look"]["standing"] == "confirmatory"
    assert "made before it here: 1" in verdict["look"]["why"]
    plan = planned(Store(tmp_path / "s"))[-1]
    wanted = {identity(s.document()) for s in FRESH.settings("smoke")}
    assert set(verdict["runs"]) == wanted
    assert not plan.statement.begun


def test_a_dry_run_tells_the_first_look_and_the_most_that_it_may_come_to(predictions, tmp_path):
    arguments = ("--size", "smoke", "--store", tmp_path / "s", "--dry-run", "--until-decided")
    facts = json.loads(predictions("run", "grokking", *arguments, "--json").out)
    assert facts["runs_to_train_at_most"] == 8 * facts["runs_to_train"]
    assert facts["estimated_seconds_at_most"] > facts["estimated_seconds"]
    told = predictions("run", "grokking", *arguments).out
    assert "before the last look: " in told
    assert not (tmp_path / "s").exists()
