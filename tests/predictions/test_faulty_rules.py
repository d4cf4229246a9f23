"""Rules and designs that fail or say nonsense, as others' may: each is told of alone."""

from __future__ import annotations

import pytest

from efficiency.errors import InvalidInputError
from efficiency.estimates import Estimate
from predictions.registry import PREDICTIONS
from predictions.verdicts import Finding

pytestmark = pytest.mark.xdist_group("smoke")


def test_one_judge_that_fails_does_not_take_the_others_with_it(own_store, predictions, monkeypatch):
    def fail(self, size, runs):
        raise ZeroDivisionError("one over nothing")

    monkeypatch.setattr(type(PREDICTIONS["ungrokking"]), "find", fail)
    answer = predictions(
        "judge", "ungrokking", "minimal-example", "--size", "smoke", "--store", own_store
    )
    assert answer.code == 1
    assert "minimal-example (smoke): SUPPORTED" in answer.out
    assert "could not be judged: ZeroDivisionError: one over nothing" in answer.out


def refuse(self, size, runs):
    raise InvalidInputError("values must be finite numbers; [inf] was given")


RATIO = Estimate(value=1.5, low=1.0, high=2.0, n=4, unit="1")

NO_FINDINGS = {
    "values must be finite numbers": refuse,
    "returns str; find() must return": lambda self, size, runs: "supported",
    "the outcome 'true'; choose from": lambda self, size, runs: Finding(
        outcome="true", sentence="It is."
    ),
    "the number ratio is float, and must be an Estimate": lambda self, size, runs: Finding(
        outcome="supported", sentence="It is.", numbers={"ratio": 1.5}
    ),
    "difference decides, and is none of its numbers (ratio)": lambda self, size, runs: Finding(
        outcome="supported", sentence="It is.", numbers={"ratio": RATIO}, deciding="difference"
    ),
}


@pytest.mark.parametrize("why", NO_FINDINGS)
def test_what_is_no_finding_is_no_verdict_and_takes_no_other_with_it(
    own_store, predictions, monkeypatch, why
):
    monkeypatch.setattr(type(PREDICTIONS["ungrokking"]), "find", NO_FINDINGS[why])
    asked = ("ungrokking", "minimal-example", "--size", "smoke", "--store", own_store)
    answer = predictions("report", *asked, "--out", own_store.parent / "told")
    assert answer.code == 1
    (page,) = (own_store.parent / "told").glob("*.md")
    assert "It could not be judged: RuleError: the rule of ungrokking" in page.read_text()
    assert why in page.read_text()
    assert "minimal-example" in page.read_text()


def test_a_design_that_cannot_be_told_stops_before_anything_is_trained(
    predictions, monkeypatch, tmp_path
):
    def fail(self, size, num_seeds=None):
        raise KeyError("smoke")

    monkeypatch.setattr(type(PREDICTIONS["grokking"]), "design", fail)
    store = tmp_path / "store"
    answer = predictions("run", "ungrokking", "grokking", "--size", "smoke", "--store", store)
    assert answer.code == 2
    assert "the design of grokking cannot be told (KeyError: 'smoke')" in answer.err
    assert not store.exists()


def test_one_prediction_that_cannot_be_asked_leaves_the_status_of_the_others(
    own_store, predictions, monkeypatch
):
    def refuse(self, size, num_seeds=None):
        raise InvalidInputError("no cells today")

    monkeypatch.setattr(type(PREDICTIONS["grokking"]), "cells", refuse)
    asked = ("--size", "smoke", "--store", own_store)
    answer = predictions("status", "grokking", "ungrokking", *asked)
    assert answer.code == 1
    assert "grokking is left out: no cells today" in answer.err
    assert "51" in answer.out
    alone = predictions("status", "grokking", *asked)
    assert alone.code == 2
    assert "no cells today" in alone.err
