"""Designs in stages: a tiny one, trained, whose later stages last as long as was foretold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from predictions import foretold
from predictions.cells import Cell, Run, by_arm
from predictions.cli import sequence
from predictions.cli.sequence import plan_looks, ranges, run_in_looks
from predictions.cli.status import status_of
from predictions.looks import planned
from predictions.plans import Extent
from predictions.stages import Foretold, Staged, foreseen
from predictions.stored import judge_stored, stored
from predictions.trainer import NetworkTrainer
from predictions.variants import Variant
from predictions.verdicts import Finding
from runs import Store, identity
from runs.statements import state, statements
from tests.build import run_settings


class Longer(Staged):
    """First a run of 20 steps, then one that lasts as many more as its norm says."""

    name: ClassVar[str] = "longer"
    question: ClassVar[str] = "longer"
    stages: ClassVar[tuple[str, ...]] = ("first", "second", "third")
    foretelling: ClassVar[str] = "The norm, rounded, and what continues each run for so long."
    min_seeds: ClassVar[int] = 1
    title = claim = rule = criterion = refutation = power = figure_caption = "None."
    assumptions: ClassVar[tuple[str, ...]] = ()
    glossary: ClassVar[dict[str, str]] = {}

    def cells_of(self, size: str, seed: int) -> list[Cell]:
        run = run_settings(data_seed=seed, init_seed=seed, num_steps=20)
        found = [Cell(stage="first", arm="first", settings=run)]
        for stage, said in zip(self.stages[1:], self.said.get(seed, ()), strict=False):
            run = run_settings(data_seed=seed, init_seed=None, start=run, num_steps=said["steps"])
            found.append(Cell(stage=stage, arm=stage, settings=run))
        return found

    def conclude(self, size: str, seed: int, runs: Sequence[Run]) -> Foretold:
        arms = by_arm(runs)[seed]
        (last,) = arms[self.stages[len(self.said.get(seed, ()))]]
        norm = last.outcome.numbers["norm"].value
        assert norm is not None
        return {"steps": 20 + round(norm), "norm": float(f"{norm:.6g}")}

    def extremes(self, size: str) -> tuple[tuple[Foretold, ...], tuple[Foretold, ...]]:
        return ({"steps": 20},) * 2, ({"steps": 60},) * 2

    def design(self, size: str, num_seeds: int | None = None) -> str:
        return "Tiny."

    def find(self, size: str, runs: Sequence[Run]) -> Finding:
        longest = {s: arms["third"][0] for s, arms in by_arm(runs).items()}
        steps = [run.settings.num_steps for run in longest.values()]
        return Finding(outcome="undecided", sentence=f"{steps}", p_value=0.5, p_refuted=0.5)


FRESH = Longer(Variant(first_seed=5000))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "s")


def run(store: Store, seeds: int, **more):
    extent = Extent(seeds=seeds, **more)
    return run_in_looks([FRESH], "quick", extent, store, NetworkTrainer("cpu"))


def said(store: Store):
    return [one for one in statements(store) if one.says["kind"] == "foretold"]


def begun(runs: Sequence[Run], *, hours: float) -> list[Run]:
    """Return runs of which those of later stages began so many hours from now."""

    class Left:
        provenance: ClassVar = {
            "times": {"began": (datetime.now(UTC) + timedelta(hours=hours)).isoformat()}
        }

    return [replace(one, left=Left()) if one.settings.start is not None else one for one in runs]


def test_what_follows_is_a_function_of_what_was_found_and_is_said_before_it_is_trained(
    store, monkeypatch
):
    seen = []
    train = sequence.train_missing

    def watched(documents, place, trainer, executor):
        about = {one.says["seed"]: one.says["foretold"]["steps"] for one in said(place)}
        seen.append((len(documents), about))
        return train(documents, place, trainer, executor)

    monkeypatch.setattr(sequence, "train_missing", watched)
    judged = run(store, 2)
    assert [number for number, _ in seen] == [2, 4, 6]
    assert [len(about) for _, about in seen] == [0, 2, 2]
    verdict = judged.verdicts[0]
    assert len(verdict.runs) == 6
    assert verdict.look.standing == "confirmatory"
    told = "What was foretold of 2 seeds, in 4 statements: 4 were written down before"
    assert verdict.notes[0].startswith(told)
    for one in said(store):
        assert one.begun == ()
        assert one.says["foretold"]["steps"] == 20 + round(one.says["foretold"]["norm"])
    held = stored(FRESH, "quick", store, 2)
    assert held.num_open == 0
    lengths = {one.says["seed"]: [] for one in said(store)}
    for one in said(store):
        lengths[one.says["seed"]].append(one.says["foretold"]["steps"])
    for seed, arms in by_arm(held.runs).items():
        assert [arms[s][0].settings.num_steps for s in ("second", "third")] == lengths[seed]


class Again(Longer):
    """The first run is compared once more in the second stage."""

    def cells_of(self, size: str, seed: int) -> list[Cell]:
        first, *later = super().cells_of(size, seed)
        again = [Cell(stage="second", arm="again", settings=first.settings)] if later else []
        return [first, *later, *again]


def test_a_run_that_has_a_place_in_a_later_stage_too_was_not_there_too_early(store):
    claim = Again(Variant(first_seed=5000))
    judged = run_in_looks([claim], "quick", Extent(seeds=2), store, NetworkTrainer("cpu"))
    verdict = judged.verdicts[0]
    assert verdict.look.standing == "confirmatory", verdict.look.why
    arms = by_arm(verdict.evidence)[5000]
    assert arms["again"][0].settings == arms["first"][0].settings
    assert len(verdict.evidence) == 2 * 4
    assert len(verdict.runs) == 2 * 3


def test_a_look_at_more_seeds_changes_nothing_of_those_that_were_there(store):
    run(store, 1, until_decided=True, max_seeds=2)
    first, *rest = (one for one in planned(store))
    assert not rest
    assert [look.says["seeds"] for look in first.looks] == [1, 2]
    both = said(store)
    assert sorted((one.says["seed"], one.says["stage"]) for one in both) == [
        (seed, stage) for seed in (5000, 5001) for stage in ("first", "second")
    ]
    again = run(store, 2)
    assert said(store) == both
    assert len(again.verdicts[0].runs) == 6


def test_a_campaign_goes_on_from_where_it_was_cut_off(store, monkeypatch):
    monkeypatch.setattr(sequence, "_foretell", lambda *arguments: 0)  # cut off before it is said
    cut = run(store, 2).verdicts[0]
    assert cut.outcome == "undecided"
    assert "of 2 seeds nothing was foretold yet; none was judged" in cut.sentence
    ((row,), _) = status_of(store, [FRESH], "quick", 2)
    assert (row.runs, row.in_store, row.open_seeds) == (2, 2, 2)
    monkeypatch.undo()
    assert len(run(store, 2).verdicts[0].runs) == 6
    ((row,), _) = status_of(store, [FRESH], "quick", 2)
    assert (row.runs, row.missing, row.open_seeds) == (6, 0, 0)


def test_a_plan_is_written_while_something_is_to_be_foretold(store, monkeypatch):
    monkeypatch.setattr(sequence, "_foretell", lambda *arguments: 0)
    run(Store(store.path), 1)
    monkeypatch.undo()
    for path in (store.path / "statements").glob("*.json"):
        path.unlink()
    plan_looks([FRESH], "quick", store, {"longer": (1,)})
    assert len(planned(store)) == 1


def test_what_was_trained_before_it_was_foretold_confirms_nothing(store):
    first = run(store, 1).verdicts[0]
    assert first.look.standing == "confirmatory"
    for path in (store.path / "statements").glob("*.json"):
        path.unlink()
    # Said after the fact: all of it is the same, but for the order.
    plan_looks([FRESH], "quick", store, {"longer": (1,)})
    second = run(store, 1).verdicts[0]
    assert second.runs == first.runs
    assert "in 2 statements: 0 were written down before" in second.notes[0]
    assert second.look.standing == "exploratory"
    assert second.look.why.startswith(
        "runs of seed 5000 were there before what they test was foretold"
    )


def test_runs_that_began_before_it_was_foretold_confirm_nothing(store):
    run(store, 1)
    held = stored(FRESH, "quick", store, 1)
    assert foretold.objection(held.known, "quick", store, held.runs) is None
    early = begun(held.runs, hours=-1)
    assert "were there before" in foretold.objection(held.known, "quick", store, early)


def test_what_does_not_follow_from_the_runs_confirms_nothing(store):
    run(store, 1)
    (first, *_) = said(store)
    key = {name: first.says[name] for name in first.says if name != "foretold"}
    for path in (store.path / "statements").glob("*.json"):
        if path.stem == first.name:
            path.unlink()
    # A hair off: it leads to the same runs, and is not what follows from those that are there.
    value = first.says["foretold"]
    state(store, {**key, "foretold": {**value, "norm": value["norm"] * 1.001}})
    held = stored(FRESH, "quick", store, 1)
    told = foretold.objection(held.known, "quick", store, begun(held.runs, hours=1))
    assert told == "what was foretold of seed 5000 does not follow from its runs"
    assert judge_stored(FRESH, "quick", store, 1).look.standing == "exploratory"


def test_what_was_foretold_by_another_rule_or_of_other_runs_is_not_ours(store, monkeypatch):
    run(store, 1)
    monkeypatch.setattr(Longer, "foretelling", "Another rule.")
    assert stored(FRESH, "quick", store, 1).num_open == 1
    monkeypatch.undo()
    assert stored(FRESH, "quick", store, 1).num_open == 0
    monkeypatch.setattr(Longer, "question", "another")
    assert stored(FRESH, "quick", store, 1).num_open == 1


def test_foretelling_otherwise_after_the_first_runs_confirms_nothing(store, monkeypatch):
    # Cut off before the first look: nobody has written down what was seen.
    monkeypatch.setattr(sequence, "verdicts_on", lambda *arguments: pytest.fail("not yet"))
    with pytest.raises(pytest.fail.Exception):
        run(store, 1)
    monkeypatch.undo()
    monkeypatch.setattr(Longer, "foretelling", "Another rule, chosen after a look at the store.")
    verdict = run(store, 1).verdicts[0]
    assert len(planned(store)) == 2, "a plan holds the words by which it is foretold"
    assert verdict.look.standing == "exploratory"
    assert verdict.look.why.startswith("of seed 5000 it was foretold before by another rule")


def test_of_several_statements_the_first_counts(store):
    run(store, 1)
    before = stored(FRESH, "quick", store, 1)
    first = said(store)[0]
    key = {name: first.says[name] for name in first.says if name != "foretold"}
    state(store, {**key, "foretold": {"steps": 44, "norm": 24.0}})
    after = stored(FRESH, "quick", store, 1)
    assert [run.identity for run in after.runs] == [run.identity for run in before.runs]


def test_before_anything_is_foretold_all_that_may_follow_is_a_range(store):
    least, most = foreseen(FRESH, "quick", 3)
    assert len(least) == len(most) == 9
    assert sum(s.num_steps for s in least) == 3 * 60 < sum(s.num_steps for s in most) == 3 * 140
    ((low, high), last) = ranges([FRESH], "quick", {"longer": (1, 2)})
    assert (len(low), len(high), len(last)) == (3, 3, 6)
    run(store, 1)
    known = stored(FRESH, "quick", store, 1).known
    assert foreseen(known, "quick", 1) is None
    assert ranges([known], "quick", {"longer": (1,)}) == (None, None)
    assert {identity(s.document()) for s in known.settings("quick", 1)} == {
        one.identity for one in stored(FRESH, "quick", store, 1).runs
    }


def test_what_was_foretold_is_listed_with_its_time(store, predictions):
    run(store, 2)
    told = json.loads(predictions("foretold", "--store", store.path, "--json").out)
    assert [(one["seed"], one["stage"], one["runs_there_before"]) for one in told] == [
        (one.says["seed"], one.says["stage"], 0) for one in said(store)
    ]
    assert foretold.said_in(told) == stored(FRESH, "quick", store, 2).known.said
    shown = predictions("foretold", "--store", store.path).out
    for one in said(store):
        assert one.made[:19].replace("T", " ") in shown
        assert f"steps {one.says['foretold']['steps']}" in shown
    empty = Store(store.path.parent / "empty")
    empty.create()
    assert "nothing was foretold" in predictions("foretold", "--store", empty.path).out
